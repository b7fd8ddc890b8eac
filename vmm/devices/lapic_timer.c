/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC's timer (SDM vol. 3, 11.5.4). */
#include "vmm/devices/lapic.h"

static uint32_t timer_mode(uint32_t lvt)
{
    return lvt & LAPIC_TIMER_MODE;
}

static bool is_deadline(uint32_t lvt)
{
    return timer_mode(lvt) == LAPIC_TIMER_DEADLINE;
}

static bool is_counting(uint32_t lvt)
{
    return timer_mode(lvt) <= LAPIC_TIMER_PERIODIC;
}

static uint64_t saturating_add(uint64_t a, uint64_t b)
{
    uint64_t sum;

    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t saturating_multiply(uint64_t a, uint64_t b)
{
    uint64_t product;

    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/* TSC ticks in one count. Bits 3, 1 and 0 of the divide register choose
 * 2, 4, ... 128 and last 1 (SDM vol. 3, figure 11-10). */
static uint64_t ticks_per_count(const struct lapic *l)
{
    uint32_t divide = lapic_reg(l, LAPIC_DIVIDE);
    unsigned code = ((divide >> 1) & 4) | (divide & 3);

    return (uint64_t)l->tsc_per_count << ((code + 1) % 8);
}

static uint64_t period(const struct lapic *l)
{
    uint64_t ticks = saturating_multiply(lapic_reg(l, LAPIC_INITIAL_COUNT),
                                         ticks_per_count(l));

    return ticks < LAPIC_MIN_PERIOD ? LAPIC_MIN_PERIOD : ticks;
}

static void disarm(struct lapic *l)
{
    l->timer_at = LAPIC_NEVER;
    l->tsc_deadline = 0;
}

/* Goes on to the first expiry after now that lies whole periods ahead. */
static void advance(struct lapic *l, uint64_t now)
{
    uint64_t length = period(l);
    uint64_t late = (now - l->timer_at) % length;

    l->timer_at = saturating_add(now, length - late);
}

bool lapic_timer_expire(struct lapic *l, uint64_t now)
{
    uint32_t lvt = lapic_reg(l, LAPIC_LVT_TIMER);

    if (l->timer_at == LAPIC_NEVER || l->timer_at > now)
        return false;
    if (timer_mode(lvt) == LAPIC_TIMER_PERIODIC)
        advance(l, now);
    else
        disarm(l);
    if (lvt & LAPIC_LVT_MASKED)
        return false;
    return lapic_deliver(l, lvt & 0xff, false);
}

uint64_t lapic_read_deadline(struct lapic *l, uint64_t now)
{
    lapic_timer_poll(l, now);
    return l->tsc_deadline;
}

static bool set_deadline(struct lapic *l, uint64_t deadline, uint64_t now)
{
    if (!is_deadline(lapic_reg(l, LAPIC_LVT_TIMER)))
        return false;
    l->tsc_deadline = deadline;
    l->timer_at = deadline == 0 ? LAPIC_NEVER : deadline;
    return lapic_timer_poll(l, now);
}

/* Out of line: the rule below needs no stack. */
__attribute__((noinline)) static bool replace_due(struct lapic *l,
                                                  uint64_t deadline,
                                                  uint64_t now)
{
    bool raised = lapic_timer_expire(l, now);

    return set_deadline(l, deadline, now) || raised;
}

bool lapic_write_deadline(struct lapic *l, uint64_t deadline, uint64_t now)
{
    return l->timer_at <= now ? replace_due(l, deadline, now)
                              : set_deadline(l, deadline, now);
}

/* Rounds up: a count lasts until it is over. */
uint32_t lapic_timer_count(struct lapic *l, uint64_t now)
{
    uint32_t initial = lapic_reg(l, LAPIC_INITIAL_COUNT);
    uint64_t counts;

    lapic_timer_poll(l, now);
    if (!is_counting(lapic_reg(l, LAPIC_LVT_TIMER)) ||
        l->timer_at == LAPIC_NEVER)
        return 0;
    counts = (l->timer_at - now - 1) / ticks_per_count(l) + 1;
    return counts < initial ? (uint32_t)counts : initial;
}

/* A change to or from TSC-deadline mode disarms the timer (SDM vol. 3,
 * 11.5.4.1); one between one-shot and periodic shows at the next expiry. */
void lapic_timer_write_lvt(struct lapic *l, uint32_t lvt, uint64_t now)
{
    uint32_t before = lapic_reg(l, LAPIC_LVT_TIMER);

    lapic_timer_poll(l, now);
    lapic_set_reg(l, LAPIC_LVT_TIMER, lvt);
    if (timer_mode(before) == timer_mode(lvt) ||
        (is_counting(before) && is_counting(lvt)))
        return;
    lapic_set_reg(l, LAPIC_INITIAL_COUNT, 0);
    disarm(l);
}

static void start(struct lapic *l, uint32_t count, uint64_t now)
{
    uint64_t ticks = saturating_multiply(count, ticks_per_count(l));

    if (timer_mode(lapic_reg(l, LAPIC_LVT_TIMER)) == LAPIC_TIMER_PERIODIC &&
        ticks < LAPIC_MIN_PERIOD)
        ticks = LAPIC_MIN_PERIOD;
    l->timer_at = saturating_add(now, ticks);
}

void lapic_timer_write_initial(struct lapic *l, uint32_t count, uint64_t now)
{
    lapic_timer_poll(l, now);
    if (!is_counting(lapic_reg(l, LAPIC_LVT_TIMER)))
        return;
    lapic_set_reg(l, LAPIC_INITIAL_COUNT, count);
    if (count == 0)
        disarm(l);
    else
        start(l, count, now);
}

/* A running counter goes on from where it is, at the new rate. */
void lapic_timer_write_divide(struct lapic *l, uint32_t divide, uint64_t now)
{
    uint32_t count = lapic_timer_count(l, now);

    lapic_set_reg(l, LAPIC_DIVIDE, divide);
    if (count != 0)
        start(l, count, now);
}
