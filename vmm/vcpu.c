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

/* What does not fit into this entry asks for a window, whose exit sets
 * interrupts_changed again. */
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

static void record_exit(struct vcpu *vcpu, enum exit_kind kind, uint64_t now)
{
    struct exit_record *record =
        &vcpu->history[vcpu->history_next++ % EXIT_HISTORY];

    record->tsc = now;
    record->rip = cpu->rip(&vcpu->arch);
    record->kind = kind;
    record->reason = cpu->exit_reason(&vcpu->arch);
    vcpu->exits[kind]++;
}

/* One entry and its exit, with the tail that all exits share. False when the
 * turn is over. */
static bool run_once(struct guest *guest, struct vcpu *vcpu, uint64_t deadline)
{
    enum exit_kind kind = cpu->run(&vcpu->arch, deadline);
    enum exit_result result;

    record_exit(vcpu, kind, rdtsc());
    vcpu->interrupts_changed |= kind == EXIT_WINDOW;
    if (guest->root_injection) {
        guest_strike(guest);
    }
    result = exit_handle(guest, vcpu, kind);
    if (result == EXIT_ADVANCE || result == EXIT_ADVANCE_STOP) {
        cpu->advance(&vcpu->arch);
    }
    return result == EXIT_RESUME || result == EXIT_ADVANCE;
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

void vcpu_turn(struct runnable *self, uint64_t slice_end)
{
    struct vm *vm = vm_of(self);
    struct guest *guest = vm->guest;
    struct vcpu *vcpu = &guest->vcpu[self->vcpu];

    cell_switch(&vm->cell, &vcpu->arch);
    self->wake = 0;
    platform_sync(guest);
    do {
        uint64_t now = rdtsc(), due;

        due = timer_due(guest, vcpu, now);
        if (due <= now) {
            lapic_timer_poll(&vcpu->lapic, guest_now(guest, now));
            vcpu->interrupts_changed = true;
            due = timer_due(guest, vcpu, now);
        }
        if (!is_awake(vcpu)) {
            self->wake = due;
            return;
        }
        vcpu->activity = ACTIVITY_ACTIVE;
        if (now >= slice_end) {
            return;
        }
        prepare_events(vcpu);
        if (!run_once(guest, vcpu, due < slice_end ? due : slice_end)) {
            return;
        }
    } while (true);
}
