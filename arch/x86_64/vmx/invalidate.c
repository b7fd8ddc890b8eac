/* SPDX-License-Identifier: BSD-2-Clause */
/* When this CPU's TLB has to forget (SDM vol. 3, 28.3.3). */
#include "arch/x86_64/vmx/instr.h"
#include "arch/x86_64/vmx/vmx.h"
#include "kernel/log.h"

void vmx_flush_stage2(struct vmx_vcpu *vmx, uint16_t vm)
{
    uint64_t generation = vmx->stage2->generation;

    if (!invept(vmx_caps.invept, vmx->stage2->token)) {
        log_error("vmx: INVEPT refused");
    }
    vmx_this_cpu()->seen[vm] = generation;
    vmx->stage2_seen = generation;
}

/* Without VPID every entry forgets by itself. */
void vmx_flush_linear(struct vmx_vcpu *vmx)
{
    if (vmx_caps.invvpid && !invvpid(vmx_caps.invvpid, vmx->vpid)) {
        log_error("vmx: INVVPID refused");
    }
}
