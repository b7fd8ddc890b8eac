/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86_64/mca/overlay.h"

#include <stddef.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/mca/bits.h"
#include "arch/x86_64/mca/mca.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/percpu.h"

struct overlay {
    bool active;
    struct mca_injection values;
};

/* What the hardware has. */
struct hardware {
    bool present;
    uint64_t capability; /* MCG_CAP, which never changes */
    uint32_t banks;      /* a bit for each */
};

_Static_assert(MCA_BANKS_MAX <= 32, "they fit in a mask");

static struct overlay overlays[CPU_MAX];
static struct hardware hardware[CPU_MAX];

static struct overlay *mine(void)
{
    return &overlays[this_cpu()->index];
}

bool mca_overlay_active(void)
{
    return mine()->active;
}

void mca_overlay_drop(void)
{
    mine()->active = false;
}

void mca_inject(const struct mca_injection *injection)
{
    mine()->values = *injection;
    mine()->active = true;
}

void mca_strike(void)
{
    asm volatile("int $18" ::: "memory");
}

/* The overlay's word for an MSR, or NULL. */
static uint64_t *overlaid(uint32_t msr)
{
    struct overlay *overlay = mine();
    uint32_t status = MSR_MC0_STATUS + 4u * overlay->values.bank;

    if (!overlay->active) {
        return NULL;
    }
    if (msr == MSR_MCG_STATUS) {
        return &overlay->values.mcg_status;
    }
    if (msr == status) {
        return &overlay->values.status;
    }
    if (msr == status + 1) {
        return &overlay->values.address;
    }
    if (msr == status + 2) {
        return &overlay->values.misc;
    }
    return NULL;
}

/* While an injection is active the capability word shows a machine that can
 * tell recoverable errors apart, and at least as many banks as it uses. */
static uint64_t overlaid_capability(uint64_t cap)
{
    const struct overlay *overlay = mine();
    uint64_t banks = overlay->values.bank + 1ul;

    if (!overlay->active) {
        return cap;
    }
    if ((cap & MCG_CAP_COUNT) > banks) {
        banks = cap & MCG_CAP_COUNT;
    }
    return (cap & ~MCG_CAP_COUNT) | banks | MCG_CAP_SER_P;
}

void mca_msr_find(uint64_t capability)
{
    struct hardware *found = &hardware[this_cpu()->index];
    uint64_t count = capability & MCG_CAP_COUNT, value;

    *found = (struct hardware){.present = true, .capability = capability};
    for (unsigned bank = 0; bank < count && bank < MCA_BANKS_MAX; bank++) {
        if (!msr_read(MSR_MC0_STATUS + 4 * bank, &value)) {
            found->banks |= 1u << bank;
        }
    }
}

static bool is_there(uint32_t msr)
{
    const struct hardware *has = &hardware[this_cpu()->index];
    uint32_t bank = (msr - MSR_MC0_CTL) / 4; /* MSRs of a bank */

    if (msr < MSR_MC0_CTL) {
        return has->present;
    }
    return bank < MCA_BANKS_MAX && has->banks & 1u << bank;
}

uint64_t mca_msr_read(uint32_t msr)
{
    const uint64_t *word = overlaid(msr);
    uint64_t value = 0;

    if (word) {
        return *word;
    }
    if (msr == MSR_MCG_CAP) {
        return overlaid_capability(hardware[this_cpu()->index].capability);
    }
    return is_there(msr) && !msr_read(msr, &value) ? value : 0;
}

void mca_msr_write(uint32_t msr, uint64_t value)
{
    uint64_t *word = overlaid(msr);

    if (word) {
        *word = value;
    } else if (is_there(msr)) {
        msr_write(msr, value);
    }
}
