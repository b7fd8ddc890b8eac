/* SPDX-License-Identifier: BSD-2-Clause */
/* Entering the guest. */
#include "arch/x86_64/vmx/vmx.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/mca/mca.h"
#include "arch/x86_64/timer.h"
#include "arch/x86_64/vmx/reason.h"
#include "arch/x86_64/vmx/vmcs.h"

/* Without PE there are no error codes (SDM vol. 3, 26.2.1.3). */
static void write_event(struct arch_vcpu *vcpu, struct vmx_vcpu *vmx)
{
    const struct x86_event *event = &vcpu->event;
    uint32_t info = vmx_event_encode(event);

    if (event->valid && event->has_error) {
        if (!(vmcs_read(VMCS_GUEST_CR0) & CR0_PE)) {
            info &= ~EVENT_INFO_ERROR;
        }
        vmcs_write(VMCS_ENTRY_EVENT_ERROR, event->error_code);
    }
    if (event->valid && event->length) {
        vmcs_write(VMCS_ENTRY_EVENT_LENGTH, event->length);
    }
    vmcs_write(VMCS_ENTRY_EVENT, info);
    vmx->event_written = event->valid;
}

/* Seldom: what stands in the way of an entry. False: no entry, *kind. */
static bool attend(struct arch_vcpu *vcpu, struct vmx_vcpu *vmx,
                   enum exit_kind *kind)
{
    if (vmx->attend & ATTEND_REFUSED) {
        vmx->reason = REASON_FAILED | REASON_GUEST_STATE;
        *kind = EXIT_ENTRY_FAILED;
        return false;
    }
    if (vmx->attend & ATTEND_FORGE) {
        vmx->attend &= ~ATTEND_FORGE;
        vmx->reason = REASON_FAILED | REASON_ENTRY_MCE;
        mca_guest_exit();
        *kind = EXIT_MCE;
        return false;
    }
    if (vmx->attend & ATTEND_ACTIVITY) {
        if (!vcpu->event.valid || vmx->activity != ACTIVITY_HLT) {
            *kind = EXIT_HLT;
            return false;
        }
        vmx_set_activity(vcpu, ACTIVITY_ACTIVE);
    }
    if (vmx->attend & ATTEND_FLUSH) {
        vmx->attend &= ~ATTEND_FLUSH;
        vmx_flush_linear(vmx);
    }
    return true;
}

/* False when the deadline has come. */
static bool set_deadline(uint64_t deadline)
{
    uint64_t now = rdtsc();
    uint64_t ticks;

    if (now >= deadline) {
        return false;
    }
    if (!(vmx_caps.word[VMX_PIN] & PIN_PREEMPTION_TIMER)) {
        timer_arm(deadline);
        return true;
    }
    ticks = (deadline - now) >> vmx_caps.timer_shift;
    if (ticks == 0) {
        return false;
    }
    vmcs_write(VMCS_PREEMPTION_TIMER, ticks < UINT32_MAX ? ticks : UINT32_MAX);
    return true;
}

/* VMfail: the controls or the host state are wrong, or there is no VMCS. */
static enum exit_kind refused(struct vmx_vcpu *vmx)
{
    uint32_t error = (uint32_t)vmcs_read(VMCS_INSTRUCTION_ERROR);

    vmx->reason = REASON_FAILED | REASON_INSTRUCTION | error;
    vmx->qualification = error;
    vmx->known |= KNOWN_QUALIFICATION;
    return EXIT_ENTRY_FAILED;
}

enum exit_kind vmx_run(struct arch_vcpu *vcpu, uint64_t deadline)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);
    enum exit_kind kind;

    if (vmx->attend && !attend(vcpu, vmx, &kind)) {
        return kind;
    }
    if (vmx->stage2_seen != vmx->stage2->generation) {
        vmx_flush_stage2(vmx, vcpu->vm);
    }
    if (!set_deadline(deadline)) {
        return EXIT_TIMER;
    }
    if (vcpu->event.valid || vmx->event_written) {
        write_event(vcpu, vmx);
    }
    switch (vmx_enter(vcpu, &vmx->entry)) {
    case VMX_EXITED:
        return vmx_decode(vcpu, deadline);
    case VMX_ABORTED:
        vmx->entry.abort = 0;
        return EXIT_NONE;
    default:
        return refused(vmx);
    }
}

void vmx_abort_entry(struct arch_vcpu *vcpu)
{
    vmx_of(vcpu)->entry.abort = 1;
}

/* Reason 41 says that nothing of the guest's state was saved: so the entry
 * itself is what is made to fail. */
void vmx_forge_mce(struct arch_vcpu *vcpu, bool reason41)
{
    if (reason41) {
        vmx_of(vcpu)->attend |= ATTEND_FORGE;
    } else {
        vmx_of(vcpu)->forge_exit = true;
    }
}
