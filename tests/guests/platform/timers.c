/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/platform/platform.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/check.h"
#include "tests/guests/lib/clock.h"
#include "tests/guests/lib/console.h"
#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/machine.h"

#define VECTOR (PLATFORM_VECTOR + 8)
#define LATE   20u /* ms: another guest may have the processor */

/* A span of the TSC that should be ms: not shorter by more than 2 %. */
static void in_time(const char *name, uint64_t span, uint32_t ms)
{
    uint64_t wanted = (uint64_t)ms * clock_tsc_khz();

    if (span * 50 >= wanted * 49 &&
        span <= wanted + (uint64_t)LATE * clock_tsc_khz()) {
        check(true, name);
        return;
    }
    check_failed(name, "%llu ticks, not %llu", (unsigned long long)span,
                 (unsigned long long)wanted);
}

static void one_shot(void)
{
    uint64_t start = rdtsc();

    platform_forget();
    apic_timer(VECTOR, clock_timer_khz() * 10, false);
    check(apic_read(APIC_CURRENT) <= clock_timer_khz() * 10 &&
              apic_read(APIC_CURRENT) > 0,
          "timer.counts_down");
    if (check(platform_wait(1, 100), "timer.one_shot"))
        in_time("timer.one_shot_in_time", platform_when - start, 10);
    check(!platform_wait(2, 15), "timer.one_shot_once");
    check_equal("timer.one_shot_at_0", apic_read(APIC_CURRENT), 0);
}

static void periodic(void)
{
    uint64_t start = rdtsc();

    platform_forget();
    apic_timer(VECTOR, clock_timer_khz() * 2, true);
    if (check(platform_wait(10, 200), "timer.periodic"))
        in_time("timer.periodic_in_time", platform_when - start, 20);
    apic_timer(VECTOR, 0, false);
    platform_wait(99, 1); /* one may have come in meanwhile */
    platform_forget();
    check(!platform_wait(1, 6), "timer.periodic_stops");
}

static void deadline(void)
{
    uint64_t start, at;

    if (!clock_has_deadline()) {
        check_skip("timer.deadline", "not offered");
        return;
    }
    platform_forget();
    apic_deadline(VECTOR, 0);
    start = rdtsc();
    at = clock_after(5);
    apic_deadline(VECTOR, at);
    check_equal("timer.deadline_reads", rdmsr(MSR_TSC_DEADLINE), at);
    if (check(platform_wait(1, 100), "timer.deadline"))
        in_time("timer.deadline_in_time", platform_when - start, 5);
    check(platform_when >= at, "timer.deadline_not_early");
    if (machine_hosted()) /* Bochs' own keeps its value */
        check_equal("timer.deadline_disarmed", rdmsr(MSR_TSC_DEADLINE), 0);
    platform_forget();
    apic_deadline(VECTOR, 1);
    check(platform_wait(1, 20), "timer.deadline_past");
    platform_forget();
    apic_deadline(VECTOR, clock_after(3));
    apic_deadline(VECTOR, 0);
    check(!platform_wait(1, 6), "timer.deadline_cancelled");
    apic_timer(VECTOR, 0, false);
}

static void halted(void)
{
    uint64_t start = rdtsc();

    platform_forget();
    apic_timer(VECTOR, clock_timer_khz() * 5, false);
    while (platform_taken == 0) {
        cpu_sti_hlt();
        cpu_cli();
    }
    in_time("timer.halted_in_time", platform_when - start, 5);
}

static void masked(void)
{
    platform_forget();
    apic_timer(VECTOR, clock_timer_khz(), false);
    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | VECTOR);
    check(!platform_wait(1, 3), "timer.masked");
}

static void tsc_goes_on(void)
{
    uint64_t last = rdtsc();
    uint32_t back = 0;

    for (uint32_t i = 0; i < 20000; i++) {
        uint64_t now = rdtsc();

        back += now < last;
        last = now;
    }
    check_equal("timer.tsc_never_back", back, 0);
}

void platform_timer(void)
{
    one_shot();
    periodic();
    deadline();
    halted();
    masked();
    tsc_goes_on();
}
