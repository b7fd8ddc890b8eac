/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions in root mode: whose fault is it, and where to return. */
#include "arch/x86_64/exception.h"

#include <stddef.h>

#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/descriptors.h"
#include "arch/x86_64/image.h"
#include "arch/x86_64/interrupt.h"
#include "arch/x86_64/mca/mca.h"
#include "arch/x86_64/percpu.h"
#include "kernel/check.h"
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
 * depth, MCIP, flags; NMIs unblock because the way out is an IRET. CR3, VMCS
 * and the live FPU state are the run loop's, which reloads them. A host
 * interrupt that the VM exit acknowledged may not have been ended yet (one at
 * most, since none is taken while a VM is served); with none it does nothing.
 */
void exception_abandon(struct exception_frame *frame)
{
    struct percpu *self = this_cpu();

    self->core_depth = 0;
    self->in_nmi = false;
    mca_abandon();
    apic_end_of_interrupt();
    frame->rip = (uint64_t)cpu_abandoned;
    frame->rsp = self->abandon_rsp;
    frame->cs = SELECTOR_CODE;
    frame->ss = SELECTOR_DATA;
    frame->rflags = RFLAGS_FIXED;
}

/* What the processor says of it, and what we know beyond that. */
struct mistake {
    enum fault_cause cause;
    const char *what; /* of a failed check */
};

static bool is_text(uint64_t address, uint64_t size)
{
    return address >= (uint64_t)text_start &&
           address + size <= (uint64_t)text_end;
}

static struct mistake mistake_of(const struct exception_frame *frame)
{
    if (frame->vector == VECTOR_NMI) {
        return (struct mistake){CAUSE_WATCHDOG, NULL};
    }
    if (frame->vector == VECTOR_UD && is_text(frame->rip, 6) &&
        *(const uint32_t *)(frame->rip + 2) == CHECK_MARK) {
        return (struct mistake){CAUSE_CHECK, (const char *)frame->rdi};
    }
    return (struct mistake){CAUSE_EXCEPTION, NULL};
}

static void post_root_fault(const struct exception_frame *frame)
{
    const struct percpu *self = this_cpu();
    const struct mistake mistake = mistake_of(frame);
    bool by_address = frame->vector == VECTOR_PF || frame->vector == VECTOR_DF;
    struct fault fault = {
        .kind = FAULT_ROOT,
        .severity = SEVERITY_ACTION,
        .context = CONTEXT_SERVING,
        .vm = self->served_vm,
        .vcpu = self->served_vcpu,
        .cpu = (uint16_t)self->index,
        .detail = frame->vector,
        .info = frame->error_code,
        .has_address = by_address,
        .address = by_address ? read_cr2() : frame->rip,
        .rip = frame->rip,
        .tsc = rdtsc(),
        .cause = mistake.cause,
        .what = mistake.what,
    };

    fault_post(&fault);
}

/* A mistake of ours: the VM's that was served, or the core's. */
static void judge(struct exception_frame *frame)
{
    const struct mistake mistake = mistake_of(frame);

    if (exception_context() == CONTEXT_SERVING) {
        post_root_fault(frame);
        exception_abandon(frame);
    } else if (mistake.cause == CAUSE_WATCHDOG) {
        panic_at(frame, "endless loop in the core (root watchdog)");
    } else if (mistake.cause == CAUSE_CHECK) {
        panic_at(frame, "check failed in the core: %s", mistake.what);
    } else {
        panic_at(frame, "exception %lu in the core", frame->vector);
    }
}

static void host_exception(struct exception_frame *frame)
{
    uint64_t fixup = fixup_find(frame->rip);

    if (fixup && (frame->vector == VECTOR_GP || frame->vector == VECTOR_PF)) {
        frame->rip = fixup;
        return;
    }
    judge(frame);
}

static bool (*is_endless)(void);

void nmi_register(bool (*function)(void))
{
    is_endless = function;
}

/* An NMI is only ever sent to be noticed: it ends what must not be slept or
 * run over, looks at how long root mode takes, and stops this CPU when
 * another one has panicked. */
static void host_nmi(struct exception_frame *frame)
{
    struct percpu *self = this_cpu();
    bool endless;

    self->in_nmi = true;
    self->nmis++;
    if (panic_elsewhere()) {
        cpu_stop();
    }
    endless = is_endless && is_endless(); /* which also asks for the next NMI */
    if (exception_in_entry(frame)) {
        frame->rip = (uint64_t)vm_entry_abort;
    } else if (endless) {
        judge(frame);
    }
    self->in_nmi = false;
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
