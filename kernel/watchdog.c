/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/watchdog.h"

#include <stdbool.h>
#include <stddef.h>

#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/interrupt.h"
#include "arch/x86_64/percpu.h"
#include "arch/x86_64/smp.h"
#include "arch/x86_64/timer.h"
#include "drivers/nmi_timer.h"
#include "kernel/cell.h"
#include "kernel/fact.h"
#include "kernel/fault.h"
#include "kernel/string.h"

#define PERIOD_US  25000u /* an NMI comes this late at most */
#define CONFIRM_US 2000u  /* between one look at what is late and the next */
#define STRIKES                                       \
    3 /* such looks: one may be due to a CPU that was \
         taken from us (SMM, an outer hypervisor) */
#define PATIENCE_MS 20
#define FRAME_TICKS 16 /* a page's share in work that goes over all of them */
#define CORE_MS     1000
#define TRY_US      20000u

/* Below a hypervisor, where an access to a port may take as long as a turn
 * and the CPU be given to others: so many times the patience. */
#define LENT_CPU 25

enum source { NOTHING, CLOCK, OTHER_CPU };

static enum source source;
static uint64_t armed_until; /* host TSC of the next NMI */
static uint64_t longest;
static unsigned scale = 1; /* of all patience */
static bool idled; /* an NMI came in idle: the next idle is not to have one */

static uint64_t ticks_of(uint64_t us)
{
    return us * tsc_per_ms / 1000;
}

static void arm(uint64_t now, uint32_t us)
{
    if (source == CLOCK) {
        armed_until = now + ticks_of(us);
        nmi_timer_arm(us);
    }
}

/* Until the limit, but not too long. */
static uint32_t us_until(uint64_t limit, uint64_t now)
{
    return limit - now < ticks_of(PERIOD_US)
               ? (uint32_t)((limit - now) * 1000 / tsc_per_ms)
               : PERIOD_US;
}

/* While a VM is served, what is late at depth 0 costs that VM, and in a core
 * section all of them: a section that merely began late gets its time. */
static uint64_t limit_of(const struct percpu *self)
{
    bool in_section = self->core_depth > 0 && self->served_vm != FAULT_NO_VM;

    return self->watch_limit + (in_section ? scale * CORE_MS * tsc_per_ms : 0);
}

/* Called in NMI context. True: what this CPU does never ends. */
static bool look(void)
{
    struct percpu *self = this_cpu();
    uint64_t now = rdtsc();

    if (!self->watch_limit) {
        armed_until = 0;
        idled = true;
        return false;
    }
    if (now >= limit_of(self)) {
        arm(now, CONFIRM_US);
        return ++self->watch_strikes >= STRIKES;
    }
    /* The section may end before its time does, and be late then. */
    arm(now, now >= self->watch_limit ? CONFIRM_US
                                      : us_until(self->watch_limit, now));
    return false;
}

/* The NMI that is armed comes soon enough most of the time: a port access a
 * turn would be too many. */
static void watch(uint64_t limit, uint64_t now)
{
    struct percpu *self = this_cpu();

    self->watch_strikes = 0;
    self->watch_limit = source && self->index == 0 ? limit : 0;
    if (self->watch_limit && armed_until < now + ticks_of(PERIOD_US) / 2) {
        arm(now, PERIOD_US);
    }
}

struct watched {
    void (*function)(void *);
    void *argument;
    uint64_t limit, patience;
};

static void note_lateness(uint64_t end)
{
    uint64_t now = rdtsc();

    if (now > end && now - end > longest) {
        longest = now - end;
    }
}

/* The watch begins and ends where an abandoned stretch can be caught. */
static void call(void *argument)
{
    const struct watched *watched = argument;
    struct percpu *self = this_cpu();

    idled = false;
    watch(watched->limit, rdtsc());
    watched->function(watched->argument);
    if (self->watch_limit) { /* it may have been moved */
        note_lateness(self->watch_limit - watched->patience);
    }
    self->watch_limit = 0;
}

int watchdog_catch(void (*function)(void *), void *argument, uint64_t end,
                   const struct cell *cell)
{
    uint64_t patience = watchdog_patience(cell);
    struct watched watched = {function, argument, end + patience, patience};
    uint64_t before = this_cpu()->watch_limit, start = rdtsc(), now;
    int abandoned = cpu_catch(call, &watched);

    now = rdtsc();
    watch(before ? before + (now - start) : 0, now);
    return abandoned;
}

void watchdog_allow(uint64_t ticks)
{
    if (this_cpu()->watch_limit) {
        this_cpu()->watch_limit += ticks;
    }
}

uint64_t watchdog_patience(const struct cell *cell)
{
    return scale * (PATIENCE_MS * tsc_per_ms + cell->frames * FRAME_TICKS);
}

uint64_t watchdog_longest(void)
{
    return longest;
}

void watchdog_core_begins(void)
{
    uint64_t now = rdtsc();

    watch(now + scale * CORE_MS * tsc_per_ms, now);
}

/* What woke an idle machine was the NMI, if one came: it is not to wake it
 * again and again. What comes next is watched again. */
void watchdog_core_ends(void)
{
    this_cpu()->watch_limit = 0;
    if (idled && source == CLOCK) {
        nmi_timer_disarm();
        armed_until = 0;
    }
    idled = false;
}

const char *watchdog_source(void)
{
    static const char *const names[] = {
        [CLOCK] = "a root watchdog, by NMIs of the PIT",
        [OTHER_CPU] = "a root watchdog, by NMIs of another CPU",
    };

    return names[source];
}

static struct percpu *boot_cpu;

/* On the other CPU, which sleeps in between. What its TSC says is not taken
 * for granted: look() asks the boot CPU's own. */
static void guard_boot_cpu(void)
{
    uint64_t limit = __atomic_load_n(&boot_cpu->watch_limit, __ATOMIC_RELAXED);
    uint64_t now = rdtsc();
    uint32_t us = PERIOD_US;

    if (limit && now >= limit) {
        apic_send_nmi(boot_cpu->apic_id);
        us = CONFIRM_US;
    } else if (limit) {
        us = us_until(limit, now);
    }
    timer_enable();
    timer_arm(now + ticks_of(us));
}

/* Does an NMI come when all time is up? */
static bool works(enum source candidate)
{
    struct percpu *self = this_cpu();
    uint32_t before = self->nmis;
    uint64_t end = rdtsc() + ticks_of(TRY_US);

    source = candidate;
    self->watch_limit = 1;
    if (candidate == CLOCK) {
        arm(rdtsc(), 0);
    } else {
        smp_guard(guard_boot_cpu);
    }
    while (self->nmis == before && rdtsc() < end) {
        cpu_pause();
    }
    self->watch_limit = 0;
    armed_until = 0;
    source = NOTHING;
    return self->nmis != before;
}

static enum source find_source(uint32_t gsi, const char *force_missing)
{
    bool clock = strcmp(force_missing, "watchdog-clock") != 0 &&
                 !nmi_timer_open(gsi, this_cpu()->apic_id);

    if (clock && works(CLOCK)) {
        return CLOCK;
    }
    if (clock) {
        nmi_timer_close(gsi);
    }
    return cpu_count > 1 && works(OTHER_CPU) ? OTHER_CPU : NOTHING;
}

void watchdog_init(uint32_t gsi, const char *force_missing)
{
    const uint32_t hypervisor = 1u << 31; /* CPUID.1:ECX, reserved for it */

    boot_cpu = this_cpu();
    scale = cpuid(1, 0).ecx & hypervisor ? LENT_CPU : 1;
    nmi_register(look);
    source = find_source(gsi, force_missing);
    if (source) {
        fact_info("watchdog", "%s%s", watchdog_source(),
                  scale > 1 ? ", patient below a hypervisor" : "");
    } else {
        fact_warn("watchdog", "none: an endless loop of ours stops all");
    }
}
