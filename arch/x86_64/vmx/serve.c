/* SPDX-License-Identifier: BSD-2-Clause */
/* Exits that have to be looked at before vmm sees them, or instead. */
#include "arch/x86_64/vmx/vmx.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/interrupt.h"
#include "arch/x86_64/mca/mca.h"
#include "arch/x86_64/vmx/ept.h"
#include "arch/x86_64/vmx/shadow.h"
#include "arch/x86_64/vmx/vmcs.h"

#define QUALIFICATION_WRITE (1ul << 1)
#define QUALIFICATION_FETCH (1ul << 2)

/* NMIs were unblocked by an IRET that did not complete: block them again,
 * unless the bit is undefined (SDM vol. 3, 27.2.3). */
static void reblock_nmi(struct arch_vcpu *vcpu, uint64_t info)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);

    if ((info & EVENT_INFO_UNBLOCKED) && !vcpu->event.valid) {
        vmx_set_interruptibility(vmx, vmx_interruptibility(vmx) | SHADOW_NMI);
    }
}

enum exit_kind vmx_machine_check(struct arch_vcpu *vcpu)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);

    vmx->forge_exit = false;
    vmx_attend_exit(vmx);
    mca_guest_exit(vmx_rip(vcpu));
    return EXIT_MCE;
}

/* DR6, DR7.GD and DEBUGCTL become what delivery of the exception would have
 * made of them (SDM vol. 3, 27.1), so that injecting it is all there is to
 * do. RTM and BLD are active low. */
static void take_debug(struct arch_vcpu *vcpu)
{
    uint64_t what = vmx_exit_qualification(vcpu);
    uint64_t dr6 = read_dr6() & ~0xful;

    dr6 |= what & 0x600f;
    dr6 &= ~(what & 0x10800);
    write_dr6(dr6);
    vmcs_write(VMCS_GUEST_DR7, vmcs_read(VMCS_GUEST_DR7) & ~(1ul << 13));
    vmcs_write(VMCS_GUEST_DEBUGCTL, vmcs_read(VMCS_GUEST_DEBUGCTL) & ~3ul);
    /* An entry with TF and an STI or MOV-SS shadow needs BS pending (SDM vol.
     * 3, 26.3.1.5), which the exit has cleared. */
    if ((vmx_rflags(vcpu) & RFLAGS_TF) &&
        (vmx_interruptibility(vmx_of(vcpu)) & (SHADOW_STI | SHADOW_MOV_SS))) {
        vmcs_write(VMCS_GUEST_PENDING_DEBUG,
                   vmcs_read(VMCS_GUEST_PENDING_DEBUG) | 1ul << 14);
    }
}

/* After an NMI exit NMIs stay blocked until an IRET: that of the handler. */
static enum exit_kind serve_exception(struct arch_vcpu *vcpu)
{
    uint32_t info = (uint32_t)vmcs_read(VMCS_EXIT_EVENT);

    if ((info >> 8 & 7) == EVENT_NMI) {
        asm volatile("int $2" ::: "memory");
        return EXIT_HOST_NMI;
    }
    if ((uint8_t)info != VECTOR_DF) {
        reblock_nmi(vcpu, info);
    }
    if ((uint8_t)info == VECTOR_MC) {
        return vmx_machine_check(vcpu);
    }
    if ((uint8_t)info == VECTOR_DB) {
        take_debug(vcpu);
    }
    return EXIT_EXCEPTION;
}

static enum exit_kind serve_interrupt(uint64_t deadline)
{
    uint32_t info = (uint32_t)vmcs_read(VMCS_EXIT_EVENT);

    if (info & EVENT_INFO_VALID) {
        interrupt_dispatch((uint8_t)info);
    }
    return rdtsc() >= deadline ? EXIT_TIMER : EXIT_INTERRUPT;
}

/* A deadline beyond the timer's 32 bits takes more than one go. */
static enum exit_kind serve_timer(uint64_t deadline)
{
    uint64_t now = rdtsc();

    if (now >= deadline || (deadline - now) >> vmx_caps.timer_shift == 0) {
        return EXIT_TIMER;
    }
    return EXIT_NONE;
}

static enum exit_kind serve_violation(struct arch_vcpu *vcpu)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);
    uint64_t what = vmx_exit_qualification(vcpu);

    reblock_nmi(vcpu, what);
    if ((what & QUALIFICATION_WRITE) && vmx->stage2->engine == DIRTY_WRITE &&
        ept_note_write(vmx->stage2, vmcs_read(VMCS_GUEST_PHYSICAL))) {
        return EXIT_NONE;
    }
    if ((what & QUALIFICATION_FETCH) && vmx->stage2->engine == DIRTY_NONE &&
        ept_large_fetch(vmx->stage2, vmcs_read(VMCS_GUEST_PHYSICAL))) {
        return EXIT_NONE;
    }
    return EXIT_STAGE2;
}

static enum exit_kind serve_log_full(struct arch_vcpu *vcpu)
{
    reblock_nmi(vcpu, vmx_exit_qualification(vcpu));
    vmx_log_drain(vmx_of(vcpu));
    return EXIT_NONE;
}

enum exit_kind vmx_serve(struct arch_vcpu *vcpu, enum exit_kind kind,
                         uint64_t deadline)
{
    switch (kind) {
    case EXIT_EXCEPTION:
        return serve_exception(vcpu);
    case EXIT_INTERRUPT:
        return serve_interrupt(deadline);
    case EXIT_STAGE2:
        return serve_violation(vcpu);
    case EXIT_TIMER:
        return serve_timer(deadline);
    case EXIT_NONE:
        return serve_log_full(vcpu);
    default:
        return kind;
    }
}
