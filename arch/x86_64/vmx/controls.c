/* SPDX-License-Identifier: BSD-2-Clause */
/* The controls of a vCPU, and the three words that change while it runs. */
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/vmx/vmcs.h"
#include "arch/x86_64/vmx/vmx.h"

/* #MC is for the core; #DB and #AC can be made to recur for ever inside
 * their own delivery (CVE-2015-8104, CVE-2015-5307). */
#define EXCEPTIONS (1u << VECTOR_DB | 1u << VECTOR_AC | 1u << VECTOR_MC)

void vmx_set_proc(struct vmx_vcpu *vmx, uint32_t proc)
{
    if (vmx->proc != proc) {
        vmx->proc = proc;
        vmcs_write(VMCS_PROC_CONTROLS, proc);
    }
}

void vmx_set_proc2(struct vmx_vcpu *vmx, uint32_t proc2)
{
    if (vmx->proc2 != proc2) {
        vmx->proc2 = proc2;
        vmcs_write(VMCS_PROC2_CONTROLS, proc2);
    }
}

void vmx_set_entry(struct vmx_vcpu *vmx, uint32_t controls)
{
    if (vmx->entry_controls != controls) {
        vmx->entry_controls = controls;
        vmcs_write(VMCS_ENTRY_CONTROLS, controls);
    }
}

static void write_apic_controls(struct arch_vcpu *vcpu, uint64_t apic)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);
    uint32_t may = (uint32_t)vmx_caps.may[VMX_PROC];
    uint32_t may2 = (uint32_t)vmx_caps.may[VMX_PROC2];

    if (!apic || !(may & PROC_TPR_SHADOW)) {
        vmx->proc |= may & (PROC_CR8_LOAD_EXIT | PROC_CR8_STORE_EXIT);
        return;
    }
    vmx->proc |= PROC_TPR_SHADOW;
    vmcs_write(VMCS_VIRTUAL_APIC, apic);
    vmx->threshold = 0;
    vmcs_write(VMCS_TPR_THRESHOLD, 0);
    if (may2 & PROC2_INTERRUPT_DELIVERY) {
        vmx->proc2 |= PROC2_INTERRUPT_DELIVERY;
        vcpu->apic_virtual = true;
        vmcs_write(VMCS_GUEST_INTERRUPT_STATUS, 0);
        for (unsigned i = 0; i < 4; i++) {
            vmcs_write(VMCS_EOI_EXIT_BITMAP + 2 * i, 0);
        }
    }
}

static void write_stage2(struct vmx_vcpu *vmx)
{
    vmcs_write(VMCS_EPT_POINTER, vmx->stage2->token);
    if (vmx->proc2 & PROC2_VPID) {
        vmcs_write(VMCS_VPID, vmx->vpid);
    }
    if (vmx->log) {
        vmx->proc2 |= PROC2_PML;
        vmcs_write(VMCS_PML_ADDRESS, vmx->log);
        vmcs_write(VMCS_PML_INDEX, 511);
    }
}

static void write_unused(void)
{
    static const uint16_t fields[] = {
        VMCS_PAGE_FAULT_MASK, VMCS_PAGE_FAULT_MATCH, VMCS_CR3_TARGETS,
        VMCS_EXIT_MSR_STORES, VMCS_EXIT_MSR_LOADS,   VMCS_ENTRY_MSR_LOADS,
        VMCS_ENTRY_EVENT,     VMCS_TSC_OFFSET,
    };

    for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        vmcs_write(fields[i], 0);
    }
    vmcs_write(VMCS_VMCS_LINK, UINT64_MAX);
}

void vmx_write_controls(struct arch_vcpu *vcpu, uint64_t apic)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);

    vmx->proc = (uint32_t)vmx_caps.word[VMX_PROC];
    vmx->proc2 = (uint32_t)vmx_caps.word[VMX_PROC2];
    vmx->entry_controls = (uint32_t)vmx_caps.word[VMX_ENTRY];
    write_unused();
    write_apic_controls(vcpu, apic);
    write_stage2(vmx);
    vmcs_write(VMCS_PIN_CONTROLS, vmx_caps.word[VMX_PIN]);
    vmcs_write(VMCS_PROC_CONTROLS, vmx->proc);
    vmcs_write(VMCS_PROC2_CONTROLS, vmx->proc2);
    vmcs_write(VMCS_EXIT_CONTROLS, vmx_caps.word[VMX_EXIT]);
    vmcs_write(VMCS_ENTRY_CONTROLS, vmx->entry_controls);
    vmcs_write(VMCS_EXCEPTION_BITMAP, EXCEPTIONS);
    vmcs_write(VMCS_MSR_BITMAP, vmx->bitmap);
    vmcs_write(VMCS_CR0_MASK, vmx_cr0_owned());
    vmcs_write(VMCS_CR4_MASK, vmx_cr4_owned());
    if (vmx->proc2 & PROC2_ENCLS_EXIT) {
        vmcs_write(VMCS_ENCLS_BITMAP, UINT64_MAX);
    }
}
