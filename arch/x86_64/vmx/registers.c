/* SPDX-License-Identifier: BSD-2-Clause */
/* Single registers of the guest that is loaded. */
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/vmx/cached.h"
#include "kernel/errno.h"

uint64_t vmx_rip(struct arch_vcpu *vcpu)
{
    return rip_of(vcpu);
}

uint64_t vmx_rflags(struct arch_vcpu *vcpu)
{
    return rflags_of(vmx_of(vcpu));
}

void vmx_set_rflags(struct arch_vcpu *vcpu, uint64_t value)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);

    if (rflags_of(vmx) != value) {
        vmx->rflags = value;
        vmcs_write(VMCS_GUEST_RFLAGS, value);
    }
}

uint64_t vmx_rsp(struct arch_vcpu *vcpu)
{
    (void)vcpu;
    return vmcs_read(VMCS_GUEST_RSP);
}

void vmx_set_rsp(struct arch_vcpu *vcpu, uint64_t value)
{
    (void)vcpu;
    vmcs_write(VMCS_GUEST_RSP, value);
}

void vmx_segment(struct arch_vcpu *vcpu, enum segment_index index,
                 struct x86_segment *out)
{
    (void)vcpu;
    out->base = vmcs_read(VMCS_GUEST_BASE + 2 * index);
    out->limit = (uint32_t)vmcs_read(VMCS_GUEST_LIMIT + 2 * index);
    out->access = (uint32_t)vmcs_read(VMCS_GUEST_ACCESS + 2 * index);
    out->selector = (uint16_t)vmcs_read(VMCS_GUEST_SELECTOR + 2 * index);
}

void vmx_set_tsc_offset(struct arch_vcpu *vcpu, uint64_t offset)
{
    (void)vcpu;
    vmcs_write(VMCS_TSC_OFFSET, offset);
}

/* The VMCS field of an MSR; 0 when it has none. */
static uint32_t field_of(uint32_t msr)
{
    switch (msr) {
    case MSR_FS_BASE:
        return VMCS_GUEST_BASE + 2 * SEG_FS;
    case MSR_GS_BASE:
        return VMCS_GUEST_BASE + 2 * SEG_GS;
    case MSR_SYSENTER_CS:
        return VMCS_GUEST_SYSENTER_CS;
    case MSR_SYSENTER_ESP:
        return VMCS_GUEST_SYSENTER_ESP;
    case MSR_SYSENTER_EIP:
        return VMCS_GUEST_SYSENTER_EIP;
    case MSR_PAT:
        return VMCS_GUEST_PAT;
    case MSR_DEBUGCTL:
        return VMCS_GUEST_DEBUGCTL;
    default:
        return 0;
    }
}

/* MSRs that hold the guest's value while it is loaded. */
static bool is_live(uint32_t msr)
{
    return (msr >= MSR_STAR && msr <= MSR_FMASK) || msr == MSR_KERNEL_GS_BASE ||
           (msr == MSR_TSC_AUX && (vmx_caps.word[VMX_PROC2] & PROC2_RDTSCP));
}

/* Memory types 0, 1, 4 to 7 (SDM vol. 3, table 11-10). */
static bool pat_possible(uint64_t pat)
{
    for (unsigned i = 0; i < 8; i++, pat >>= 8) {
        if ((uint8_t)pat > 7 || (uint8_t)pat == 2 || (uint8_t)pat == 3) {
            return false;
        }
    }
    return true;
}

/* What WRMSR would refuse; here it would fault in the hypervisor, or make
 * the next entry fail. */
static bool msr_possible(uint32_t msr, uint64_t value)
{
    switch (msr) {
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_KERNEL_GS_BASE:
    case MSR_LSTAR:
    case MSR_CSTAR:
    case MSR_SYSENTER_ESP:
    case MSR_SYSENTER_EIP:
        return vmx_canonical(value);
    case MSR_FMASK:
    case MSR_TSC_AUX:
        return value >> 32 == 0;
    case MSR_PAT:
        return pat_possible(value);
    case MSR_DEBUGCTL:
        return (value & ~DEBUGCTL_BTF) == 0;
    default:
        return true;
    }
}

int vmx_msr(struct arch_vcpu *vcpu, uint32_t msr, uint64_t *value)
{
    uint32_t field = field_of(msr);

    (void)vcpu;
    if (field) {
        *value = vmcs_read(field);
        return 0;
    }
    if (is_live(msr)) {
        *value = rdmsr(msr);
        return 0;
    }
    return -ENODEV;
}

int vmx_set_msr(struct arch_vcpu *vcpu, uint32_t msr, uint64_t value)
{
    uint32_t field = field_of(msr);

    (void)vcpu;
    if (!field && !is_live(msr)) {
        return -ENODEV;
    }
    if (!msr_possible(msr, value)) {
        return -EINVAL;
    }
    if (field) {
        vmcs_write(field, value);
    } else {
        wrmsr(msr, value);
    }
    return 0;
}
