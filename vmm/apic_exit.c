/* SPDX-License-Identifier: BSD-2-Clause */
/* Exits of a local APIC that the processor virtualizes. Both come after the
 * instruction: nothing is to be skipped. */
#include "arch/x86_64/cpu.h"
#include "vmm/exit_parts.h"

/* The register's new value is in the page already. */
enum exit_result apic_write_exit(struct guest *guest, struct vcpu *vcpu)
{
    uint32_t offset = cpu->exit_apic_offset(&vcpu->arch) & 0xff0u;
    struct lapic *l = &vcpu->lapic;
    uint64_t value = lapic_reg(l, offset);
    struct lapic_effect effect;

    if (offset == LAPIC_ICR && lapic_is_x2apic(l)) {
        value |= (uint64_t)lapic_reg(l, LAPIC_ICR_UPPER) << 32;
    }
    if (!lapic_write(l, offset, value, guest_now(guest, rdtsc()), &effect)) {
        platform_apic_effect(guest, vcpu, &effect);
    }
    return EXIT_RESUME;
}

enum exit_result apic_eoi_exit(struct guest *guest, struct vcpu *vcpu)
{
    uint8_t vector = (uint8_t)cpu->exit_apic_offset(&vcpu->arch);
    const struct lapic_effect effect = {.eoi_vector = vector};

    platform_apic_effect(guest, vcpu, &effect);
    return EXIT_RESUME;
}

/* Vectors of the pins that wait for an end of interrupt. */
static void level_vectors(const struct ioapic *io, uint64_t vectors[4])
{
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        uint64_t rte = io->rte[pin];
        uint8_t vector = rte & IOAPIC_RTE_VECTOR;

        if (rte & IOAPIC_RTE_LEVEL) {
            vectors[vector / 64] |= 1ull << vector % 64;
        }
    }
}

void platform_eoi_wanted(struct guest *guest)
{
    uint64_t vectors[4] = {0};

    if (!guest->vcpu[0].arch.apic_virtual) {
        return;
    }
    level_vectors(&guest->platform.ioapic, vectors);
    for (unsigned i = 0; i < VCPUS_MAX; i++) {
        cpu->want_eoi(&guest->vcpu[i].arch, vectors);
    }
}
