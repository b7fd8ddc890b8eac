/* SPDX-License-Identifier: BSD-2-Clause */
/* sources: kernel/watchdog.c drivers/ioapic.c */
/* The root watchdog, asked as an NMI asks it. Times are of the host's TSC: a
 * "second" of the core is longer than any test takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <asm/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/interrupt.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/percpu.h"
#include "arch/x86_64/smp.h"
#include "arch/x86_64/timer.h"
#include "drivers/ioapic.h"
#include "drivers/nmi_timer.h"
#include "kernel/cell.h"
#include "kernel/errno.h"
#include "kernel/fact.h"
#include "kernel/fault.h"
#include "kernel/watchdog.h"

#define PIN    2
#define PINS   24
#define MASKED (1u << 16)
#define NMI    (4u << 8)
#define MS     ((uint64_t)1 << 20)
#define SECOND (25 * 1000 * MS) /* at least: below a hypervisor, too */

uint64_t tsc_per_ms = 1000000;
uint32_t cpu_count = 1;

static struct percpu percpu;
static bool (*look)(void);
static bool pit_works, runs;
static unsigned armed, disarmed;
static char said[80];

/* ---- an I/O APIC; a register is read and written through a window ---- */

static uint32_t apic[4096 / 4];

void *device_map(uint64_t physical, size_t size)
{
    (void)physical;
    assert_int_equal(size, 4096);
    return apic;
}

/* What was written last. */
static void assert_pin(uint32_t value)
{
    assert_int_equal(apic[0], 0x10 + 2 * PIN);
    assert_int_equal(apic[4], value);
}

/* ---- a clock on its pin ---- */

int nmi_timer_open(uint32_t gsi, uint32_t apic_id)
{
    return ioapic_host_route_nmi(gsi, apic_id);
}

void nmi_timer_close(uint32_t gsi)
{
    ioapic_host_mask(gsi);
}

static void nmi(void)
{
    percpu.nmis++;
    look();
}

void nmi_timer_arm(uint32_t us)
{
    (void)us;
    armed++;
    runs = true;
    if (pit_works && percpu.watch_limit == 1 && !percpu.nmis) { /* a trial */
        nmi();
    }
}

void nmi_timer_disarm(void)
{
    disarmed++;
    runs = false;
}

/* ---- the rest of the machine ---- */

void nmi_register(bool (*function)(void))
{
    look = function;
}

void fact(enum log_level level, const char *subject, const char *format, ...)
{
    va_list args;

    (void)level;
    assert_string_equal(subject, "watchdog");
    va_start(args, format);
    strncpy(said, strchr(format, '%') ? va_arg(args, const char *) : format,
            sizeof(said) - 1);
    va_end(args);
}

void apic_send_nmi(uint32_t id)
{
    (void)id;
}

void smp_guard(void (*work)(void))
{
    (void)work;
}

void timer_enable(void)
{
}

void timer_arm(uint64_t deadline)
{
    (void)deadline;
}

static void (*during)(void);

int cpu_catch(void (*function)(void *), void *argument)
{
    function(argument);
    return 0;
}

static void serve(void *argument)
{
    (void)argument;
    during();
}

/* ---- the tests ---- */

static void start(const char *force_missing)
{
    percpu = (struct percpu){.self = &percpu, .served_vm = FAULT_NO_VM};
    armed = disarmed = 0;
    runs = false;
    tsc_per_ms = 1000000; /* the trial is not to take long */
    ioapic_host_open(0xfec00000);
    watchdog_init(PIN, force_missing);
    tsc_per_ms = MS;
}

static int set_up(void **state)
{
    (void)state;
    if (syscall(SYS_arch_prctl, ARCH_SET_GS, &percpu)) {
        return -1;
    }
    apic[4] = (PINS - 1) << 16;
    pit_works = true;
    start("");
    assert_non_null(watchdog_source());
    return 0;
}

/* So many looks as make it sure. */
static bool is_endless(void)
{
    bool endless = false;

    percpu.watch_strikes = 0;
    for (unsigned i = 0; i < 5; i++) {
        endless = look();
    }
    return endless;
}

static void a_vm_that_is_late_is_abandoned(void **state)
{
    (void)state;
    percpu.served_vm = 1;
    percpu.watch_limit = rdtsc() + SECOND;
    assert_false(is_endless());
    percpu.watch_limit = rdtsc() - 1;
    assert_true(is_endless());
}

static void late_for_one_look(void)
{
    percpu.watch_limit = rdtsc() - 1;
    assert_false(look());
}

/* One look is none: whoever's turn was late before. */
static void each_turn_is_given_all_its_looks(void **state)
{
    static const struct cell cell = {.frames = 1};

    (void)state;
    percpu.served_vm = 1;
    during = late_for_one_look;
    for (unsigned i = 0; i < 5; i++) {
        watchdog_catch(serve, NULL, rdtsc() + SECOND, &cell);
    }
}

/* It began late in a long turn: no fault of its own. */
static void a_core_section_has_its_time(void **state)
{
    (void)state;
    percpu.served_vm = 1;
    percpu.core_depth = 1;
    percpu.watch_limit = rdtsc() - MS;
    assert_false(is_endless());
    percpu.core_depth = 0; /* it has come to its end */
    assert_true(is_endless());
}

static void a_core_section_ends_some_time(void **state)
{
    (void)state;
    percpu.served_vm = 1;
    percpu.core_depth = 1;
    percpu.watch_limit = rdtsc() - SECOND - MS;
    assert_true(is_endless());
}

/* With no VM served the core has had its second. */
static void the_core_has_no_more_than_its_second(void **state)
{
    (void)state;
    percpu.core_depth = 1;
    percpu.watch_limit = rdtsc() - 1;
    assert_true(is_endless());
}

/* While it is late, each look asks for the next one. */
static void a_late_section_is_looked_at_again(void **state)
{
    (void)state;
    percpu.served_vm = 1;
    percpu.core_depth = 1;
    percpu.watch_limit = rdtsc() - MS;
    armed = 0;
    nmi();
    assert_int_equal(armed, 1);
}

static void round_of_the_core(void)
{
    watchdog_core_begins();
    assert_true(percpu.watch_limit > rdtsc());
    assert_true(runs);
    watchdog_core_ends();
}

/* One NMI may wake a machine that idles, and not a second one; and whatever
 * the core does next is watched again. */
static void an_idle_machine_is_left_alone(void **state)
{
    (void)state;
    round_of_the_core();
    assert_true(runs); /* the next round needs none */
    runs = false;
    nmi(); /* in idle */
    round_of_the_core();
    assert_false(runs);
    for (unsigned i = 0; i < 3; i++) { /* woken by something else */
        round_of_the_core();
        assert_true(runs);
        runs = false;
        nmi();
        round_of_the_core();
        assert_false(runs);
    }
}

static void watched_in_between(void)
{
    assert_true(runs);
    assert_true(percpu.watch_limit != 0);
}

static void a_vm_is_watched_after_idle(void **state)
{
    static const struct cell cell = {.frames = 1};

    (void)state;
    during = watched_in_between;
    runs = false;
    nmi();
    round_of_the_core();
    assert_false(runs);
    watchdog_catch(serve, NULL, rdtsc() + MS, &cell);
    assert_int_equal(percpu.watch_limit, 0);
}

/* What was tried in vain could still come: in the midst of anything. */
static void a_clock_that_does_not_work_is_masked(void **state)
{
    (void)state;
    assert_pin(NMI);
    pit_works = false;
    apic[4] = (PINS - 1) << 16;
    start("");
    assert_null(watchdog_source());
    assert_pin(MASKED);
    assert_string_equal(said, "none: an endless loop of ours stops all");
}

static void no_other_pin_is_masked(void **state)
{
    (void)state;
    apic[0] = apic[4] = 0;
    ioapic_host_mask(PINS);
    assert_int_equal(apic[0], 0);
    ioapic_host_mask(PINS - 1);
    assert_int_equal(apic[0], 0x10 + 2 * (PINS - 1));
    assert_int_equal(apic[4], MASKED);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_vm_that_is_late_is_abandoned),
        TEST(each_turn_is_given_all_its_looks),
        TEST(a_core_section_has_its_time),
        TEST(a_core_section_ends_some_time),
        TEST(the_core_has_no_more_than_its_second),
        TEST(a_late_section_is_looked_at_again),
        TEST(an_idle_machine_is_left_alone),
        TEST(a_vm_is_watched_after_idle),
        TEST(a_clock_that_does_not_work_is_masked),
        TEST(no_other_pin_is_masked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
