/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/watchdog.h"

#include <stdbool.h>
#include <stddef.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/interrupt.h"
#include "arch/x86_64/percpu.h"
#include "arch/x86_64/timer.h"
#include "drivers/nmi_timer.h"
#include "kernel/cell.h"
#include "kernel/log.h"

#define PERIOD_US  25000u /* an NMI comes this late at most */
#define CONFIRM_US 2000u  /* between one look at what is late and the next */
#define STRIKES                                       \
    3 /* such looks: one may be due to a CPU that was \
         taken from us (SMM, an outer hypervisor) */
#define PATIENCE_MS 20
#define FRAME_TICKS 32 /* a page's share in work that goes over all of them */
#define CORE_MS     1000
#define TRY_US      1000u

static const char *source;
static uint64_t armed_until; /* host TSC of the next NMI */
static uint64_t longest;
static bool asleep; /* an NMI came in idle: none until a VM is served */

static uint64_t ticks_of(uint64_t us)
{
    return us * tsc_per_ms / 1000;
}

static void arm(uint64_t now, uint32_t us)
{
    armed_until = now + ticks_of(us);
    nmi_timer_arm(us);
}

/* Called in NMI context. True: what this CPU does never ends. */
static bool look(void)
{
    struct percpu *self = this_cpu();
    uint64_t now = rdtsc();

    if (!self->watch_limit) {
        asleep = true;
        return false;
    }
    if (now >= self->watch_limit) {
        arm(now, CONFIRM_US);
        return ++self->watch_strikes >= STRIKES;
    }
    arm(now, self->watch_limit - now < ticks_of(PERIOD_US)
                 ? (uint32_t)((self->watch_limit - now) * 1000 / tsc_per_ms)
                 : PERIOD_US);
    return false;
}

/* The NMI that is armed comes soon enough most of the time: a port access a
 * turn would be too many. */
static void watch(uint64_t limit, uint64_t now)
{
    struct percpu *self = this_cpu();

    self->watch_strikes = 0;
    self->watch_limit = source && self->index == 0 ? limit : 0;
    if (self->watch_limit && !asleep && armed_until < now + ticks_of(PERIOD_US) / 2) {
        arm(now, PERIOD_US);
    }
}

struct watched {
    void (*function)(void *);
    void *argument;
    uint64_t limit;
};

/* The watch begins and ends where an abandoned stretch can be caught. */
static void call(void *argument)
{
    const struct watched *watched = argument;

    asleep = false;
    watch(watched->limit, rdtsc());
    watched->function(watched->argument);
    this_cpu()->watch_limit = 0;
}

int watchdog_catch(void (*function)(void *), void *argument, uint64_t end,
                   const struct cell *cell)
{
    struct watched watched = {function, argument,
                              end + watchdog_patience(cell)};
    uint64_t before = this_cpu()->watch_limit, start = rdtsc(), now;
    int abandoned = cpu_catch(call, &watched);

    now = rdtsc();
    watch(before ? before + (now - start) : 0, now);
    if (source && !abandoned && now > end && now - end > longest) {
        longest = now - end;
    }
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
    return PATIENCE_MS * tsc_per_ms + cell->frames * FRAME_TICKS;
}

uint64_t watchdog_longest(void)
{
    return longest;
}

void watchdog_core_begins(void)
{
    uint64_t now = rdtsc();

    watch(now + CORE_MS * tsc_per_ms, now);
}

void watchdog_core_ends(void)
{
    this_cpu()->watch_limit = 0;
}

const char *watchdog_source(void)
{
    return source;
}

/* Does an NMI come? */
static bool works(void)
{
    uint32_t before = this_cpu()->nmis;
    uint64_t end = rdtsc() + 20 * ticks_of(TRY_US);

    arm(rdtsc(), TRY_US);
    while (this_cpu()->nmis == before && rdtsc() < end) {
        cpu_pause();
    }
    armed_until = 0;
    return this_cpu()->nmis != before;
}

void watchdog_init(uint32_t gsi)
{
    nmi_register(look);
    if (!nmi_timer_open(gsi, this_cpu()->apic_id) && works()) {
        source = "a root watchdog, by NMIs of the PIT";
    }
    if (source) {
        log_info("there is %s", source);
    } else {
        log_warn("root watchdog: missing: an endless loop of ours stops the "
                 "machine");
    }
}
