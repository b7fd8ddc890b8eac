/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What CPUID shows to a guest. Built once from the host's leaves by an
 * allow-list: a feature that this version does not know stays hidden.
 */
#ifndef VMM_CPUID_H
#define VMM_CPUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/x86_64/cpu.h"

#define CPUID_BASIC_LAST    0x16u
#define CPUID_HYPERVISOR    0x40000000u
#define CPUID_EXTENDED      0x80000000u
#define CPUID_EXTENDED_LAST 0x80000008u
#define CPUID_CACHES        5 /* subleaves of leaf 4, the last one empty */

/* What the table is made from. */
struct cpuid_source {
    /* A leaf of the host; those above its highest one are not asked for. */
    struct cpuid (*leaf)(uint32_t leaf, uint32_t subleaf);
    uint64_t tsc_khz;
    uint64_t cr4_may;   /* CR4 bits that a guest can have */
    uint32_t vcpus;     /* 1 or more */
    bool rdtscp;        /* RDTSCP and RDPID do not raise #UD */
    bool invpcid;       /* the same of INVPCID */
    bool long_mode;     /* 64-bit guests are possible */
    bool kvm_signature; /* leaf 0x40000000 says KVM: PV EOI, no more */
};

struct cpuid_table {
    struct cpuid basic[CPUID_BASIC_LAST + 1];
    struct cpuid caches[CPUID_CACHES];
    struct cpuid hypervisor[2];
    struct cpuid extended[CPUID_EXTENDED_LAST - CPUID_EXTENDED + 1];
    uint32_t vcpus;
    uint32_t tsc_per_count; /* for lapic_reset(): EBX/EAX of leaf 0x15 */
    uint64_t cr4;           /* bits that agree with the features shown */
    bool nx, long_mode;     /* bits of EFER that do */
};

/* Fills in *table. Pure, but for calls of source->leaf. */
void cpuid_build(struct cpuid_table *table, const struct cpuid_source *source);

/*
 * The answer to CPUID on the vCPU with this APIC id. apic_enabled: the enable
 * bit of its IA32_APIC_BASE, which leaf 1 reflects. Leaves that are not there
 * are zero; the processor would repeat its highest basic leaf.
 */
struct cpuid cpuid_lookup(const struct cpuid_table *table, uint32_t leaf,
                          uint32_t subleaf, uint32_t apic_id,
                          bool apic_enabled);

/* The basic leaves that are the same on every vCPU and have no subleaves, or
 * NULL: the short cut for most exits. */
static inline const struct cpuid *cpuid_plain(const struct cpuid_table *table,
                                              uint32_t leaf)
{
    const uint32_t other = 1u << 1 | 1u << 4 | 1u << 7 | 1u << 0xb;

    return leaf <= CPUID_BASIC_LAST && !(other >> leaf & 1)
               ? &table->basic[leaf]
               : NULL;
}

/* Fills in guest->cpuid from this processor and the backend's features. Once,
 * when the guest is created, before guest_load(). */
struct guest;
void cpuid_init(struct guest *guest);

#endif
