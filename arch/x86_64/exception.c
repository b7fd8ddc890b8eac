/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions in root mode: whose fault is it, and where to return. */
#include "arch/x86_64/exception.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/descriptors.h"
#include "arch/x86_64/interrupt.h"
#include "arch/x86_64/mca/mca.h"
#include "arch/x86_64/percpu.h"
#include "kernel/panic.h"

_Static_assert(__builtin_offsetof(struct exception_frame, rip) == 17 * 8 &&
                   __builtin_offsetof(struct exception_frame, rsp) == 20 * 8,
               "exception.S knows these offsets");
_Static_assert(__builtin_offsetof(struct percpu, abandon_rsp) == 24,
               "exception.S knows this offset");

struct fixup {
    uint64_t fault_rip, continue_rip;
};

extern const struct fixup fixup_start[], fixup_end[];
extern const char cpu_abandoned[];

uint64_t fixup_find(uint64_t rip)
{
    for (const struct fixup *f = fixup_start; f < fixup_end; f++) {
        if (f->fault_rip == rip) {
            return f->continue_rip;
        }
    }
    return 0;
}

enum fault_context exception_context(void)
{
    const struct percpu *self = this_cpu();

    if (self->served_vm == FAULT_NO_VM || self->core_depth > 0 ||
        !self->abandon_rsp) {
        return CONTEXT_CORE;
    }
    return CONTEXT_SERVING;
}

bool exception_in_entry(const struct exception_frame *frame)
{
    return frame->rip >= (uint64_t)vm_entry_begin &&
           frame->rip < (uint64_t)vm_entry_end;
}

/* Everything that the interrupted code had set is set again here: stack,
 * depth, flags; NMIs unblock because the way out is an IRET. CR3, VMCS and
 * the live FPU state are the run loop's, which reloads them. */
void exception_abandon(struct exception_frame *frame)
{
    struct percpu *self = this_cpu();

    self->core_depth = 0;
    self->in_nmi = false;
    frame->rip = (uint64_t)cpu_abandoned;
    frame->rsp = self->abandon_rsp;
    frame->cs = SELECTOR_CODE;
    frame->ss = SELECTOR_DATA;
    frame->rflags = RFLAGS_FIXED;
}

static void post_root_fault(const struct exception_frame *frame)
{
    const struct percpu *self = this_cpu();
    struct fault fault = {
        .kind = FAULT_ROOT,
        .severity = SEVERITY_ACTION,
        .context = CONTEXT_SERVING,
        .vm = self->served_vm,
        .vcpu = self->served_vcpu,
        .cpu = (uint16_t)self->index,
        .detail = frame->vector,
        .info = frame->error_code,
        .address = frame->vector == VECTOR_PF || frame->vector == VECTOR_DF
                       ? read_cr2()
                       : frame->rip,
        .rip = frame->rip,
        .tsc = rdtsc(),
    };

    fault_post(&fault);
}

static void host_exception(struct exception_frame *frame)
{
    uint64_t fixup = fixup_find(frame->rip);

    if (fixup && (frame->vector == VECTOR_GP || frame->vector == VECTOR_PF)) {
        frame->rip = fixup;
        return;
    }
    if (exception_context() == CONTEXT_SERVING) {
        post_root_fault(frame);
        exception_abandon(frame);
        return;
    }
    panic_at(frame, "exception %lu in the core", frame->vector);
}

/* An NMI is only ever sent to be noticed: it ends what must not be slept or
 * run over, and stops this CPU when another one has panicked. */
static void host_nmi(struct exception_frame *frame)
{
    this_cpu()->in_nmi = true;
    if (panic_elsewhere()) {
        cpu_stop();
    }
    if (exception_in_entry(frame)) {
        frame->rip = (uint64_t)vm_entry_abort;
    }
    this_cpu()->in_nmi = false;
}

bool exception_entry(struct exception_frame *frame)
{
    bool in_nmi = this_cpu()->in_nmi;

    if (frame->vector >= 32) {
        interrupt_dispatch((uint8_t)frame->vector);
        return false;
    }
    if (frame->vector == VECTOR_MC) {
        mca_exception(frame);
    } else if (frame->vector == VECTOR_NMI) {
        host_nmi(frame);
    } else {
        host_exception(frame);
    }
    if (frame->rip >= (uint64_t)idle_begin && frame->rip < (uint64_t)idle_end) {
        frame->rip = (uint64_t)idle_end;
    }
    return in_nmi && this_cpu()->in_nmi;
}
