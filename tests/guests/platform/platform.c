/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looks at every part of the machine that guests are promised.
 *
 * only=NAME,NAME (uart ports cmos ioapic lapic timer cpuid msr control debug
 * fpu memory paging long host x2apic) slow (also what takes a second) nonmi
 */
#include "tests/guests/platform/platform.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/check.h"
#include "tests/guests/lib/clock.h"
#include "tests/guests/lib/console.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/trap.h"

volatile uint32_t platform_taken;
volatile uint32_t platform_order[PLATFORM_ORDER];
volatile uint64_t platform_when;

static void on_interrupt(struct trap_frame *frame)
{
    platform_when = rdtsc();
    platform_order[platform_taken % PLATFORM_ORDER] = frame->vector;
    platform_taken++;
    apic_eoi();
}

void platform_forget(void)
{
    platform_taken = 0;
}

bool platform_wait(uint32_t n, uint32_t ms)
{
    uint64_t end = clock_after(ms);

    cpu_sti();
    while (platform_taken < n && rdtsc() < end)
        cpu_pause();
    cpu_cli();
    return platform_taken >= n;
}

static const struct section {
    const char *name;
    void (*run)(void);
} sections[] = {
    {"uart", platform_uart},       {"ports", platform_ports},
    {"cmos", platform_cmos},       {"ioapic", platform_ioapic},
    {"lapic", platform_lapic},     {"timer", platform_timer},
    {"cpuid", platform_cpuid},     {"msr", platform_msr},
    {"control", platform_control}, {"debug", platform_debug},
    {"fpu", platform_fpu},         {"memory", platform_memory},
    {"paging", platform_paging},   {"long", platform_long},
    {"host", platform_host},       {"x2apic", platform_x2apic},
};

void guest_main(void)
{
    apic_init();
    clock_init();
    for (uint32_t i = 0; i < 0x20; i++)
        trap_set(PLATFORM_VECTOR + i, on_interrupt);
    print("platform %s, tsc %u kHz, timer %u kHz\n",
          machine_hosted() ? "hosted" : "alone", clock_tsc_khz(),
          clock_timer_khz());
    for (uint32_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        if (option_lists("only", sections[i].name))
            sections[i].run();
    }
    check_done();
}
