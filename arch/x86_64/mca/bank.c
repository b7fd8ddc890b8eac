/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86_64/mca/bank.h"

#include "arch/x86_64/mca/bits.h"
#include "arch/x86_64/mca/overlay.h"
#include "arch/x86_64/msr.h"

unsigned mca_bank_count(void)
{
    uint64_t cap = mca_msr_read(MSR_MCG_CAP);
    unsigned count = cap & MCG_CAP_COUNT;

    return count > MCA_BANKS_MAX ? MCA_BANKS_MAX : count;
}

struct mca_record mca_bank_read(unsigned bank)
{
    struct mca_record record = {
        .mcg_status = mca_msr_read(MSR_MCG_STATUS),
        .mcg_cap = mca_msr_read(MSR_MCG_CAP),
        .status = mca_msr_read(MSR_MC0_STATUS + 4 * bank),
        .bank = (uint8_t)bank,
    };

    if (record.status & MCI_STATUS_ADDRV) {
        record.address = mca_msr_read(MSR_MC0_ADDR + 4 * bank);
    }
    if (record.status & MCI_STATUS_MISCV) {
        record.misc = mca_msr_read(MSR_MC0_MISC + 4 * bank);
    }
    return record;
}

bool mca_bank_holds_error(unsigned bank)
{
    return mca_msr_read(MSR_MC0_STATUS + 4 * bank) & MCI_STATUS_VAL;
}
