/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC's registers, as a guest reads and writes them. */
#include "vmm/devices/lapic.h"

#include <stddef.h>

#include "kernel/errno.h"

#define LAST_REGISTER 0x3f0
#define LVT_READ_ONLY (LAPIC_LVT_PENDING | LAPIC_LVT_REMOTE_IRR)
#define ICR_READ_ONLY (1u << 12)

/* Performs a write that was checked; value has writable bits only. Returns 0.
 */
typedef int storer(struct lapic *l, uint32_t offset, uint64_t value,
                   uint64_t now, struct lapic_effect *effect);

static storer store_tpr, store_eoi, store_plain, store_dfr, store_svr,
    store_esr, store_icr, store_lvt, store_initial, store_divide,
    store_self_ipi;

enum { R = 1, W = 2, RW = R | W };

/* What a guest may do to a register in each mode, and which bits it may write
 * (SDM vol. 3, tables 11-1 and 11-6, and the registers' figures; the upper half
 * in x2APIC mode only). */
struct rule {
    uint8_t xapic;
    uint8_t x2apic;
    uint64_t writable;
    storer *store;
};

static const struct rule rules[LAST_REGISTER / 16 + 1] = {
    [LAPIC_ID / 16] = {R, R, 0, NULL},
    [LAPIC_VER / 16] = {R, R, 0, NULL},
    [LAPIC_TPR / 16] = {RW, RW, 0xff, store_tpr},
    [0x090 / 16] = {R, 0, 0, NULL}, /* arbitration priority: 0 */
    [LAPIC_PPR / 16] = {R, R, 0, NULL},
    [LAPIC_EOI / 16] = {W, W, 0, store_eoi},
    [0x0c0 / 16] = {R, 0, 0, NULL}, /* remote read: 0 */
    [LAPIC_LDR / 16] = {RW, R, 0xff000000, store_plain},
    [LAPIC_DFR / 16] = {RW, 0, 0xf0000000, store_dfr},
    [LAPIC_SVR / 16] = {RW, RW, 0x3ff, store_svr},
    [LAPIC_ISR / 16 ... LAPIC_ESR / 16 - 1] = {R, R, 0, NULL},
    [LAPIC_ESR / 16] = {RW, RW, 0, store_esr},
    [LAPIC_ICR / 16] = {RW, RW, 0xffffffff000cdfff, store_icr},
    [LAPIC_ICR_HIGH / 16] = {RW, 0, 0xff000000, store_plain},
    [LAPIC_LVT_TIMER / 16] = {RW, RW, 0x710ff, store_lvt},
    [LAPIC_LVT_THERMAL / 16] = {RW, RW, 0x117ff, store_lvt},
    [LAPIC_LVT_PERF / 16] = {RW, RW, 0x117ff, store_lvt},
    [LAPIC_LVT_LINT0 / 16] = {RW, RW, 0x1f7ff, store_lvt},
    [LAPIC_LVT_LINT1 / 16] = {RW, RW, 0x1f7ff, store_lvt},
    [LAPIC_LVT_ERROR / 16] = {RW, RW, 0x110ff, store_lvt},
    [LAPIC_INITIAL_COUNT / 16] = {RW, RW, 0xffffffff, store_initial},
    [LAPIC_CURRENT_COUNT / 16] = {R, R, 0, NULL},
    [LAPIC_DIVIDE / 16] = {RW, RW, 0xb, store_divide},
    [LAPIC_SELF_IPI / 16] = {0, W, 0xff, store_self_ipi},
};

static const struct rule *rule_of(uint32_t offset)
{
    static const struct rule reserved;

    if (offset > LAST_REGISTER || offset % 16 != 0)
        return &reserved;
    return &rules[offset / 16];
}

static uint64_t load(struct lapic *l, uint32_t offset, uint64_t now)
{
    switch (offset) {
    case LAPIC_PPR:
        return lapic_update_ppr(l);
    case LAPIC_CURRENT_COUNT:
        return lapic_timer_count(l, now);
    case LAPIC_ICR:
        if (lapic_is_x2apic(l))
            return (uint64_t)lapic_reg(l, LAPIC_ICR_UPPER) << 32 |
                   lapic_reg(l, LAPIC_ICR);
        return lapic_reg(l, LAPIC_ICR);
    default:
        return lapic_reg(l, offset);
    }
}

int lapic_read(struct lapic *l, uint32_t offset, uint64_t now, uint64_t *value)
{
    const struct rule *rule = rule_of(offset);

    *value = 0;
    if (!lapic_is_enabled(l)) {
        *value = UINT32_MAX;
    } else if (lapic_is_x2apic(l)) {
        if (!(rule->x2apic & R))
            return -EINVAL;
        *value = load(l, offset, now);
    } else if (rule->xapic & R) {
        *value = load(l, offset, now);
    } else if (rule->xapic == 0) {
        lapic_error(l, LAPIC_ERROR_REGISTER);
    }
    return 0;
}

#define STORER(name)                                                  \
    static int name(struct lapic *l, uint32_t offset, uint64_t value, \
                    uint64_t now, struct lapic_effect *effect)

STORER(store_plain)
{
    (void)now;
    (void)effect;
    lapic_set_reg(l, offset, (uint32_t)value);
    return 0;
}

STORER(store_tpr)
{
    store_plain(l, offset, value, now, effect);
    lapic_update_ppr(l);
    return 0;
}

STORER(store_eoi)
{
    bool level;
    int vector = lapic_eoi(l, &level);

    (void)offset;
    (void)value;
    (void)now;
    if (level)
        effect->eoi_vector = vector;
    return 0;
}

STORER(store_dfr)
{
    return store_plain(l, offset, value | 0x0fffffff, now, effect);
}

STORER(store_svr)
{
    lapic_timer_poll(l, now);
    store_plain(l, offset, value, now, effect);
    if (!(value & LAPIC_SVR_ENABLED))
        lapic_mask_lvts(l);
    return 0;
}

/* The guest sees the errors since its last write (SDM vol. 3, 11.5.3). */
STORER(store_esr)
{
    (void)value;
    store_plain(l, offset, l->errors, now, effect);
    l->errors = 0;
    return 0;
}

STORER(store_icr)
{
    uint32_t low = (uint32_t)value & ~ICR_READ_ONLY;
    uint32_t dest = (uint32_t)(value >> 32);

    (void)offset;
    (void)now;
    lapic_set_reg(l, LAPIC_ICR, low);
    if (lapic_is_x2apic(l)) {
        lapic_set_reg(l, LAPIC_ICR_UPPER, dest);
    } else {
        dest = lapic_reg(l, LAPIC_ICR_HIGH) >> 24;
        if (dest == 0xff)
            dest = APIC_BROADCAST;
    }
    lapic_send(l, low, dest, effect);
    return 0;
}

STORER(store_lvt)
{
    uint32_t lvt = (uint32_t)value & ~LVT_READ_ONLY;

    if (!(lapic_reg(l, LAPIC_SVR) & LAPIC_SVR_ENABLED))
        lvt |= LAPIC_LVT_MASKED;
    if (offset != LAPIC_LVT_TIMER)
        return store_plain(l, offset, lvt, now, effect);
    lapic_timer_write_lvt(l, lvt, now);
    return 0;
}

STORER(store_initial)
{
    (void)offset;
    (void)effect;
    lapic_timer_write_initial(l, (uint32_t)value, now);
    return 0;
}

STORER(store_divide)
{
    (void)offset;
    (void)effect;
    lapic_timer_write_divide(l, (uint32_t)value, now);
    return 0;
}

STORER(store_self_ipi)
{
    (void)offset;
    (void)now;
    (void)effect;
    if (value < 16)
        lapic_error(l, LAPIC_ERROR_SEND_VECTOR);
    else
        lapic_deliver(l, (uint8_t)value, false);
    return 0;
}

static int write_xapic(struct lapic *l, uint32_t offset, uint32_t value,
                       uint64_t now, struct lapic_effect *effect)
{
    const struct rule *rule = rule_of(offset);

    if (rule->xapic & W)
        return rule->store(l, offset, value & rule->writable, now, effect);
    if (rule->xapic == 0)
        lapic_error(l, LAPIC_ERROR_REGISTER);
    return 0;
}

int lapic_write(struct lapic *l, uint32_t offset, uint64_t value, uint64_t now,
                struct lapic_effect *effect)
{
    const struct rule *rule = rule_of(offset);

    effect->eoi_vector = -1;
    effect->targets = LAPIC_NOBODY;
    if (!lapic_is_enabled(l))
        return 0;
    if (!lapic_is_x2apic(l))
        return write_xapic(l, offset, (uint32_t)value, now, effect);
    if (!(rule->x2apic & W) || (value & ~rule->writable))
        return -EINVAL;
    return rule->store(l, offset, value, now, effect);
}
