/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions that reach the guest, also while it is busy taking an event. */
#include "arch/x86_64/cpu.h"
#include "vmm/exit_parts.h"

/* Classes of exceptions (SDM vol. 3, table 6-4). */
enum exception_class { BENIGN, CONTRIBUTORY, PAGE_FAULT, DOUBLE_FAULT };

/* Vectors that push an error code (SDM vol. 3, table 6-1). */
#define PUSHES_ERROR                                                         \
    (1u << VECTOR_DF | 1u << VECTOR_TS | 1u << VECTOR_NP | 1u << VECTOR_SS | \
     1u << VECTOR_GP | 1u << VECTOR_PF | 1u << VECTOR_AC)

static enum exception_class class_of(const struct x86_event *event)
{
    if (event->type != EVENT_EXCEPTION) {
        return BENIGN;
    }
    switch (event->vector) {
    case VECTOR_DE:
    case VECTOR_TS:
    case VECTOR_NP:
    case VECTOR_SS:
    case VECTOR_GP:
        return CONTRIBUTORY;
    case VECTOR_PF:
        return PAGE_FAULT;
    case VECTOR_DF:
        return DOUBLE_FAULT;
    default:
        return BENIGN;
    }
}

/* An interrupt that an exception displaces comes again; the local APIC must
 * forget that it was taken. An exception, or a software interrupt, comes
 * again with the instruction that raised it. */
static void put_back(struct vcpu *vcpu, const struct x86_event *event)
{
    unsigned word = event->vector / 32u * 16;
    uint32_t bit = 1u << event->vector % 32;
    struct lapic *l = &vcpu->lapic;

    if (event->type == EVENT_NMI) {
        vcpu->arch.nmi_pending = true;
        vcpu->look |= LOOK_EVENTS;
    } else if (event->type == EVENT_INTERRUPT) {
        lapic_set_reg(l, LAPIC_ISR + word,
                      lapic_reg(l, LAPIC_ISR + word) & ~bit);
        lapic_set_reg(l, LAPIC_IRR + word,
                      lapic_reg(l, LAPIC_IRR + word) | bit);
        lapic_update_ppr(l);
        vcpu->look |= LOOK_EVENTS;
    }
}

/* In real mode nothing pushes an error code, and an entry that says so is
 * refused (SDM vol. 3, 26.2.1.3). */
static void settle_error(struct vcpu *vcpu, struct x86_event *event)
{
    bool pushes = event->type == EVENT_EXCEPTION && event->vector < 32 &&
                  (PUSHES_ERROR >> event->vector & 1) &&
                  (cpu->cr(&vcpu->arch, 0) & CR0_PE);

    event->error_code = pushes && event->has_error ? event->error_code : 0;
    event->has_error = pushes;
}

enum exit_result vcpu_deliver(struct guest *guest, struct vcpu *vcpu,
                              const struct x86_event *event)
{
    struct x86_event *slot = &vcpu->arch.event;
    struct x86_event next = *event;
    enum exception_class first = slot->valid ? class_of(slot) : BENIGN;
    enum exception_class second = class_of(event);

    if (first == DOUBLE_FAULT && second != BENIGN) {
        slot->valid = false;
        return vcpu_fault(guest, vcpu, FAULT_TRIPLE, false, 0, 0);
    }
    if ((first == CONTRIBUTORY && second == CONTRIBUTORY) ||
        (first == PAGE_FAULT && second != BENIGN)) {
        next = (struct x86_event){.type = EVENT_EXCEPTION, .vector = VECTOR_DF};
    } else if (slot->valid) {
        put_back(vcpu, slot);
    }
    next.valid = true;
    settle_error(vcpu, &next);
    *slot = next;
    return EXIT_RESUME;
}

enum exit_result vcpu_raise(struct guest *guest, struct vcpu *vcpu,
                            uint8_t vector, bool has_error, uint32_t error_code)
{
    const struct x86_event event = {
        .type = EVENT_EXCEPTION,
        .vector = vector,
        .has_error = has_error,
        .error_code = error_code,
    };

    return vcpu_deliver(guest, vcpu, &event);
}

/*
 * #DB and #AC are intercepted since a guest can make their delivery raise
 * them again, without end, in the processor (CVE-2015-8104, CVE-2015-5307).
 * Here each round is an exit, and the turn ends at its deadline. The backend
 * has set DR6 and DR7.
 */
enum exit_result exception_exit(struct guest *guest, struct vcpu *vcpu)
{
    struct exit_exception e = cpu->exit_exception(&vcpu->arch);
    struct x86_event event = {
        .type = e.type >= EVENT_EXCEPTION ? e.type : EVENT_EXCEPTION,
        .vector = e.vector,
        .length = e.length,
        .has_error = e.has_error,
        .error_code = e.error_code,
    };

    if (e.vector == VECTOR_PF) {
        cpu->set_cr(&vcpu->arch, 2, e.qualification);
    }
    return vcpu_deliver(guest, vcpu, &event);
}
