/* SPDX-License-Identifier: BSD-2-Clause */
/* Entering the guest. The way of a plain exit is short on purpose; whatever
 * is seldom is out of line. */
#include "arch/x86_64/vmx/vmx.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/mca/mca.h"
#include "arch/x86_64/timer.h"
#include "arch/x86_64/vmx/reason.h"
#include "arch/x86_64/vmx/vmcs.h"

/* Without PE there are no error codes (SDM vol. 3, 26.2.1.3). The event is
 * ours again if the exit says so, or if there is none. */
static void write_event(struct x86_event *event)
{
    uint32_t info = vmx_event_encode(event);

    if (event->has_error) {
        if (!(vmcs_read(VMCS_GUEST_CR0) & CR0_PE)) {
            info &= ~EVENT_INFO_ERROR;
        }
        vmcs_write(VMCS_ENTRY_EVENT_ERROR, event->error_code);
    }
    if (event->length) {
        vmcs_write(VMCS_ENTRY_EVENT_LENGTH, event->length);
    }
    vmcs_write(VMCS_ENTRY_EVENT, info);
    event->valid = false;
}

/* What stands in the way of an entry. False: no entry, *kind. */
static bool may_enter(struct arch_vcpu *vcpu, struct vmx_vcpu *vmx,
                      enum exit_kind *kind)
{
    if (vmx->attend & ATTEND_REFUSED) {
        vmx_stay(vcpu);
        vcpu->exit_reason = REASON_FAILED | REASON_GUEST_STATE;
        *kind = EXIT_ENTRY_FAILED;
        return false;
    }
    if (vmx->attend & ATTEND_FORGE) {
        vmx->attend &= ~ATTEND_FORGE;
        vcpu->exit_reason = REASON_FAILED | REASON_ENTRY_MCE;
        vmx_stay(vcpu);
        mca_guest_exit(vcpu->rip);
        *kind = EXIT_MCE;
        return false;
    }
    if (vmx->attend & ATTEND_ACTIVITY) {
        if (!vcpu->event.valid || vmx->activity != ACTIVITY_HLT) {
            vmx_stay(vcpu);
            *kind = EXIT_HLT;
            return false;
        }
        vmx_set_activity(vcpu, ACTIVITY_ACTIVE);
    }
    return true;
}

/* The preemption timer counts to the deadline, as far as its 32 bits go. It
 * is not entered with nothing to count. */
static inline enum exit_kind enter(struct arch_vcpu *vcpu, uint64_t deadline)
{
    uint64_t now = rdtsc();
    uint64_t ticks = (deadline - now) >> vmx_caps.timer_shift;

    if (UNLIKELY(ticks - 1 >= UINT32_MAX)) {
        if (ticks == 0 || now >= deadline) {
            return vmx_not_exited(vcpu, deadline, VMX_LATE);
        }
        ticks = UINT32_MAX;
    }
    vcpu->entered = now;
    vmcs_write(VMCS_PREEMPTION_TIMER, ticks);
    return vmx_enter(vcpu, deadline, &vmx_of(vcpu)->entry);
}

__attribute__((noinline)) static enum exit_kind enter_attended(
    struct arch_vcpu *vcpu, uint64_t deadline)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);
    enum exit_kind kind;

    if (!may_enter(vcpu, vmx, &kind)) {
        return kind;
    }
    if (vmx->attend & ATTEND_FLUSH) {
        vmx->attend &= ~ATTEND_FLUSH;
        vmx_flush_linear(vmx);
    }
    if (vmx->stage2_seen != vmx->stage2->generation) {
        vmx_flush_stage2(vmx, vcpu->vm);
    }
    if (vcpu->event.valid) {
        write_event(&vcpu->event);
    }
    if (!(vmx->attend & ATTEND_NO_TIMER)) {
        return enter(vcpu, deadline);
    }
    vcpu->entered = rdtsc();
    if (vcpu->entered >= deadline) {
        return vmx_not_exited(vcpu, deadline, VMX_LATE);
    }
    timer_arm(deadline);
    return vmx_enter(vcpu, deadline, &vmx->entry);
}

__attribute__((noinline)) static enum exit_kind enter_with_event(
    struct arch_vcpu *vcpu, uint64_t deadline)
{
    write_event(&vcpu->event);
    return enter(vcpu, deadline);
}

enum exit_kind vmx_run(struct arch_vcpu *vcpu, uint64_t deadline)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);

    if (UNLIKELY(vmx->attend) ||
        UNLIKELY(vmx->stage2_seen != vmx->stage2->generation)) {
        return enter_attended(vcpu, deadline);
    }
    return vcpu->event.valid ? enter_with_event(vcpu, deadline)
                             : enter(vcpu, deadline);
}

/* Reason 41 says that nothing of the guest's state was saved: so the entry
 * itself is what is made to fail. */
void vmx_forge_mce(struct arch_vcpu *vcpu, bool reason41)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);

    if (reason41) {
        vmx->attend |= ATTEND_FORGE;
    } else {
        vmx->forge_exit = true;
        vmx_attend_exit(vmx);
    }
}
