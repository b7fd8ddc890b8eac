/* SPDX-License-Identifier: BSD-2-Clause */
/* What each CPU can, and what firmware left in its banks. */
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/mca/bank.h"
#include "arch/x86_64/mca/bits.h"
#include "arch/x86_64/mca/mca.h"
#include "arch/x86_64/mca/overlay.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/percpu.h"
#include "kernel/log.h"

static struct mca_capability capability;

struct mca_capability mca_capability(void)
{
    return capability;
}

static void clear_leftovers(unsigned bank)
{
    struct mca_record record = mca_bank_read(bank);

    if (record.status & MCI_STATUS_VAL) {
        log_warn("cpu%u: bank %u held 0x%lx at 0x%lx from before the boot",
                 this_cpu()->index, bank, record.status, record.address);
    }
    mca_msr_write(MSR_MC0_STATUS + 4 * bank, 0);
}

void mca_enable(void)
{
    const uint32_t mce_and_mca = 1u << 7 | 1u << 14; /* CPUID.1:EDX */
    uint64_t cap;

    if ((cpuid(1, 0).edx & mce_and_mca) != mce_and_mca ||
        msr_read(MSR_MCG_CAP, &cap)) {
        return;
    }
    mca_msr_find(cap);
    capability = (struct mca_capability){
        .present = true,
        .banks = (uint8_t)(cap & MCG_CAP_COUNT),
        .recovery = cap & MCG_CAP_SER_P,
        .local = cap & MCG_CAP_LMCE_P,
    };
    if (cap & MCG_CAP_CTL_P) {
        msr_write(MSR_MCG_CTL, UINT64_MAX);
    }
    for (unsigned bank = 0; bank < mca_bank_count(); bank++) {
        clear_leftovers(bank);
        msr_write(MSR_MC0_CTL + 4 * bank, UINT64_MAX);
    }
    /* Local machine checks only where firmware allows them: FEATURE_CONTROL
     * bit 20 (SDM vol. 3, 15.3.1.5). */
    if (capability.local) {
        uint64_t control = 0;

        if (!msr_read(MSR_FEATURE_CONTROL, &control) && control & 1u << 20) {
            msr_write(MSR_MCG_EXT_CTL, 1);
        } else {
            capability.local = false;
        }
    }
    mca_msr_write(MSR_MCG_STATUS, 0);
}
