/* SPDX-License-Identifier: BSD-2-Clause */
/* Reset, and the modes that IA32_APIC_BASE chooses. */
#include "vmm/devices/lapic.h"

#include "kernel/errno.h"
#include "kernel/string.h"

/* What the mode makes of id (SDM vol. 3, 11.12.10.2). */
static void load_ids(struct lapic *l)
{
    uint32_t cluster = l->id >> 4;

    lapic_set_reg(l, LAPIC_ID, lapic_is_x2apic(l) ? l->id : l->id << 24);
    lapic_set_reg(l, LAPIC_LDR,
                  lapic_is_x2apic(l) ? cluster << 16 | 1u << (l->id & 15) : 0);
}

void lapic_mask_lvts(struct lapic *l)
{
    for (unsigned r = LAPIC_LVT_TIMER; r <= LAPIC_LVT_ERROR; r += 16)
        lapic_set_reg(l, r, lapic_reg(l, r) | LAPIC_LVT_MASKED);
}

/* SDM vol. 3, 11.4.7.1. */
static void reset_registers(struct lapic *l)
{
    memset(l->regs, 0, sizeof(l->regs));
    l->tsc_deadline = 0;
    l->timer_at = LAPIC_NEVER;
    l->errors = 0;
    lapic_set_reg(l, LAPIC_VER, LAPIC_VERSION);
    lapic_set_reg(l, LAPIC_DFR, 0xffffffff);
    lapic_set_reg(l, LAPIC_SVR, 0xff);
    lapic_mask_lvts(l);
    load_ids(l);
}

void lapic_reset(struct lapic *l, uint32_t id, bool x2apic,
                 uint32_t tsc_per_count)
{
    memset(l, 0, sizeof(*l));
    l->id = id;
    l->tsc_per_count = tsc_per_count == 0 ? 1 : tsc_per_count;
    l->base = LAPIC_DEFAULT_BASE | LAPIC_BASE_EN;
    if (x2apic)
        l->base |= LAPIC_BASE_EXTD;
    if (id == 0)
        l->base |= LAPIC_BASE_BSP;
    reset_registers(l);
}

static bool is_transition(bool enabled, bool extended, uint64_t value)
{
    bool enable = value & LAPIC_BASE_EN;
    bool extend = value & LAPIC_BASE_EXTD;

    if (!enable)
        return !extend;
    return enabled ? extend || !extended : !extend;
}

int lapic_write_base(struct lapic *l, uint64_t value)
{
    uint64_t flags = LAPIC_BASE_BSP | LAPIC_BASE_EXTD | LAPIC_BASE_EN;
    bool was_x2apic = lapic_is_x2apic(l);

    if ((value & ~flags) != LAPIC_DEFAULT_BASE ||
        !is_transition(lapic_is_enabled(l), was_x2apic, value))
        return -EINVAL;
    l->base = value;
    if (!lapic_is_enabled(l))
        reset_registers(l);
    else if (lapic_is_x2apic(l) && !was_x2apic)
        load_ids(l);
    return 0;
}

uint8_t lapic_cr8(const struct lapic *l)
{
    return (lapic_reg(l, LAPIC_TPR) >> 4) & 0xf;
}

void lapic_set_cr8(struct lapic *l, uint64_t value)
{
    lapic_set_reg(l, LAPIC_TPR, (uint32_t)(value & 0xf) << 4);
    lapic_update_ppr(l);
}
