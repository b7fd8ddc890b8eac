/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ends of interrupt without an exit, as KVM offers them (Linux,
 * Documentation/virt/kvm/x86: cpuid.rst, KVM_FEATURE_PV_EOI, and msr.rst, MSR
 * 0x4b564d04). The guest names a word of its RAM. We set bit 0 of it with an
 * interrupt that needs nothing of us at its end; the guest clears it in place
 * of writing the EOI register. LOOK_EOI says that the bit is ours to look at:
 * from the entry to its exit, and at no other time.
 */
#ifndef VMM_PV_EOI_H
#define VMM_PV_EOI_H

#include "vmm/guest.h"

#define MSR_KVM_PV_EOI 0x4b564d04u
#define PV_EOI_ENABLED 1ull /* the rest is the word's GPA, 4-byte aligned */
#define CPUID_PV_EOI   (1u << 6) /* leaf 0x40000001, EAX */

/* WRMSR. 0; -EINVAL (raise #GP): CPUID does not show the feature, or the
 * address is not aligned, or not RAM. */
int pv_eoi_set(struct guest *guest, struct vcpu *vcpu, uint64_t value);

/* This vector goes into the entry; it was just moved to ISR. Sets the bit if
 * it is edge-triggered, alone in ISR, and nothing waits in IRR. A word that
 * is not there any more: nothing happens. */
void pv_eoi_offer(struct guest *guest, struct vcpu *vcpu, uint8_t vector);
static inline void pv_eoi_arm(struct guest *guest, struct vcpu *vcpu,
                              uint8_t vector)
{
    if (vcpu->msrs.pv_eoi & PV_EOI_ENABLED) {
        pv_eoi_offer(guest, vcpu, vector);
    }
}

/* After an exit: ends the interrupt if the guest has cleared the bit, else
 * takes the bit back. Only with LOOK_EOI, which it clears. */
void pv_eoi_settle(struct guest *guest, struct vcpu *vcpu);

/* After a restore: a bit that stands in a page that was copied before it could
 * be settled is taken back. */
void pv_eoi_forget(struct guest *guest, struct vcpu *vcpu);

#endif
