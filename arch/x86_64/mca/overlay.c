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

static struct overlay overlays[CPU_MAX];

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

uint64_t mca_msr_read(uint32_t msr)
{
    const uint64_t *word = overlaid(msr);
    uint64_t value = 0;

    if (word) {
        return *word;
    }
    if (msr_read(msr, &value)) {
        value = 0;
    }
    return msr == MSR_MCG_CAP ? overlaid_capability(value) : value;
}

void mca_msr_write(uint32_t msr, uint64_t value)
{
    uint64_t *word = overlaid(msr);

    if (word) {
        *word = value;
    } else {
        msr_write(msr, value);
    }
}
