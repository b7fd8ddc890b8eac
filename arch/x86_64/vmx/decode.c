/* SPDX-License-Identifier: BSD-2-Clause */
/* From an exit reason to what vmm is told. */
#include "arch/x86_64/vmx/vmx.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/mca/mca.h"
#include "arch/x86_64/vmx/reason.h"
#include "arch/x86_64/vmx/shadow.h"
#include "arch/x86_64/vmx/vmcs.h"

/* May the exit have interrupted the delivery of an event? Has it happened
 * already, so that executing again would not bring it back? Or is it an
 * instruction's, with nothing more to do here? */
#define FOLD  1
#define DONE  2
#define PLAIN 4

struct row {
    uint8_t kind; /* enum exit_kind */
    uint8_t flags;
};

/* By basic exit reason (SDM vol. 3, table C-1). */
static const struct row rows[] = {
    [0] = {EXIT_EXCEPTION, FOLD | DONE},
    [1] = {EXIT_INTERRUPT, FOLD | DONE},
    [2] = {EXIT_TRIPLE, FOLD | DONE},
    [3] = {EXIT_INIT, FOLD | DONE},
    [4] = {EXIT_SIPI, DONE},
    [7] = {EXIT_WINDOW, PLAIN},
    [8] = {EXIT_NMI_WINDOW, PLAIN},
    [9] = {EXIT_TASK_SWITCH, FOLD},
    [10] = {EXIT_CPUID, PLAIN},
    [11] = {EXIT_UNDEFINED, PLAIN}, /* GETSEC */
    [12] = {EXIT_HLT, PLAIN},
    [13] = {EXIT_INVD, PLAIN},
    [14] = {EXIT_INVLPG, PLAIN},
    [15] = {EXIT_RDPMC, PLAIN},
    [16] = {EXIT_RDTSC, PLAIN},
    [17] = {EXIT_UNDEFINED, PLAIN}, /* RSM */
    [18] = {EXIT_CALL, PLAIN},
    [19 ... 27] = {EXIT_UNDEFINED, PLAIN}, /* VMX instructions */
    [28] = {EXIT_CR, PLAIN},
    [29] = {EXIT_DR, PLAIN},
    [30] = {EXIT_IO, PLAIN},
    [31] = {EXIT_RDMSR, PLAIN},
    [32] = {EXIT_WRMSR, PLAIN},
    [36] = {EXIT_MWAIT, PLAIN},
    [39] = {EXIT_MONITOR, PLAIN},
    [40] = {EXIT_PAUSE, PLAIN},
    [43] = {EXIT_WINDOW, DONE},   /* TPR below threshold */
    [45] = {EXIT_APIC_EOI, DONE}, /* virtualized EOI */
    [48] = {EXIT_STAGE2, FOLD},
    [49] = {EXIT_MISCONFIG, FOLD},
    [50] = {EXIT_UNDEFINED, PLAIN}, /* INVEPT */
    [51] = {EXIT_RDTSC, PLAIN},     /* RDTSCP */
    [52] = {EXIT_TIMER, FOLD},
    [53] = {EXIT_UNDEFINED, PLAIN}, /* INVVPID */
    [54] = {EXIT_WBINVD, PLAIN},
    [55] = {EXIT_XSETBV, PLAIN},
    [56] = {EXIT_APIC_WRITE, DONE},
    [59] = {EXIT_UNDEFINED, PLAIN}, /* VMFUNC */
    [60] = {EXIT_UNDEFINED, PLAIN}, /* ENCLS */
    [62] = {EXIT_NONE, FOLD},
    [67] = {EXIT_UNDEFINED, PLAIN}, /* UMWAIT */
    [68] = {EXIT_UNDEFINED, PLAIN}, /* TPAUSE */
};

#define REASONS (sizeof(rows) / sizeof(rows[0]))

static const struct row unknown = {EXIT_UNKNOWN, FOLD | DONE};

void vmx_attend_exit(struct vmx_vcpu *vmx)
{
    bool closely = vmx->forge_exit || !vmx->entry.launched;

    vmx->plain_reasons = closely ? 0 : REASONS;
}

static const struct row *row_of(uint32_t reason)
{
    uint16_t basic = (uint16_t)reason;

    if (basic < REASONS && rows[basic].flags) {
        return &rows[basic];
    }
    return &unknown;
}

/* An event whose delivery the exit interrupted is delivered again. An NMI
 * would find itself blocked by its own first try. */
static void fold(struct arch_vcpu *vcpu)
{
    uint32_t info = (uint32_t)vmcs_read(VMCS_VECTORING_EVENT);
    uint32_t error = 0;
    struct vmx_vcpu *vmx = vmx_of(vcpu);

    if (!(info & EVENT_INFO_VALID)) {
        return;
    }
    if (info & EVENT_INFO_ERROR) {
        error = (uint32_t)vmcs_read(VMCS_VECTORING_ERROR);
    }
    vcpu->event = vmx_event_decode(info, error, vmx_exit_length(vcpu));
    if (vcpu->event.type == EVENT_NMI) {
        vmx_set_interruptibility(vmx, vmx_interruptibility(vmx) & ~SHADOW_NMI);
    }
}

/* An exit has cleared the field's valid bit. It still stands after an entry
 * that did not take place (SDM vol. 3, 26.8). */
static void take_back(struct arch_vcpu *vcpu)
{
    if (vmcs_read(VMCS_ENTRY_EVENT) & EVENT_INFO_VALID) {
        vmcs_write(VMCS_ENTRY_EVENT, 0);
        vcpu->event.valid = true;
    }
}

/* Nothing was saved: guest state and the event stand as they were loaded.
 * Whether the VMCS counts as launched depends on how far the entry came. */
static enum exit_kind entry_failed(struct arch_vcpu *vcpu)
{
    bool mce = (uint16_t)vcpu->exit_reason == REASON_ENTRY_MCE;

    if (mce) {
        mca_guest_exit(vmx_rip(vcpu));
    }
    vmx_exit_qualification(vcpu);
    take_back(vcpu);
    vmx_vmcs_relaunch(vmx_of(vcpu));
    return mce ? EXIT_MCE : EXIT_ENTRY_FAILED;
}

/* VMfail: the controls or the host state are wrong, or there is no VMCS. */
static enum exit_kind refused(struct arch_vcpu *vcpu)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);
    uint32_t error = (uint32_t)vmcs_read(VMCS_INSTRUCTION_ERROR);

    vcpu->exit_reason = REASON_FAILED | REASON_INSTRUCTION | error;
    vmx->qualification = error;
    vmx->known |= KNOWN_QUALIFICATION;
    return EXIT_ENTRY_FAILED;
}

void vmx_stay(struct arch_vcpu *vcpu)
{
    vmx_rip(vcpu);
    vcpu->entered = rdtsc();
    vcpu->exited = vcpu->entered;
}

enum exit_kind vmx_not_exited(struct arch_vcpu *vcpu, uint64_t deadline,
                              enum vmx_outcome outcome)
{
    (void)deadline;
    vmx_stay(vcpu);
    take_back(vcpu);
    if (outcome == VMX_ABORTED) {
        return EXIT_NONE;
    }
    if (outcome == VMX_MCE) {
        return EXIT_MCE;
    }
    if (outcome == VMX_LATE) {
        return EXIT_TIMER;
    }
    return refused(vcpu);
}

__attribute__((noinline)) static enum exit_kind decode_row(
    struct arch_vcpu *vcpu, uint64_t deadline)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);
    const struct row *row = row_of(vcpu->exit_reason);

    if (vcpu->exit_reason & REASON_FAILED) {
        return entry_failed(vcpu);
    }
    vmx->entry.launched = 1;
    vmx_attend_exit(vmx);
    if (row->flags & FOLD) {
        fold(vcpu);
    }
    if (vmx->forge_exit && !(row->flags & DONE)) {
        return vmx_machine_check(vcpu);
    }
    return vmx_serve(vcpu, (enum exit_kind)row->kind, deadline);
}

/* Most exits are plain: an instruction, and nothing was being delivered. */
enum exit_kind vmx_decode(struct arch_vcpu *vcpu, uint64_t deadline)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);
    uint32_t reason = (uint32_t)vmcs_read(VMCS_EXIT_REASON);

    vcpu->exited = rdtsc();
    vcpu->exit_reason = reason;
    vcpu->rip = vmcs_read(VMCS_GUEST_RIP);
    vmx->known = KNOWN_RIP;
    if (UNLIKELY(reason >= vmx->plain_reasons) || rows[reason].flags != PLAIN) {
        return decode_row(vcpu, deadline);
    }
    return (enum exit_kind)rows[reason].kind;
}
