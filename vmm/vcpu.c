/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/vcpu.h"

#include "arch/x86_64/cpu.h"
#include "kernel/console.h"
#include "vmm/exits.h"
#include "vmm/guest.h"
#include "vmm/inject.h"

static struct vm *vm_of(const struct runnable *self)
{
    return &vms[self->cell->id];
}

/* Is there anything that ends a HLT? */
static bool is_awake(struct vcpu *vcpu)
{
    if (vcpu->activity == ACTIVITY_ACTIVE) {
        return true;
    }
    if (vcpu->activity != ACTIVITY_HLT) {
        return false;
    }
    return vcpu->arch.event.valid || vcpu->arch.nmi_pending ||
           (lapic_pending(&vcpu->lapic) >= 0 &&
            cpu->rflags(&vcpu->arch) & RFLAGS_IF);
}

/* Puts the next event into the entry, or asks for the exit at which it can
 * be put there. An event that was being delivered goes first. */
static void prepare_interrupt(struct vcpu *vcpu)
{
    struct arch_vcpu *arch = &vcpu->arch;
    int vector = lapic_pending(&vcpu->lapic);

    if (vector < 0 || arch->event.valid || !cpu->can_interrupt(arch)) {
        cpu->want_window(arch, vector >= 0);
        return;
    }
    lapic_accept(&vcpu->lapic, (uint8_t)vector);
    arch->event = (struct x86_event){
        .valid = true, .type = EVENT_INTERRUPT, .vector = (uint8_t)vector};
    cpu->want_window(arch, lapic_pending(&vcpu->lapic) >= 0);
}

static void prepare_nmi(struct vcpu *vcpu)
{
    struct arch_vcpu *arch = &vcpu->arch;

    if (arch->event.valid || !cpu->can_nmi(arch)) {
        cpu->want_nmi_window(arch, true);
        return;
    }
    arch->nmi_pending = false;
    cpu->want_nmi_window(arch, false);
    arch->event = (struct x86_event){
        .valid = true, .type = EVENT_NMI, .vector = VECTOR_NMI};
}

/* What does not fit into this entry asks for a window, whose exit makes us look
 * again. */
static void prepare_events(struct vcpu *vcpu)
{
    if (vcpu->arch.nmi_pending) {
        prepare_nmi(vcpu);
    }
    if (!vcpu->interrupts_changed) {
        return;
    }
    vcpu->interrupts_changed = false;
    if (cpu->apic_virtual()) {
        cpu->sync_apic(&vcpu->arch, lapic_highest_irr(&vcpu->lapic),
                       lapic_highest_isr(&vcpu->lapic));
    } else {
        cpu->sync_apic(&vcpu->arch, lapic_highest_irr(&vcpu->lapic), -1);
        prepare_interrupt(vcpu);
    }
}

/* The host TSC at which the guest's timer fires: the guest may have asked
 * for any 64-bit time. */
static uint64_t timer_due(const struct guest *guest, const struct vcpu *vcpu,
                          uint64_t now)
{
    uint64_t at = lapic_timer_next(&vcpu->lapic);
    uint64_t guest_time = guest_now(guest, now);
    uint64_t left = at > guest_time ? at - guest_time : 0;

    return left < RUN_NEVER - now ? now + left : RUN_NEVER;
}

/* At the start of a turn, and whenever an exit has changed what decides about
 * it: interrupts, the timer, or the time. Gives the host TSC until which the
 * guest may run, or 0: the turn is over. */
static uint64_t look(struct guest *guest, struct vcpu *vcpu,
                     struct runnable *self, uint64_t slice_end)
{
    uint64_t now = rdtsc();
    uint64_t due = timer_due(guest, vcpu, now);

    if (due <= now) {
        lapic_timer_poll(&vcpu->lapic, guest_now(guest, now));
        vcpu->interrupts_changed = true;
        due = timer_due(guest, vcpu, now);
    }
    if (!is_awake(vcpu)) {
        self->wake = due;
        return 0;
    }
    vcpu->activity = ACTIVITY_ACTIVE;
    if (now >= slice_end) {
        return 0;
    }
    prepare_events(vcpu);
    return due < slice_end ? due : slice_end;
}

static void record_exit(struct vcpu *vcpu, enum exit_kind kind)
{
    struct exit_record *record =
        &vcpu->history[vcpu->history_next++ % EXIT_HISTORY];

    record->tsc = rdtsc();
    record->rip = vcpu->arch.rip;
    record->kind = kind;
    record->reason = vcpu->arch.exit_reason;
    vcpu->exits[kind]++;
}

/* One entry and its exit, with the tail that all exits share. */
static enum exit_result run_once(struct guest *guest, struct vcpu *vcpu,
                                 uint64_t deadline)
{
    enum exit_kind kind = cpu->run(&vcpu->arch, deadline);
    enum exit_result result;

    record_exit(vcpu, kind);
    if (guest->root_injection) {
        guest_strike(guest);
    }
    result = exit_handle(guest, vcpu, kind);
    if (result & EXIT_ADVANCE) {
        cpu->advance(&vcpu->arch);
    }
    return result;
}

/* Not inline: the compiler would go through guest to reach vcpu. */
__attribute__((noinline)) static void run_until(struct guest *guest,
                                                struct vcpu *vcpu,
                                                struct runnable *self,
                                                uint64_t slice_end)
{
    uint64_t deadline = look(guest, vcpu, self, slice_end);

    while (deadline) {
        if (run_once(guest, vcpu, deadline) & EXIT_STOP) {
            return;
        }
        if (vcpu->interrupts_changed) {
            deadline = look(guest, vcpu, self, slice_end);
        }
    }
}

void vcpu_turn(struct runnable *self, uint64_t slice_end)
{
    struct vm *vm = vm_of(self);
    struct vcpu *vcpu = &vm->guest->vcpu[self->vcpu];

    cell_switch(&vm->cell, &vcpu->arch);
    self->wake = 0;
    platform_sync(vm->guest);
    run_until(vm->guest, vcpu, self, slice_end);
}
