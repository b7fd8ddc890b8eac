/* SPDX-License-Identifier: BSD-2-Clause */
/* What the processor does of the local APIC by itself (SDM vol. 3, 29). */
#include "arch/x86_64/vmx/vmcs.h"
#include "arch/x86_64/vmx/vmx.h"

#define APIC_TPR 0x80

/* Without delivery by hardware: an exit when TPR falls below the class of
 * what is waiting; never above TPR now, or entry fails (SDM vol. 3,
 * 26.2.1.1). */
static inline void set_threshold(struct vmx_vcpu *vmx, int requested)
{
    unsigned tpr = vmx->apic[APIC_TPR] >> 4;
    unsigned wanted = requested < 0 ? 0 : (unsigned)requested >> 4 & 15;

    wanted = wanted <= tpr ? wanted : 0;
    if (vmx->threshold != wanted) {
        vmx->threshold = wanted;
        vmcs_write(VMCS_TPR_THRESHOLD, wanted);
    }
}

void vmx_sync_apic(struct arch_vcpu *vcpu, int requested, int in_service)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);

    if (vmx->proc2 & PROC2_INTERRUPT_DELIVERY) {
        uint64_t rvi = requested < 0 ? 0 : (uint8_t)requested;
        uint64_t svi = in_service < 0 ? 0 : (uint8_t)in_service;

        vmcs_write(VMCS_GUEST_INTERRUPT_STATUS, svi << 8 | rvi);
    } else if (vmx->proc & PROC_TPR_SHADOW) {
        set_threshold(vmx, requested);
    }
}

void vmx_want_eoi(struct arch_vcpu *vcpu, const uint64_t vectors[4])
{
    if (vmx_of(vcpu)->proc2 & PROC2_INTERRUPT_DELIVERY) {
        for (unsigned i = 0; i < 4; i++) {
            vmcs_write(VMCS_EOI_EXIT_BITMAP + 2 * i, vectors[i]);
        }
    }
}

void vmx_set_x2apic(struct arch_vcpu *vcpu, bool on)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);
    uint32_t may2 = (uint32_t)vmx_caps.may[VMX_PROC2];
    uint32_t mode = may2 & (PROC2_X2APIC | PROC2_APIC_REGISTERS);

    if (!(vmx->proc & PROC_TPR_SHADOW) || !(may2 & PROC2_X2APIC) ||
        vmx->x2apic == on) {
        return;
    }
    /* Never open without the mode: these would be the host's registers. */
    if (on) {
        vmx->x2apic = true;
        vmx_set_proc2(vmx, vmx->proc2 | mode);
        vmx_msr_x2apic(vmx->bitmap, true);
    } else {
        vmx_msr_x2apic(vmx->bitmap, false);
        vmx_set_proc2(vmx, vmx->proc2 & ~mode);
        vmx->x2apic = false;
    }
}
