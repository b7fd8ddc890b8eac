/* SPDX-License-Identifier: BSD-2-Clause */
/* From an exit reason to what vmm is told. */
#include "arch/x86_64/vmx/vmx.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/interrupt.h"
#include "arch/x86_64/mca/mca.h"
#include "arch/x86_64/vmx/ept.h"
#include "arch/x86_64/vmx/reason.h"
#include "arch/x86_64/vmx/shadow.h"
#include "arch/x86_64/vmx/vmcs.h"

#define QUALIFICATION_UNBLOCKED (1ul << 12) /* as EVENT_INFO_UNBLOCKED */
#define QUALIFICATION_WRITE     (1ul << 1)
#define QUALIFICATION_FETCH     (1ul << 2)

/* NMIs were unblocked by an IRET that did not complete: block them again,
 * unless the bit is undefined (SDM vol. 3, 27.2.3). */
static void reblock_nmi(struct arch_vcpu *vcpu, uint64_t info)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);

    if ((info & EVENT_INFO_UNBLOCKED) && !vcpu->event.valid) {
        vmx_set_interruptibility(vmx, vmx_interruptibility(vmx) | SHADOW_NMI);
    }
}

static enum exit_kind machine_check(struct arch_vcpu *vcpu)
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
static enum exit_kind serve_exception(struct arch_vcpu *vcpu, uint64_t deadline)
{
    uint32_t info = (uint32_t)vmcs_read(VMCS_EXIT_EVENT);

    (void)deadline;
    if ((info >> 8 & 7) == EVENT_NMI) {
        asm volatile("int $2" ::: "memory");
        return EXIT_HOST_NMI;
    }
    if ((uint8_t)info != VECTOR_DF) {
        reblock_nmi(vcpu, info);
    }
    if ((uint8_t)info == VECTOR_MC) {
        return machine_check(vcpu);
    }
    if ((uint8_t)info == VECTOR_DB) {
        take_debug(vcpu);
    }
    return EXIT_EXCEPTION;
}

static enum exit_kind serve_interrupt(struct arch_vcpu *vcpu, uint64_t deadline)
{
    uint32_t info = (uint32_t)vmcs_read(VMCS_EXIT_EVENT);

    (void)vcpu;
    if (info & EVENT_INFO_VALID) {
        interrupt_dispatch((uint8_t)info);
    }
    return rdtsc() >= deadline ? EXIT_TIMER : EXIT_INTERRUPT;
}

/* A deadline beyond the timer's 32 bits takes more than one go. */
static enum exit_kind serve_timer(struct arch_vcpu *vcpu, uint64_t deadline)
{
    uint64_t now = rdtsc();

    (void)vcpu;
    if (now >= deadline || (deadline - now) >> vmx_caps.timer_shift == 0) {
        return EXIT_TIMER;
    }
    return EXIT_NONE;
}

static enum exit_kind serve_violation(struct arch_vcpu *vcpu, uint64_t deadline)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);
    uint64_t what = vmx_exit_qualification(vcpu);

    (void)deadline;
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

static enum exit_kind serve_log_full(struct arch_vcpu *vcpu, uint64_t deadline)
{
    (void)deadline;
    reblock_nmi(vcpu, vmx_exit_qualification(vcpu));
    vmx_log_drain(vmx_of(vcpu));
    return EXIT_NONE;
}

/* May the exit have interrupted the delivery of an event? Has it happened
 * already, so that executing again would not bring it back? Or is it an
 * instruction's, with nothing more to do here? */
#define FOLD  1
#define DONE  2
#define PLAIN 4

struct row {
    uint8_t kind; /* enum exit_kind */
    uint8_t flags;
    enum exit_kind (*serve)(struct arch_vcpu *vcpu, uint64_t deadline);
};

/* By basic exit reason (SDM vol. 3, table C-1). */
static const struct row rows[] = {
    [0] = {EXIT_EXCEPTION, FOLD | DONE, serve_exception},
    [1] = {EXIT_INTERRUPT, FOLD | DONE, serve_interrupt},
    [2] = {EXIT_TRIPLE, FOLD | DONE, NULL},
    [3] = {EXIT_INIT, FOLD | DONE, NULL},
    [4] = {EXIT_SIPI, DONE, NULL},
    [7] = {EXIT_WINDOW, PLAIN, NULL},
    [8] = {EXIT_NMI_WINDOW, PLAIN, NULL},
    [9] = {EXIT_TASK_SWITCH, FOLD, NULL},
    [10] = {EXIT_CPUID, PLAIN, NULL},
    [11] = {EXIT_UNDEFINED, PLAIN, NULL}, /* GETSEC */
    [12] = {EXIT_HLT, PLAIN, NULL},
    [13] = {EXIT_INVD, PLAIN, NULL},
    [14] = {EXIT_INVLPG, PLAIN, NULL},
    [15] = {EXIT_RDPMC, PLAIN, NULL},
    [16] = {EXIT_RDTSC, PLAIN, NULL},
    [17] = {EXIT_UNDEFINED, PLAIN, NULL}, /* RSM */
    [18] = {EXIT_CALL, PLAIN, NULL},
    [19 ... 27] = {EXIT_UNDEFINED, PLAIN, NULL}, /* VMX instructions */
    [28] = {EXIT_CR, PLAIN, NULL},
    [29] = {EXIT_DR, PLAIN, NULL},
    [30] = {EXIT_IO, PLAIN, NULL},
    [31] = {EXIT_RDMSR, PLAIN, NULL},
    [32] = {EXIT_WRMSR, PLAIN, NULL},
    [36] = {EXIT_MWAIT, PLAIN, NULL},
    [39] = {EXIT_MONITOR, PLAIN, NULL},
    [40] = {EXIT_PAUSE, PLAIN, NULL},
    [43] = {EXIT_WINDOW, DONE, NULL},   /* TPR below threshold */
    [45] = {EXIT_APIC_EOI, DONE, NULL}, /* virtualized EOI */
    [48] = {EXIT_STAGE2, FOLD, serve_violation},
    [49] = {EXIT_MISCONFIG, FOLD, NULL},
    [50] = {EXIT_UNDEFINED, PLAIN, NULL}, /* INVEPT */
    [51] = {EXIT_RDTSC, PLAIN, NULL},     /* RDTSCP */
    [52] = {EXIT_TIMER, FOLD, serve_timer},
    [53] = {EXIT_UNDEFINED, PLAIN, NULL}, /* INVVPID */
    [54] = {EXIT_WBINVD, PLAIN, NULL},
    [55] = {EXIT_XSETBV, PLAIN, NULL},
    [56] = {EXIT_APIC_WRITE, DONE, NULL},
    [59] = {EXIT_UNDEFINED, PLAIN, NULL}, /* VMFUNC */
    [60] = {EXIT_UNDEFINED, PLAIN, NULL}, /* ENCLS */
    [62] = {EXIT_NONE, FOLD, serve_log_full},
    [67] = {EXIT_UNDEFINED, PLAIN, NULL}, /* UMWAIT */
    [68] = {EXIT_UNDEFINED, PLAIN, NULL}, /* TPAUSE */
};

#define REASONS (sizeof(rows) / sizeof(rows[0]))

static const struct row unknown = {EXIT_UNKNOWN, FOLD | DONE, NULL};

void vmx_attend_exit(struct vmx_vcpu *vmx)
{
    bool closely = vmx->forge_exit || (vmx->attend & ATTEND_WRITTEN);

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
        vcpu->event.valid = false;
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

/* Nothing was saved: guest state and the event stand as they were loaded.
 * Whether the VMCS counts as launched depends on how far the entry came. */
static enum exit_kind entry_failed(struct arch_vcpu *vcpu)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);

    if ((uint16_t)vmx->reason == REASON_ENTRY_MCE) {
        mca_guest_exit(vmx_rip(vcpu));
    }
    vmx_exit_qualification(vcpu);
    vmx_vmcs_relaunch(vmx);
    return (uint16_t)vmx->reason == REASON_ENTRY_MCE ? EXIT_MCE
                                                     : EXIT_ENTRY_FAILED;
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

__attribute__((noinline)) static enum exit_kind not_exited(
    struct arch_vcpu *vcpu, enum vmx_outcome outcome)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);

    if (outcome == VMX_ABORTED) {
        vmx->entry.abort = 0;
        return EXIT_NONE;
    }
    if (outcome == VMX_MCE) {
        return EXIT_MCE;
    }
    return refused(vmx);
}

__attribute__((noinline)) static enum exit_kind decode_row(
    struct arch_vcpu *vcpu, uint64_t deadline)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);
    const struct row *row = row_of(vmx->reason);

    if (vmx->reason & REASON_FAILED) {
        return entry_failed(vcpu);
    }
    vmx->entry.launched = 1;
    vmx->attend &= ~ATTEND_WRITTEN;
    vmx_attend_exit(vmx);
    if (row->flags & FOLD) {
        fold(vcpu);
    } else {
        vcpu->event.valid = false;
    }
    if (vmx->forge_exit && !(row->flags & DONE)) {
        return machine_check(vcpu);
    }
    return row->serve ? row->serve(vcpu, deadline) : (enum exit_kind)row->kind;
}

/* Most exits are plain: an instruction, and nothing was being delivered. */
enum exit_kind vmx_decode(struct arch_vcpu *vcpu, uint64_t deadline,
                          enum vmx_outcome outcome)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);
    uint32_t reason;

    if (UNLIKELY(outcome != VMX_EXITED)) {
        return not_exited(vcpu, outcome);
    }
    vmx->known = 0;
    reason = (uint32_t)vmcs_read(VMCS_EXIT_REASON);
    vmx->reason = reason;
    if (UNLIKELY(reason >= vmx->plain_reasons) || rows[reason].flags != PLAIN) {
        return decode_row(vcpu, deadline);
    }
    vmx->entry.launched = 1;
    return (enum exit_kind)rows[reason].kind;
}
