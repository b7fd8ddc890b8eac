/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/pv_eoi.h"

#include "kernel/errno.h"

#define NOT_REQUIRED 1u

static uint64_t word_of(const struct vcpu *vcpu)
{
    return vcpu->msrs.pv_eoi & ~PV_EOI_ENABLED;
}

int pv_eoi_set(struct guest *guest, struct vcpu *vcpu, uint64_t value)
{
    uint64_t gpa = value & ~PV_EOI_ENABLED;

    if (!(guest->cpuid.hypervisor[1].eax & CPUID_PV_EOI) || gpa % 4 ||
        ((value & PV_EOI_ENABLED) && !guest_has_page(guest, gpa))) {
        return -EINVAL;
    }
    vcpu->msrs.pv_eoi = value;
    return 0;
}

static bool is_level(const struct lapic *l, uint8_t vector)
{
    return lapic_reg(l, LAPIC_TMR + vector / 32u * 16) >> vector % 32 & 1;
}

static bool is_alone(const struct lapic *l, uint8_t vector)
{
    uint32_t others = 0;

    for (unsigned i = 0; i < 8; i++) {
        uint32_t own = vector / 32u == i ? 1u << vector % 32 : 0;

        others |= lapic_reg(l, LAPIC_ISR + i * 16) & ~own;
        others |= lapic_reg(l, LAPIC_IRR + i * 16);
    }
    return !others;
}

void pv_eoi_offer(struct guest *guest, struct vcpu *vcpu, uint8_t vector)
{
    uint64_t gpa = word_of(vcpu);
    uint32_t word;

    if (is_level(&vcpu->lapic, vector) || !is_alone(&vcpu->lapic, vector) ||
        guest_read(guest, gpa, &word, sizeof(word))) {
        return;
    }
    word |= NOT_REQUIRED;
    if (!guest_write(guest, gpa, &word, sizeof(word))) {
        vcpu->look |= LOOK_EOI;
    }
}

/* True: the bit stood, and does no longer. */
static bool take_back(struct guest *guest, struct vcpu *vcpu)
{
    uint64_t gpa = word_of(vcpu);
    uint32_t word = 0;

    if (guest_read(guest, gpa, &word, sizeof(word))) {
        return true; /* the page went away: nobody has cleared anything */
    }
    if (!(word & NOT_REQUIRED)) {
        return false;
    }
    word &= ~NOT_REQUIRED;
    guest_write(guest, gpa, &word, sizeof(word));
    return true;
}

/* LOOK_EOI goes last: if this is abandoned it is done again. */
void pv_eoi_settle(struct guest *guest, struct vcpu *vcpu)
{
    bool level;

    if (!take_back(guest, vcpu)) {
        lapic_eoi(&vcpu->lapic, &level);
    }
    vcpu->look &= (uint8_t)~LOOK_EOI;
}

void pv_eoi_forget(struct guest *guest, struct vcpu *vcpu)
{
    vcpu->look &= (uint8_t)~LOOK_EOI;
    if (vcpu->msrs.pv_eoi & PV_EOI_ENABLED) {
        take_back(guest, vcpu);
    }
}
