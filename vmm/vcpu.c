/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/vcpu.h"

#include "arch/x86_64/cpu.h"
#include "kernel/console.h"
#include "vmm/exits.h"
#include "vmm/guest.h"
#include "vmm/inject.h"
#include "vmm/pv_eoi.h"

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

static inline void want_window(struct arch_vcpu *arch, bool on)
{
    if (arch->window != on) {
        cpu->want_window(arch, on);
    }
}

/* Puts the next interrupt into the entry, or asks for the exit at which it can
 * be put there. An event that was being delivered goes first. */
static inline void prepare_interrupt(struct guest *guest, struct vcpu *vcpu,
                                     int vector)
{
    struct arch_vcpu *arch = &vcpu->arch;

    if (vector < 0 || arch->event.valid || !cpu->can_interrupt(arch)) {
        want_window(arch, vector >= 0);
        return;
    }
    lapic_accept(&vcpu->lapic, (uint8_t)vector);
    pv_eoi_arm(guest, vcpu, (uint8_t)vector);
    arch->event = (struct x86_event){
        .valid = true, .type = EVENT_INTERRUPT, .vector = (uint8_t)vector};
    want_window(arch, false);
}

/* The processor delivers by itself, or we do. */
static inline void prepare_interrupts(struct guest *guest, struct vcpu *vcpu)
{
    struct lapic *l = &vcpu->lapic;
    int requested = lapic_highest_irr(l);

    if (vcpu->arch.apic_virtual) {
        cpu->sync_apic(&vcpu->arch, requested, lapic_highest_isr(l));
        return;
    }
    cpu->sync_apic(&vcpu->arch, requested, -1);
    prepare_interrupt(guest, vcpu,
                      requested < 0 ? -1 : lapic_deliverable(l, requested));
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

/* Whatever an exit may have changed. What does not fit into this entry asks for
 * a window, whose exit makes us look again. */
__attribute__((noinline)) static uint64_t look_at_all(struct guest *guest,
                                                      struct vcpu *vcpu,
                                                      struct runnable *self)
{
    uint64_t now = rdtsc();
    uint64_t due = timer_due(guest, vcpu, now);
    uint8_t looks;

    if (due <= now) {
        lapic_timer_poll(&vcpu->lapic, guest_now(guest, now));
        vcpu->look |= LOOK_EVENTS;
        due = timer_due(guest, vcpu, now);
    }
    if (!is_awake(vcpu)) {
        self->wake = due;
        return 0;
    }
    vcpu->activity = ACTIVITY_ACTIVE;
    if (now >= vcpu->turn_end) {
        return 0;
    }
    if (vcpu->arch.nmi_pending) {
        prepare_nmi(vcpu);
    }
    looks = vcpu->look;
    vcpu->look = 0;
    if (looks & LOOK_EVENTS) {
        prepare_interrupts(guest, vcpu);
    }
    return due < vcpu->turn_end ? due : vcpu->turn_end;
}

/* The guest has set its timer, and not into the past. */
static inline uint64_t look_at_timer(struct guest *guest, struct vcpu *vcpu,
                                     struct runnable *self)
{
    uint64_t now = rdtsc();
    uint64_t due = timer_due(guest, vcpu, now);

    if (due <= now || now >= vcpu->turn_end) {
        return look_at_all(guest, vcpu, self);
    }
    vcpu->look = 0;
    return due < vcpu->turn_end ? due : vcpu->turn_end;
}

/* At the start of a turn, and whenever an exit has changed what decides about
 * it: interrupts, the timer, or the time. Gives the host TSC until which the
 * guest may run, or 0: the turn is over. */
static inline uint64_t look(struct guest *guest, struct vcpu *vcpu,
                            struct runnable *self)
{
    return vcpu->look == LOOK_TIMER ? look_at_timer(guest, vcpu, self)
                                    : look_at_all(guest, vcpu, self);
}

static void record_exit(struct vcpu *vcpu, enum exit_kind kind)
{
    struct exit_record *record =
        &vcpu->history[vcpu->history_next++ % EXIT_HISTORY];

    record->tsc = vcpu->arch.exited;
    vcpu->guest_ticks += vcpu->arch.exited - vcpu->arch.entered;
    record->rip = vcpu->arch.rip;
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
    if (vcpu->look & LOOK_EOI) {
        pv_eoi_settle(guest, vcpu);
    }
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
                                                struct runnable *self)
{
    uint64_t deadline = look(guest, vcpu, self);

    while (deadline) {
        if (run_once(guest, vcpu, deadline) & EXIT_STOP) {
            return;
        }
        if (vcpu->look) {
            deadline = look(guest, vcpu, self);
        }
    }
}

void vcpu_turn(struct runnable *self, uint64_t turn_end)
{
    struct vm *vm = vm_of(self);
    struct vcpu *vcpu = &vm->guest->vcpu[self->vcpu];

    cell_switch(&vm->cell, &vcpu->arch);
    self->wake = 0;
    if (vcpu->look & LOOK_EOI) {
        pv_eoi_settle(vm->guest, vcpu); /* the last exit was abandoned */
    }
    vcpu->turn_end = turn_end;
    vcpu->slice_end = run_slice_end();
    platform_sync(vm->guest);
    run_until(vm->guest, vcpu, self);
}
