/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/msr_parts.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/msr.h"
#include "kernel/errno.h"
#include "vmm/exit_parts.h"
#include "vmm/pv_eoi.h"

const uint32_t msr_open[] = {
    MSR_FS_BASE,     MSR_GS_BASE,      MSR_KERNEL_GS_BASE,
    MSR_STAR,        MSR_LSTAR,        MSR_CSTAR,
    MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,
};
const unsigned msr_open_count = sizeof(msr_open) / sizeof(msr_open[0]);

/*
 * The allow-list, the busiest first. A register is here because a kernel
 * needs it to boot (Linux 6.1 warns about any other that it misses, and goes
 * on), or because CPUID shows the feature that it belongs to. Not here on
 * purpose: machine-check banks, SPEC_CTRL and its kin, performance counters,
 * XSS, VMX, SMM, RAPL, thermal and power control, variable MTRRs: their
 * features are hidden.
 */
static const struct rule {
    uint32_t msr;
    msr_getter *get;
    msr_putter *put;
} rules[] = {
    /* TSC_DEADLINE, APIC, TSC, TSC_ADJUST, LM */
    {MSR_TSC_DEADLINE, msr_get_deadline, msr_put_deadline},
    {MSR_APIC_BASE, msr_get_apic_base, msr_put_apic_base},
    {MSR_TSC, msr_get_tsc, msr_put_tsc},
    {MSR_TSC_ADJUST, msr_get_adjust, msr_put_adjust},
    {MSR_EFER, msr_get_efer, msr_put_efer},
    /* LM, SYSCALL: without an exit, when the backend opens msr_open[] */
    {MSR_FS_BASE, msr_get_kept, msr_put_canonical},
    {MSR_GS_BASE, msr_get_kept, msr_put_canonical},
    {MSR_KERNEL_GS_BASE, msr_get_kept, msr_put_canonical},
    {MSR_STAR, msr_get_kept, msr_put_any},
    {MSR_LSTAR, msr_get_kept, msr_put_canonical},
    {MSR_CSTAR, msr_get_kept, msr_put_canonical},
    {MSR_FMASK, msr_get_kept, msr_put_low},
    /* RDTSCP */
    {MSR_TSC_AUX, msr_get_kept, msr_put_low},
    /* SEP */
    {MSR_SYSENTER_CS, msr_get_kept, msr_put_any},
    {MSR_SYSENTER_ESP, msr_get_kept, msr_put_canonical},
    {MSR_SYSENTER_EIP, msr_get_kept, msr_put_canonical},
    /* PAT; MTRR (no ranges), without which Linux does not use PAT */
    {MSR_PAT, msr_get_kept, msr_put_pat},
    {MSR_MTRRCAP, msr_get_constant, msr_refuse},
    {MSR_MTRR_DEF_TYPE, msr_get_mtrr_default, msr_put_mtrr_default},
    /* stepping by branches */
    {MSR_DEBUGCTL, msr_get_kept, msr_put_debugctl},
    /* fast strings; written, then read; locked: neither VMX nor SGX */
    {MSR_MISC_ENABLE, msr_get_constant, msr_put_misc_enable},
    {MSR_UCODE_REV, msr_get_constant, msr_put_nothing},
    {MSR_FEATURE_CONTROL, msr_get_constant, msr_refuse},
    /* KVM's PV EOI */
    {MSR_KVM_PV_EOI, msr_get_pv_eoi, msr_put_pv_eoi},
};

static const struct rule *rule_of(uint32_t msr)
{
    for (unsigned i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (rules[i].msr == msr) {
            return &rules[i];
        }
    }
    return NULL;
}

__attribute__((noinline)) static int get_x2apic(struct guest *guest,
                                                struct vcpu *vcpu, uint32_t msr,
                                                uint64_t *value)
{
    uint32_t offset = lapic_msr_offset(msr);
    struct lapic *l = &vcpu->lapic;
    int error = lapic_read(l, offset, guest_now(guest, rdtsc()), value);

    vcpu->look |= vcpu_look_after_read(l, offset);
    return error;
}

__attribute__((noinline)) static int put_x2apic(struct guest *guest,
                                                struct vcpu *vcpu, uint32_t msr,
                                                uint64_t value)
{
    struct lapic_effect effect;
    int error = lapic_write(&vcpu->lapic, lapic_msr_offset(msr), value,
                            guest_now(guest, rdtsc()), &effect);

    if (!error) {
        platform_apic_effect(guest, vcpu, &effect);
    }
    return error;
}

int msr_get(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
            uint64_t *value)
{
    const struct rule *rule;

    if (lapic_has_msr(&vcpu->lapic, msr)) {
        return get_x2apic(guest, vcpu, msr, value);
    }
    rule = rule_of(msr);
    return rule ? rule->get(guest, vcpu, msr, value) : -EINVAL;
}

int msr_put(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
            uint64_t value)
{
    const struct rule *rule;

    if (lapic_has_msr(&vcpu->lapic, msr)) {
        return put_x2apic(guest, vcpu, msr, value);
    }
    rule = rule_of(msr);
    return rule ? rule->put(guest, vcpu, msr, value) : -EINVAL;
}

enum exit_result rdmsr_exit(struct guest *guest, struct vcpu *vcpu)
{
    uint64_t *gpr = vcpu->arch.gpr;
    uint64_t value;

    if (msr_get(guest, vcpu, (uint32_t)gpr[GPR_RCX], &value)) {
        return vcpu_raise_gp(guest, vcpu);
    }
    gpr[GPR_RAX] = (uint32_t)value;
    gpr[GPR_RDX] = value >> 32;
    return EXIT_ADVANCE;
}

enum exit_result wrmsr_exit(struct guest *guest, struct vcpu *vcpu)
{
    const uint64_t *gpr = vcpu->arch.gpr;
    uint64_t value = gpr[GPR_RDX] << 32 | (uint32_t)gpr[GPR_RAX];

    if (msr_put(guest, vcpu, (uint32_t)gpr[GPR_RCX], value)) {
        return vcpu_raise_gp(guest, vcpu);
    }
    return EXIT_ADVANCE;
}
