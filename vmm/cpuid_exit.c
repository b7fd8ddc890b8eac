/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID: the table of a guest from this processor, and the exit. */
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/timer.h"
#include "kernel/string.h"
#include "vmm/exit_parts.h"

static bool is_used(const char *name)
{
    unsigned count;
    const struct cpu_feature *feature = cpu->features(&count);

    for (unsigned i = 0; i < count; i++) {
        if (strcmp(feature[i].name, name) == 0) {
            return feature[i].used;
        }
    }
    return false;
}

void cpuid_init(struct guest *guest)
{
    uint64_t unused[3];
    struct cpuid_source source = {
        .leaf = cpuid,
        .tsc_khz = tsc_per_ms,
        .vcpus = VCPUS_MAX,
        .rdtscp = is_used("RDTSCP"),
        .invpcid = is_used("INVPCID"),
        .long_mode = is_used("64-bit guest"),
        .kvm_signature = guest->vm->config->kvm_signature,
    };

    cpu->cr_limits(&unused[0], &unused[1], &unused[2], &source.cr4_may);
    cpuid_build(&guest->cpuid, &source);
}

static void answer(uint64_t *gpr, const struct cpuid *leaf)
{
    gpr[GPR_RAX] = leaf->eax;
    gpr[GPR_RBX] = leaf->ebx;
    gpr[GPR_RCX] = leaf->ecx;
    gpr[GPR_RDX] = leaf->edx;
}

/* Out of line: the short cut needs no stack. */
__attribute__((noinline)) static enum exit_result look_up(struct guest *guest,
                                                          struct vcpu *vcpu)
{
    uint64_t *gpr = vcpu->arch.gpr;
    struct cpuid leaf = cpuid_lookup(&guest->cpuid, (uint32_t)gpr[GPR_RAX],
                                     (uint32_t)gpr[GPR_RCX], vcpu->index,
                                     lapic_is_enabled(&vcpu->lapic));

    answer(gpr, &leaf);
    return EXIT_ADVANCE;
}

enum exit_result cpuid_exit(struct guest *guest, struct vcpu *vcpu)
{
    uint64_t *gpr = vcpu->arch.gpr;
    const struct cpuid *plain =
        cpuid_plain(&guest->cpuid, (uint32_t)gpr[GPR_RAX]);

    if (!plain) {
        return look_up(guest, vcpu);
    }
    answer(gpr, plain);
    return EXIT_ADVANCE;
}
