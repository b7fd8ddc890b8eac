/* SPDX-License-Identifier: BSD-2-Clause */
/* What the common tail of an exit needs. */
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/vmx/cached.h"
#include "arch/x86_64/vmx/shadow.h"
#include "arch/x86_64/vmx/vmcs.h"
#include "arch/x86_64/vmx/vmx.h"

#define ACCESS_LONG  (1u << 13)  /* CS.L */
#define PENDING_STEP (1ul << 14) /* BS (SDM vol. 3, table 24-4) */

uint32_t vmx_interruptibility(struct vmx_vcpu *vmx)
{
    return shadow_of(vmx);
}

void vmx_set_interruptibility(struct vmx_vcpu *vmx, uint32_t value)
{
    if (shadow_of(vmx) != value) {
        vmx->interruptibility = value;
        vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, value);
    }
}

/* Outside 64-bit mode RIP wraps at 4 GiB. */
static uint64_t wrapped(const struct vmx_vcpu *vmx, uint64_t rip)
{
    uint64_t cs = vmcs_read(VMCS_GUEST_ACCESS + 2 * SEG_CS);

    return vmx->efer & EFER_LMA && cs & ACCESS_LONG ? rip : (uint32_t)rip;
}

/* The instruction that is skipped would have ended in a single-step trap,
 * unless only branches trap. */
static void step(void)
{
    if (!(vmcs_read(VMCS_GUEST_DEBUGCTL) & DEBUGCTL_BTF)) {
        vmcs_write(VMCS_GUEST_PENDING_DEBUG,
                   vmcs_read(VMCS_GUEST_PENDING_DEBUG) | PENDING_STEP);
    }
}

/* RIP is known since the exit. */
void vmx_advance(struct arch_vcpu *vcpu)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);
    uint64_t former = vcpu->rip;
    uint64_t rip = former + length_of(vmx);

    if (UNLIKELY((former ^ rip) >> 32)) {
        rip = wrapped(vmx, rip);
    }
    vcpu->rip = rip;
    vmcs_write(VMCS_GUEST_RIP, rip);
    know_flags(vmx);
    if (UNLIKELY(vmx->interruptibility & (SHADOW_STI | SHADOW_MOV_SS))) {
        vmx->interruptibility &= ~(SHADOW_STI | SHADOW_MOV_SS);
        vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, vmx->interruptibility);
    }
    if (UNLIKELY(vmx->rflags & RFLAGS_TF)) {
        step();
    }
}

/* Debug traps of the instruction before come before interrupts and NMIs (SDM
 * vol. 3, table 6-2); an event that is injected now would swallow them. The
 * window's exit comes after them. */
static bool trap_pending(void)
{
    return vmcs_read(VMCS_GUEST_PENDING_DEBUG) != 0;
}

bool vmx_can_interrupt(struct arch_vcpu *vcpu)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);

    return (rflags_of(vmx) & RFLAGS_IF) &&
           !(shadow_of(vmx) & (SHADOW_STI | SHADOW_MOV_SS)) && !trap_pending();
}

bool vmx_can_nmi(struct arch_vcpu *vcpu)
{
    return !(shadow_of(vmx_of(vcpu)) &
             (SHADOW_STI | SHADOW_MOV_SS | SHADOW_NMI)) &&
           !trap_pending();
}

void vmx_want_window(struct arch_vcpu *vcpu, bool on)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);

    vcpu->window = on;
    vmx_set_proc(vmx, on ? vmx->proc | PROC_INTERRUPT_WINDOW
                         : vmx->proc & ~PROC_INTERRUPT_WINDOW);
}

void vmx_want_nmi_window(struct arch_vcpu *vcpu, bool on)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);

    vmx_set_proc(vmx, on ? vmx->proc | PROC_NMI_WINDOW
                         : vmx->proc & ~PROC_NMI_WINDOW);
}

/* The VMCS always says active: a vCPU that waits is not entered at all. */
void vmx_set_activity(struct arch_vcpu *vcpu, enum x86_activity activity)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);

    vmx->activity = activity;
    if (activity == ACTIVITY_ACTIVE) {
        vmx->attend &= ~ATTEND_ACTIVITY;
    } else {
        vmx->attend |= ATTEND_ACTIVITY;
    }
}
