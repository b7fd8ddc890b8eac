/* SPDX-License-Identifier: BSD-2-Clause */
/* Is there VT-x, may it be used, and what does it offer? */
#include "arch/x86_64/vmx/vmx.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/msr.h"
#include "kernel/errno.h"
#include "kernel/string.h"

#define CPUID_1_ECX_VMX_BIT 5

/* IA32_FEATURE_CONTROL (SDM vol. 3, 23.7). */
#define FEATURE_CONTROL_LOCK 0
#define FEATURE_CONTROL_VMX  2

struct vmx_caps vmx_caps;

static struct cpu_feature features[VMX_FEATURES_MAX];
static unsigned feature_count;

/* An MSR that may be absent, as 0. */
static uint64_t read_or_zero(uint32_t msr)
{
    uint64_t value = 0;

    return msr_read(msr, &value) == 0 ? value : 0;
}

void vmx_read_raw(struct vmx_raw *raw)
{
    bool exact;

    memset(raw, 0, sizeof(*raw));
    raw->basic = rdmsr(MSR_VMX_BASIC);
    exact = raw->basic >> 55 & 1;
    raw->word[VMX_PIN] = rdmsr(exact ? MSR_VMX_TRUE_PIN : MSR_VMX_PIN);
    raw->word[VMX_PROC] = rdmsr(exact ? MSR_VMX_TRUE_PROC : MSR_VMX_PROC);
    raw->word[VMX_EXIT] = rdmsr(exact ? MSR_VMX_TRUE_EXIT : MSR_VMX_EXIT);
    raw->word[VMX_ENTRY] = rdmsr(exact ? MSR_VMX_TRUE_ENTRY : MSR_VMX_ENTRY);
    raw->word[VMX_PROC2] = read_or_zero(MSR_VMX_PROC2);
    raw->word[VMX_EPT] = read_or_zero(MSR_VMX_EPT_VPID);
    raw->misc = rdmsr(MSR_VMX_MISC);
    raw->cr0_fixed0 = rdmsr(MSR_VMX_CR0_FIXED0);
    raw->cr0_fixed1 = rdmsr(MSR_VMX_CR0_FIXED1);
    raw->cr4_fixed0 = rdmsr(MSR_VMX_CR4_FIXED0);
    raw->cr4_fixed1 = rdmsr(MSR_VMX_CR4_FIXED1);
}

int vmx_check_firmware(struct cpu_missing *missing)
{
    uint64_t control = read_or_zero(MSR_FEATURE_CONTROL);

    if ((control >> FEATURE_CONTROL_LOCK & 1) == 0 ||
        (control >> FEATURE_CONTROL_VMX & 1)) {
        return 0;
    }
    *missing = (struct cpu_missing){
        .name = "VMX (locked off by firmware)",
        .msr = MSR_FEATURE_CONTROL,
        .bit = FEATURE_CONTROL_VMX,
        .hint = "switch on VT-x in the firmware's set-up, then power-cycle",
    };
    return -ENODEV;
}

int vmx_probe(const char *force, struct cpu_missing *missing)
{
    struct vmx_raw raw;
    int error;

    if (!(cpuid(1, 0).ecx >> CPUID_1_ECX_VMX_BIT & 1) ||
        (force && strcmp(force, "VMX") == 0)) {
        *missing = (struct cpu_missing){
            .name = "VMX",
            .msr = 1,
            .bit = CPUID_1_ECX_VMX_BIT,
            .hint = "the processor has no VT-x; if nested, offer it there",
            .cpuid = true,
        };
        return -ENODEV;
    }
    error = vmx_check_firmware(missing);
    if (error) {
        return error;
    }
    vmx_read_raw(&raw);
    vmx_barrier_init();
    return vmx_caps_decide(&raw, force, &vmx_caps, features, &feature_count,
                           missing);
}

const struct cpu_feature *vmx_features(unsigned *count)
{
    *count = feature_count;
    return features;
}
