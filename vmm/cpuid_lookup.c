/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/cpuid.h"

#define EDX_APIC (1u << 9) /* of leaf 1 */

/* Leaf 0xB: one thread a core, all cores in one package. */
static struct cpuid topology(const struct cpuid_table *table, uint32_t subleaf,
                             uint32_t apic_id)
{
    struct cpuid leaf = {.ecx = subleaf & 0xff, .edx = apic_id};

    if (subleaf == 0) {
        leaf.ebx = 1;
        leaf.ecx |= 1 << 8; /* threads */
    } else if (subleaf == 1) {
        while (table->vcpus > 1u << leaf.eax) {
            leaf.eax++;
        }
        leaf.ebx = table->vcpus;
        leaf.ecx |= 2 << 8; /* cores */
    }
    return leaf;
}

static struct cpuid basic(const struct cpuid_table *table, uint32_t leaf,
                          uint32_t subleaf, uint32_t apic_id, bool apic_enabled)
{
    struct cpuid answer = table->basic[leaf];

    switch (leaf) {
    case 1:
        answer.ebx |= apic_id << 24;
        if (!apic_enabled) {
            answer.edx &= ~EDX_APIC;
        }
        return answer;
    case 4:
        return subleaf < CPUID_CACHES ? table->caches[subleaf] : answer;
    case 7:
        return subleaf == 0 ? answer : (struct cpuid){0};
    case 0xb:
        return topology(table, subleaf, apic_id);
    default:
        return answer;
    }
}

struct cpuid cpuid_lookup(const struct cpuid_table *table, uint32_t leaf,
                          uint32_t subleaf, uint32_t apic_id, bool apic_enabled)
{
    if (leaf <= CPUID_BASIC_LAST) {
        return basic(table, leaf, subleaf, apic_id, apic_enabled);
    }
    if (leaf >= CPUID_EXTENDED && leaf <= CPUID_EXTENDED_LAST) {
        return table->extended[leaf - CPUID_EXTENDED];
    }
    if (leaf >= CPUID_HYPERVISOR && leaf < CPUID_HYPERVISOR + 2) {
        return table->hypervisor[leaf - CPUID_HYPERVISOR];
    }
    return (struct cpuid){0};
}
