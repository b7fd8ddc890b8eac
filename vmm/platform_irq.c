/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupt messages on their way to the local APICs. */
#include "vmm/exit_parts.h"

/* False: a level-triggered interrupt that was not accepted. */
static bool deliver(struct vcpu *vcpu, const struct apic_message *m)
{
    bool accepted = true;

    switch (m->delivery_mode) {
    case APIC_FIXED:
    case APIC_LOWEST:
        accepted = lapic_deliver(&vcpu->lapic, m->vector, m->trigger_level);
        vcpu->look |= LOOK_EVENTS;
        break;
    case APIC_NMI:
        vcpu->arch.nmi_pending = true;
        vcpu->look |= LOOK_EVENTS;
        break;
    default: /* INIT, SIPI: there is one vCPU; SMI, ExtINT: nobody serves */
        break;
    }
    return accepted || !m->trigger_level;
}

/* To all that are addressed, but one who is not (or NULL). */
static bool send(struct guest *guest, const struct apic_message *m,
                 const struct vcpu *not_to, bool to_all)
{
    bool accepted = !m->trigger_level;

    for (unsigned i = 0; i < VCPUS_MAX; i++) {
        struct vcpu *vcpu = &guest->vcpu[i];

        if (vcpu == not_to ||
            (!to_all && !lapic_matches(&vcpu->lapic, m->dest, m->dest_mode))) {
            continue;
        }
        accepted |= deliver(vcpu, m);
        if (m->delivery_mode == APIC_LOWEST && accepted) {
            break;
        }
    }
    return accepted;
}

void platform_messages(struct guest *guest)
{
    struct ioapic *io = &guest->platform.ioapic;
    uint8_t refused[IOAPIC_PINS];
    unsigned count = 0;
    struct apic_message m;

    for (unsigned i = 0; i < IOAPIC_PINS && ioapic_next(io, &m); i++) {
        if (!send(guest, &m, NULL, false)) {
            refused[count++] = m.vector;
        }
    }
    /* Nobody will end it, so the pin would wait for ever. */
    while (count) {
        ioapic_eoi(io, refused[--count]);
    }
}

void platform_apic_send(struct guest *guest, struct vcpu *vcpu,
                        const struct lapic_effect *effect)
{
    if (effect->eoi_vector >= 0) {
        ioapic_eoi(&guest->platform.ioapic, (uint8_t)effect->eoi_vector);
        platform_messages(guest);
    }
    if (effect->targets != LAPIC_NOBODY) {
        bool to_all = effect->targets == LAPIC_OTHERS;

        send(guest, &effect->message, to_all ? vcpu : NULL, to_all);
    }
}
