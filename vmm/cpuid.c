/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/cpuid.h"

#include "kernel/string.h"
#include "vmm/pv_eoi.h"

#define BIT(n)               (1u << (n))
#define PHYSICAL_BITS        39u /* as vmm/walk.h checks */
#define LINEAR_BITS          48u

#define LEAF1_ECX_X2APIC     BIT(21)
#define LEAF1_ECX_DEADLINE   BIT(24)
#define LEAF1_ECX_HYPERVISOR BIT(31)
#define LEAF1_EDX_APIC       BIT(9)
#define LEAF1_EDX_MTRR       BIT(12)
#define LEAF6_EAX_ARAT       BIT(2)
#define LEAF7_EBX_TSC_ADJUST BIT(1)
#define LEAF7_EBX_INVPCID    BIT(10)
#define LEAF7_ECX_RDPID      BIT(22)
#define EXT1_EDX_SYSCALL     BIT(11)
#define EXT1_EDX_NX          BIT(20)
#define EXT1_EDX_RDTSCP      BIT(27)
#define EXT1_EDX_LM          BIT(29)
#define EXT7_EDX_INVARIANT   BIT(8)

/*
 * What passes from the host (SDM vol. 2, CPUID). Hidden for a reason: XSAVE
 * and all that needs it (AVX, FMA, F16C, PKU, MPX, CET: the FPU state is the
 * FXSAVE area); VMX, SMX, MONITOR, SGX, WAITPKG (intercepted); DS, PDCM, PMU,
 * PT, thermal and power states (their MSRs are not there); SPEC_CTRL, STIBP,
 * SSBD, L1D_FLUSH, ARCH_CAPABILITIES (the same); MCA (no banks are shown);
 * LA57 (not walked); HTT (one thread); TSX (gone from the processors).
 */

/* SSE3, PCLMULQDQ, SSSE3, CMPXCHG16B, PCID, SSE4.1, SSE4.2, MOVBE, POPCNT,
 * AES, RDRAND: instructions without state of their own; PCID by its CR4 bit. */
#define LEAF1_ECX                                                       \
    (BIT(0) | BIT(1) | BIT(9) | BIT(13) | BIT(17) | BIT(19) | BIT(20) | \
     BIT(22) | BIT(23) | BIT(25) | BIT(30))

/* FPU, VME, DE, PSE, TSC, MSR, PAE, MCE (CR4.MCE can be set, #MC is never
 * raised), CX8, SEP, PGE, CMOV, PAT, PSE-36, CLFLUSH, MMX, FXSR, SSE, SSE2,
 * SS. */
#define LEAF1_EDX                                                            \
    (BIT(0) | BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | \
     BIT(8) | BIT(11) | BIT(13) | BIT(15) | BIT(16) | BIT(17) | BIT(19) |    \
     BIT(23) | BIT(24) | BIT(25) | BIT(26) | BIT(27))

/* FSGSBASE, BMI1, FDP_EXCPTN_ONLY, SMEP, BMI2, ERMS, FPU CS and DS gone,
 * RDSEED, ADX, SMAP, CLFLUSHOPT, CLWB, SHA. */
#define LEAF7_EBX                                                              \
    (BIT(0) | BIT(3) | BIT(6) | BIT(7) | BIT(8) | BIT(9) | BIT(13) | BIT(18) | \
     BIT(19) | BIT(20) | BIT(23) | BIT(24) | BIT(29))

#define LEAF7_ECX BIT(2) /* UMIP */

/* FSRM, MD_CLEAR (VERW flushes: the guest's own defence), SERIALIZE. */
#define LEAF7_EDX (BIT(4) | BIT(10) | BIT(14))

/* LAHF in 64-bit mode, LZCNT, PREFETCHW. */
#define EXT1_ECX (BIT(0) | BIT(5) | BIT(8))

/* NX, pages of 1 GiB. */
#define EXT1_EDX (EXT1_EDX_NX | BIT(26))

enum which { EAX, EBX, ECX, EDX };

/* Features that are of use only with their CR4 bits. */
static const struct {
    uint64_t cr4;
    uint8_t leaf; /* basic */
    uint8_t which;
    uint8_t bit;
} cr4_features[] = {
    {CR4_VME | CR4_PVI, 1, EDX, 1}, {CR4_DE, 1, EDX, 2},
    {CR4_PSE, 1, EDX, 3},           {CR4_TSD, 1, EDX, 4},
    {CR4_PAE, 1, EDX, 6},           {CR4_MCE, 1, EDX, 7},
    {CR4_PGE, 1, EDX, 13},          {CR4_OSFXSR, 1, EDX, 24},
    {CR4_OSXMMEXCPT, 1, EDX, 25},   {CR4_PCIDE, 1, ECX, 17},
    {CR4_FSGSBASE, 7, EBX, 0},      {CR4_SMEP, 7, EBX, 7},
    {CR4_SMAP, 7, EBX, 20},         {CR4_UMIP, 7, ECX, 2},
};

struct build {
    struct cpuid_table *table;
    const struct cpuid_source *source;
    uint32_t basic_last, extended_last; /* of the host */
};

static struct cpuid host_leaf(const struct build *b, uint32_t leaf,
                              uint32_t subleaf)
{
    uint32_t last = leaf & CPUID_EXTENDED ? b->extended_last : b->basic_last;

    return leaf <= last ? b->source->leaf(leaf, subleaf) : (struct cpuid){0};
}

static uint32_t *word(struct cpuid *leaf, unsigned which)
{
    switch (which) {
    case EAX:
        return &leaf->eax;
    case EBX:
        return &leaf->ebx;
    case ECX:
        return &leaf->ecx;
    default:
        return &leaf->edx;
    }
}

/* Leaf 1: the family, and most features. The APIC id and the APIC bit are
 * those of the vCPU that asks. */
static void build_features(const struct build *b)
{
    struct cpuid host = host_leaf(b, 1, 0);

    b->table->basic[1] = (struct cpuid){
        .eax = host.eax,
        .ebx = (host.ebx & 0xffff) | b->source->vcpus << 16,
        .ecx = (host.ecx & LEAF1_ECX) | LEAF1_ECX_X2APIC | LEAF1_ECX_DEADLINE |
               LEAF1_ECX_HYPERVISOR,
        /* Without MTRRs, Linux 6.1 turns PAT off. */
        .edx = (host.edx & LEAF1_EDX) | LEAF1_EDX_APIC | LEAF1_EDX_MTRR,
    };
}

/* Leaf 4: caches as the host has them, shared by no other thread or core. */
static void build_caches(const struct build *b)
{
    for (uint32_t i = 0; i + 1 < CPUID_CACHES; i++) {
        struct cpuid host = host_leaf(b, 4, i);

        if ((host.eax & 0x1f) == 0) {
            break;
        }
        host.eax &= 0x3fff;
        b->table->caches[i] = host;
    }
}

static void build_leaf_7(const struct build *b)
{
    struct cpuid host = host_leaf(b, 7, 0);
    struct cpuid *leaf = &b->table->basic[7];

    leaf->ebx = (host.ebx & LEAF7_EBX) | LEAF7_EBX_TSC_ADJUST;
    leaf->ecx = host.ecx & LEAF7_ECX;
    leaf->edx = host.edx & LEAF7_EDX;
    if (b->source->invpcid) {
        leaf->ebx |= host.ebx & LEAF7_EBX_INVPCID;
    }
    if (b->source->rdtscp) {
        leaf->ecx |= host.ecx & LEAF7_ECX_RDPID;
    }
}

/*
 * Leaf 0x15: the local APIC timer's crystal runs at the TSC's rate, so that
 * one count is one tick; where that does not fit into 32 bits of Hz, at a
 * half of it, and so on. Leaf 0x16: MHz, without which Linux calibrates by a
 * PIT that is not there.
 */
static void build_clocks(const struct build *b)
{
    uint64_t hz = b->source->tsc_khz * 1000;
    uint32_t mhz = (uint32_t)((b->source->tsc_khz + 500) / 1000) & 0xffff;
    uint32_t ratio = 1;

    while (hz / ratio > UINT32_MAX && ratio < BIT(31)) {
        ratio *= 2;
    }
    b->table->tsc_per_count = ratio;
    b->table->basic[0x15] =
        (struct cpuid){.eax = 1, .ebx = ratio, .ecx = (uint32_t)(hz / ratio)};
    b->table->basic[0x16] = (struct cpuid){.eax = mhz, .ebx = mhz, .ecx = 100};
}

static void signature(struct cpuid *leaf, const char text[12])
{
    memcpy(&leaf->ebx, text, 4);
    memcpy(&leaf->ecx, text + 4, 4);
    memcpy(&leaf->edx, text + 8, 4);
}

/* KVM's interface with a single feature: Linux 6.1 keeps x2APIC on only under
 * a hypervisor that it knows. */
static void build_hypervisor(const struct build *b)
{
    struct cpuid *leaf = b->table->hypervisor;

    leaf->eax = CPUID_HYPERVISOR + 1;
    signature(leaf,
              b->source->kvm_signature ? "KVMKVMKVM\0\0\0" : "BulkheadVMM ");
    if (b->source->kvm_signature) {
        leaf[1].eax = CPUID_PV_EOI;
    }
}

static void build_extended(const struct build *b)
{
    struct cpuid *leaf = b->table->extended;
    struct cpuid host = host_leaf(b, CPUID_EXTENDED + 1, 0);

    leaf[0].eax = CPUID_EXTENDED_LAST;
    leaf[1].ecx = host.ecx & EXT1_ECX;
    leaf[1].edx = host.edx & EXT1_EDX;
    if (b->source->rdtscp) {
        leaf[1].edx |= host.edx & EXT1_EDX_RDTSCP;
    }
    if (b->source->long_mode) {
        leaf[1].edx |= EXT1_EDX_SYSCALL | EXT1_EDX_LM;
    }
    for (uint32_t i = 2; i <= 4; i++) { /* the brand */
        leaf[i] = host_leaf(b, CPUID_EXTENDED + i, 0);
    }
    leaf[6].ecx = host_leaf(b, CPUID_EXTENDED + 6, 0).ecx; /* L2 cache */
    leaf[7].edx = EXT7_EDX_INVARIANT;
    leaf[8].eax = LINEAR_BITS << 8 | PHYSICAL_BITS;
}

/* A feature and its CR4 bits are there together, or not at all. */
static void match_cr4(const struct build *b)
{
    struct cpuid_table *table = b->table;

    table->cr4 = CR4_PCE & b->source->cr4_may;
    for (unsigned i = 0; i < sizeof(cr4_features) / sizeof(cr4_features[0]);
         i++) {
        uint64_t bits = cr4_features[i].cr4;
        uint32_t *shown =
            word(&table->basic[cr4_features[i].leaf], cr4_features[i].which);
        uint32_t bit = BIT(cr4_features[i].bit);

        if ((b->source->cr4_may & bits) != bits) {
            *shown &= ~bit;
        }
        if (*shown & bit) {
            table->cr4 |= bits;
        }
    }
}

void cpuid_build(struct cpuid_table *table, const struct cpuid_source *source)
{
    struct build b = {.table = table, .source = source};
    struct cpuid top = source->leaf(0, 0);

    b.basic_last = top.eax;
    b.extended_last = source->leaf(CPUID_EXTENDED, 0).eax;
    memset(table, 0, sizeof(*table));
    table->vcpus = source->vcpus;
    table->basic[0] = top;
    table->basic[0].eax = CPUID_BASIC_LAST;
    build_features(&b);
    table->basic[2] = host_leaf(&b, 2, 0); /* cache descriptors */
    build_caches(&b);
    /* Without ARAT, Linux stops the timer when idle, for ever. */
    table->basic[6].eax = LEAF6_EAX_ARAT;
    build_leaf_7(&b);
    build_clocks(&b);
    build_hypervisor(&b);
    build_extended(&b);
    match_cr4(&b);
    table->nx = table->extended[1].edx & EXT1_EDX_NX;
    table->long_mode = source->long_mode;
}
