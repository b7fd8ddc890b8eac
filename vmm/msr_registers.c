/* SPDX-License-Identifier: BSD-2-Clause */
/* What reading and writing each kind of MSR does. */
#include "vmm/msr_parts.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/msr.h"
#include "kernel/errno.h"
#include "vmm/exit_parts.h"
#include "vmm/pv_eoi.h"

#define MISC_ENABLE_FAST_STRINGS (1ull << 0)
#define MISC_ENABLE_NO_BTS       (1ull << 11)
#define MISC_ENABLE_NO_PEBS      (1ull << 12)
#define MISC_ENABLE \
    (MISC_ENABLE_FAST_STRINGS | MISC_ENABLE_NO_BTS | MISC_ENABLE_NO_PEBS)

#define FEATURE_CONTROL_LOCKED 1ull
#define UCODE_REVISION         (1ull << 32) /* revision 1 */
#define MTRRCAP_WC             (1ull << 10) /* no ranges; WC is a type */
#define MTRR_DEF_RESET         0x806ull     /* on; write-back */
#define MTRR_DEF_BITS          0xcffull

void msr_reset(struct vcpu_msrs *msrs)
{
    *msrs = (struct vcpu_msrs){.mtrr_def_type = MTRR_DEF_RESET};
}

/* The guest's TSC moves by delta: deadlines stay with the TSC, counts that
 * run stay with time. */
static void shift_tsc(struct guest *guest, struct vcpu *vcpu, uint64_t delta)
{
    struct lapic *l = &vcpu->lapic;
    uint32_t mode = lapic_reg(l, LAPIC_LVT_TIMER) & LAPIC_TIMER_MODE;

    guest->tsc_offset += delta;
    vcpu->msrs.tsc_adjust += delta;
    cpu->set_tsc_offset(&vcpu->arch, guest->tsc_offset);
    if (mode != LAPIC_TIMER_DEADLINE && l->timer_at != LAPIC_NEVER) {
        l->timer_at += delta;
    }
    vcpu->look |= LOOK_EVENTS;
}

static uint64_t now(const struct guest *guest)
{
    return guest_now(guest, rdtsc());
}

/* ---- one pair of functions for each kind of register ---- */

int msr_get_deadline(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
                     uint64_t *value)
{
    (void)msr;
    *value = lapic_read_deadline(&vcpu->lapic, now(guest));
    vcpu->look |= LOOK_EVENTS;
    return 0;
}

int msr_put_deadline(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
                     uint64_t value)
{
    (void)msr;
    vcpu->look |= lapic_write_deadline(&vcpu->lapic, value, now(guest))
                      ? LOOK_EVENTS
                      : LOOK_TIMER;
    return 0;
}

int msr_get_tsc(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
                uint64_t *value)
{
    (void)msr;
    (void)vcpu;
    *value = now(guest);
    return 0;
}

int msr_put_tsc(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
                uint64_t value)
{
    (void)msr;
    shift_tsc(guest, vcpu, value - now(guest));
    return 0;
}

int msr_get_adjust(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
                   uint64_t *value)
{
    (void)guest;
    (void)msr;
    *value = vcpu->msrs.tsc_adjust;
    return 0;
}

int msr_put_adjust(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
                   uint64_t value)
{
    (void)msr;
    shift_tsc(guest, vcpu, value - vcpu->msrs.tsc_adjust);
    return 0;
}

int msr_get_apic_base(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
                      uint64_t *value)
{
    (void)guest;
    (void)msr;
    *value = vcpu->lapic.base;
    return 0;
}

int msr_put_apic_base(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
                      uint64_t value)
{
    bool was_x2apic = lapic_is_x2apic(&vcpu->lapic);
    int error = lapic_write_base(&vcpu->lapic, value);

    (void)guest;
    (void)msr;
    if (error) {
        return error;
    }
    if (lapic_is_x2apic(&vcpu->lapic) != was_x2apic) {
        cpu->set_x2apic(&vcpu->arch, !was_x2apic);
    }
    vcpu->look |= LOOK_EVENTS;
    return 0;
}

int msr_get_efer(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
                 uint64_t *value)
{
    (void)guest;
    (void)msr;
    *value = cpu->efer(&vcpu->arch);
    return 0;
}

/* LMA is the processor's: writing it has no effect (SDM vol. 3, 2.2.1). */
int msr_put_efer(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
                 uint64_t value)
{
    uint64_t former = cpu->efer(&vcpu->arch);
    uint64_t may = EFER_LMA;

    (void)msr;
    if (guest->cpuid.long_mode) {
        may |= EFER_SCE | EFER_LME;
    }
    if (guest->cpuid.nx) {
        may |= EFER_NXE;
    }
    if ((value & ~may) ||
        (((value ^ former) & EFER_LME) && (cpu->cr(&vcpu->arch, 0) & CR0_PG))) {
        return -EINVAL;
    }
    cpu->set_efer(&vcpu->arch, (value & ~EFER_LMA) | (former & EFER_LMA));
    return 0;
}

/* Registers that the backend keeps. */
int msr_get_kept(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
                 uint64_t *value)
{
    (void)guest;
    return cpu->msr(&vcpu->arch, msr, value) ? -EINVAL : 0;
}

int msr_put_any(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
                uint64_t value)
{
    (void)guest;
    return cpu->set_msr(&vcpu->arch, msr, value) ? -EINVAL : 0;
}

int msr_put_canonical(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
                      uint64_t value)
{
    if ((uint64_t)((int64_t)(value << 16) >> 16) != value) {
        return -EINVAL;
    }
    return msr_put_any(guest, vcpu, msr, value);
}

int msr_put_low(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
                uint64_t value)
{
    return value >> 32 ? -EINVAL : msr_put_any(guest, vcpu, msr, value);
}

/* 2 and 3 are no memory types, nor is anything above 7 (SDM vol. 3, table
 * 11-10). 7 is UC-, which only PAT has. */
static bool is_memory_type(uint8_t type, bool pat)
{
    return type <= (pat ? 7 : 6) && type != 2 && type != 3;
}

int msr_put_pat(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
                uint64_t value)
{
    for (unsigned i = 0; i < 64; i += 8) {
        if (!is_memory_type((uint8_t)(value >> i), true)) {
            return -EINVAL;
        }
    }
    return msr_put_any(guest, vcpu, msr, value);
}

/* Branch records, branch traces and the rest are hidden (SDM vol. 3, 17.4.1).
 */
int msr_put_debugctl(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
                     uint64_t value)
{
    return value & ~DEBUGCTL_BTF ? -EINVAL
                                 : msr_put_any(guest, vcpu, msr, value);
}

int msr_get_mtrr_default(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
                         uint64_t *value)
{
    (void)guest;
    (void)msr;
    *value = vcpu->msrs.mtrr_def_type;
    return 0;
}

int msr_put_mtrr_default(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
                         uint64_t value)
{
    (void)guest;
    (void)msr;
    if ((value & ~MTRR_DEF_BITS) || !is_memory_type((uint8_t)value, false)) {
        return -EINVAL;
    }
    vcpu->msrs.mtrr_def_type = value;
    return 0;
}

int msr_get_pv_eoi(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
                   uint64_t *value)
{
    (void)msr;
    *value = vcpu->msrs.pv_eoi;
    return guest->cpuid.hypervisor[1].eax & CPUID_PV_EOI ? 0 : -EINVAL;
}

int msr_put_pv_eoi(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
                   uint64_t value)
{
    (void)msr;
    return pv_eoi_set(guest, vcpu, value);
}

int msr_get_constant(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
                     uint64_t *value)
{
    (void)guest;
    (void)vcpu;
    switch (msr) {
    case MSR_MISC_ENABLE:
        *value = MISC_ENABLE;
        return 0;
    case MSR_FEATURE_CONTROL:
        *value = FEATURE_CONTROL_LOCKED;
        return 0;
    case MSR_MTRRCAP:
        *value = MTRRCAP_WC;
        return 0;
    default:
        *value = UCODE_REVISION;
        return 0;
    }
}

int msr_put_nothing(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
                    uint64_t value)
{
    (void)guest;
    (void)vcpu;
    (void)msr;
    (void)value;
    return 0;
}

/* Fast strings can be turned off; it makes no difference here. */
int msr_put_misc_enable(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
                        uint64_t value)
{
    (void)guest;
    (void)vcpu;
    (void)msr;
    return (value ^ MISC_ENABLE) & ~MISC_ENABLE_FAST_STRINGS ? -EINVAL : 0;
}

int msr_refuse(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
               uint64_t value)
{
    (void)guest;
    (void)vcpu;
    (void)msr;
    (void)value;
    return -EINVAL;
}
