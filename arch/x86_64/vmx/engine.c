/* SPDX-License-Identifier: BSD-2-Clause */
/* Which dirty engine a VM gets. */
#include "arch/x86_64/msr.h"
#include "arch/x86_64/vmx/ept.h"
#include "arch/x86_64/vmx/vmx.h"
#include "kernel/errno.h"

static enum dirty_engine_kind forced; /* DIRTY_NONE: the best there is */

static bool has_bits(void)
{
    return vmx_caps.may[VMX_EPT] & EPT_CAP_DIRTY;
}

static bool has_log(void)
{
    return has_bits() && (vmx_caps.may[VMX_PROC2] & PROC2_PML);
}

enum dirty_engine_kind vmx_choose_engine(bool tracked)
{
    if (!tracked) {
        return DIRTY_NONE;
    }
    if (forced != DIRTY_NONE) {
        return forced;
    }
    return has_log() ? DIRTY_LOG : has_bits() ? DIRTY_BITS : DIRTY_WRITE;
}

int vmx_force_engine(enum dirty_engine_kind kind, struct cpu_missing *missing)
{
    static const struct cpu_missing no_log = {
        .name = "PML",
        .msr = MSR_VMX_PROC2,
        .bit = 32 + 17,
        .hint = "dirty=pml needs it; say best, bits or protect"};
    static const struct cpu_missing no_bits = {
        .name = "EPT accessed/dirty bits",
        .msr = MSR_VMX_EPT_VPID,
        .bit = 21,
        .hint = "dirty=bits needs them; say best or protect"};

    if (kind == DIRTY_LOG && !has_log()) {
        *missing = no_log;
        return -ENODEV;
    }
    if (kind == DIRTY_BITS && !has_bits()) {
        *missing = no_bits;
        return -ENODEV;
    }
    forced = kind;
    return 0;
}
