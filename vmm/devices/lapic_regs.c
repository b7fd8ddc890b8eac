/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC's registers, as a guest reads and writes them. */
#include "vmm/devices/lapic.h"

#include "kernel/errno.h"

#define LAST_REGISTER 0x3f0
#define LVT_READ_ONLY (LAPIC_LVT_PENDING | LAPIC_LVT_REMOTE_IRR)
#define ICR_READ_ONLY (1u << 12)

enum { R = 1, W = 2, RW = R | W };

/* What a guest may do to a register in each mode, and which bits it may write
 * (SDM vol. 3, tables 11-1 and 11-6, and the registers' figures). */
struct rule {
    uint8_t xapic;
    uint8_t x2apic;
    uint32_t writable;
};

static const struct rule rules[LAST_REGISTER / 16 + 1] = {
    [LAPIC_ID / 16] = {R, R, 0},
    [LAPIC_VER / 16] = {R, R, 0},
    [LAPIC_TPR / 16] = {RW, RW, 0xff},
    [0x090 / 16] = {R, 0, 0}, /* arbitration priority: 0 */
    [LAPIC_PPR / 16] = {R, R, 0},
    [LAPIC_EOI / 16] = {W, W, 0},
    [0x0c0 / 16] = {R, 0, 0}, /* remote read: 0 */
    [LAPIC_LDR / 16] = {RW, R, 0xff000000},
    [LAPIC_DFR / 16] = {RW, 0, 0xf0000000},
    [LAPIC_SVR / 16] = {RW, RW, 0x3ff},
    [LAPIC_ISR / 16 ... LAPIC_ESR / 16 - 1] = {R, R, 0},
    [LAPIC_ESR / 16] = {RW, RW, 0},
    [LAPIC_ICR / 16] = {RW, RW, 0xcdfff},
    [LAPIC_ICR_HIGH / 16] = {RW, 0, 0xff000000},
    [LAPIC_LVT_TIMER / 16] = {RW, RW, 0x710ff},
    [LAPIC_LVT_THERMAL / 16] = {RW, RW, 0x117ff},
    [LAPIC_LVT_PERF / 16] = {RW, RW, 0x117ff},
    [LAPIC_LVT_LINT0 / 16] = {RW, RW, 0x1f7ff},
    [LAPIC_LVT_LINT1 / 16] = {RW, RW, 0x1f7ff},
    [LAPIC_LVT_ERROR / 16] = {RW, RW, 0x110ff},
    [LAPIC_INITIAL_COUNT / 16] = {RW, RW, 0xffffffff},
    [LAPIC_CURRENT_COUNT / 16] = {R, R, 0},
    [LAPIC_DIVIDE / 16] = {RW, RW, 0xb},
    [LAPIC_SELF_IPI / 16] = {0, W, 0xff},
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

static void write_svr(struct lapic *l, uint32_t value, uint64_t now)
{
    lapic_timer_poll(l, now);
    lapic_set_reg(l, LAPIC_SVR, value);
    if (!(value & LAPIC_SVR_ENABLED))
        lapic_mask_lvts(l);
}

static void write_lvt(struct lapic *l, uint32_t offset, uint32_t value,
                      uint64_t now)
{
    value &= ~LVT_READ_ONLY;
    if (!(lapic_reg(l, LAPIC_SVR) & LAPIC_SVR_ENABLED))
        value |= LAPIC_LVT_MASKED;
    if (offset == LAPIC_LVT_TIMER)
        lapic_timer_write_lvt(l, value, now);
    else
        lapic_set_reg(l, offset, value);
}

static void write_icr(struct lapic *l, uint32_t low, uint32_t high,
                      struct lapic_effect *effect)
{
    uint32_t dest = high;

    low &= ~ICR_READ_ONLY;
    lapic_set_reg(l, LAPIC_ICR, low);
    if (lapic_is_x2apic(l)) {
        lapic_set_reg(l, LAPIC_ICR_UPPER, high);
    } else {
        dest = lapic_reg(l, LAPIC_ICR_HIGH) >> 24;
        if (dest == 0xff)
            dest = APIC_BROADCAST;
    }
    lapic_send(l, low, dest, effect);
}

static void write_eoi(struct lapic *l, struct lapic_effect *effect)
{
    bool level;
    int vector = lapic_eoi(l, &level);

    if (level)
        effect->eoi_vector = vector;
}

/* The guest sees the errors since its last write (SDM vol. 3, 11.5.3). */
static void write_esr(struct lapic *l)
{
    lapic_set_reg(l, LAPIC_ESR, l->errors);
    l->errors = 0;
}

static void write_self_ipi(struct lapic *l, uint32_t vector)
{
    if (vector < 16)
        lapic_error(l, LAPIC_ERROR_SEND_VECTOR);
    else
        lapic_deliver(l, (uint8_t)vector, false);
}

/* Performs a write that was checked; value has writable bits only. */
static void store(struct lapic *l, uint32_t offset, uint32_t value,
                  uint32_t high, uint64_t now, struct lapic_effect *effect)
{
    effect->timer_changed = offset == LAPIC_LVT_TIMER ||
                            offset == LAPIC_INITIAL_COUNT ||
                            offset == LAPIC_DIVIDE || offset == LAPIC_SVR;
    switch (offset) {
    case LAPIC_TPR:
        lapic_set_reg(l, LAPIC_TPR, value);
        lapic_update_ppr(l);
        break;
    case LAPIC_EOI:
        write_eoi(l, effect);
        break;
    case LAPIC_DFR:
        lapic_set_reg(l, LAPIC_DFR, value | 0x0fffffff);
        break;
    case LAPIC_SVR:
        write_svr(l, value, now);
        break;
    case LAPIC_ESR:
        write_esr(l);
        break;
    case LAPIC_ICR:
        write_icr(l, value, high, effect);
        break;
    case LAPIC_LVT_TIMER ... LAPIC_LVT_ERROR:
        write_lvt(l, offset, value, now);
        break;
    case LAPIC_INITIAL_COUNT:
        lapic_timer_write_initial(l, value, now);
        break;
    case LAPIC_DIVIDE:
        lapic_timer_write_divide(l, value, now);
        break;
    case LAPIC_SELF_IPI:
        write_self_ipi(l, value);
        break;
    default: /* LDR and the destination half of ICR */
        lapic_set_reg(l, offset, value);
        break;
    }
}

int lapic_write(struct lapic *l, uint32_t offset, uint64_t value, uint64_t now,
                struct lapic_effect *effect)
{
    const struct rule *rule = rule_of(offset);
    uint32_t high = (uint32_t)(value >> 32);
    uint32_t low = (uint32_t)value;

    *effect = (struct lapic_effect){.eoi_vector = -1};
    if (!lapic_is_enabled(l))
        return 0;
    if (lapic_is_x2apic(l)) {
        if (!(rule->x2apic & W) || (low & ~rule->writable) ||
            (high != 0 && offset != LAPIC_ICR))
            return -EINVAL;
        store(l, offset, low, high, now, effect);
    } else if (rule->xapic & W) {
        store(l, offset, low & rule->writable, 0, now, effect);
    } else if (rule->xapic == 0) {
        lapic_error(l, LAPIC_ERROR_REGISTER);
    }
    return 0;
}

static bool is_our_msr(const struct lapic *l, uint32_t msr)
{
    return lapic_is_x2apic(l) && msr >= LAPIC_MSR_FIRST &&
           msr <= LAPIC_MSR_LAST;
}

int lapic_read_msr(struct lapic *l, uint32_t msr, uint64_t now, uint64_t *value)
{
    *value = 0;
    if (!is_our_msr(l, msr))
        return -EINVAL;
    return lapic_read(l, (msr - LAPIC_MSR_FIRST) * 16, now, value);
}

int lapic_write_msr(struct lapic *l, uint32_t msr, uint64_t value, uint64_t now,
                    struct lapic_effect *effect)
{
    *effect = (struct lapic_effect){.eoi_vector = -1};
    if (!is_our_msr(l, msr))
        return -EINVAL;
    return lapic_write(l, (msr - LAPIC_MSR_FIRST) * 16, value, now, effect);
}
