/* sources: vmm/cpuid.c vmm/cpuid_lookup.c */
/* fuzz: -runs=15000 -max_len=128 */
/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID on processors that do not exist: whatever the host's leaves are, what
 * is hidden stays hidden, and what belongs together is there together. */
#include "tests/fuzz/fuzz.h"
#include "vmm/cpuid.h"

#define BIT(n)      (1u << (n))
#define CR4_ALLOWED 0x330fffull /* up to UMIP, FSGSBASE, PCIDE, SMEP, SMAP */

/* The host: a few leaves from the input, the others by its pattern. */
#define LEAVES_MAX 8
static struct {
    uint32_t leaf, subleaf;
    struct cpuid answer;
} leaves[LEAVES_MAX];
static uint32_t basic_last, extended_last, pattern;

static struct cpuid host(uint32_t leaf, uint32_t subleaf)
{
    uint32_t top = leaf & CPUID_EXTENDED ? extended_last : basic_last;

    if (leaf == 0 || leaf == CPUID_EXTENDED)
        return (struct cpuid){top, pattern, pattern, pattern};
    require(leaf <= top); /* above it, the processor repeats another leaf */
    for (unsigned i = 0; i < LEAVES_MAX; i++) {
        if (leaves[i].leaf == leaf && leaves[i].subleaf == subleaf)
            return leaves[i].answer;
    }
    return (struct cpuid){pattern, pattern, pattern, pattern};
}

/* Bits of what the host says that no guest may see: features with state, MSRs
 * or instructions that are not there (SDM vol. 2, CPUID). */
static const struct {
    uint32_t leaf;
    struct cpuid hidden;
} hidden[] = {
    /* DTES64, MONITOR, DS_CPL, VMX, SMX, EIST, TM2, FMA, xTPR, PDCM, DCA,
     * XSAVE, OSXSAVE, AVX, F16C; PSN, DS, ACPI, HTT, TM, PBE */
    {1, {0, 0, 0x3c04d1fc, 0xb0640000}},
    /* SGX, HLE, RTM, PQM, MPX, RDT, PT, AVX and AVX-512; PKU, WAITPKG, CET,
     * LA57, SGX_LC; IBT, AMX, SPEC_CTRL and its kin */
    {7, {UINT32_MAX, 0xde63d814, 0x40035ffa, 0xffd5800c}},
    /* SVM, IBS, SKINIT and other features of AMD's */
    {0x80000001, {UINT32_MAX, UINT32_MAX, 0x2001bede, 0}},
};

static void check_hidden(const struct cpuid_table *t)
{
    for (unsigned i = 0; i < COUNT(hidden); i++) {
        struct cpuid leaf = cpuid_lookup(t, hidden[i].leaf, 0, 0, true);

        require(!(leaf.eax & hidden[i].hidden.eax));
        require(!(leaf.ebx & hidden[i].hidden.ebx));
        require(!(leaf.ecx & hidden[i].hidden.ecx));
        require(!(leaf.edx & hidden[i].hidden.edx));
    }
}

/* A feature that the host has not: the few that Bulkhead makes itself. */
static void check_host_has(const struct cpuid_table *t)
{
    struct cpuid none = {0, 0, 0, 0};
    struct cpuid h1 = basic_last >= 1 ? host(1, 0) : none;
    struct cpuid h7 = basic_last >= 7 ? host(7, 0) : none;
    struct cpuid leaf = cpuid_lookup(t, 1, 0, 0, true);

    /* x2APIC, TSC deadline, hypervisor; APIC, MTRR */
    require(!(leaf.ecx & ~h1.ecx & ~(BIT(21) | BIT(24) | BIT(31))));
    require(!(leaf.edx & ~h1.edx & ~(BIT(9) | BIT(12))));
    leaf = cpuid_lookup(t, 7, 0, 0, true);
    require(!(leaf.ebx & ~h7.ebx & ~BIT(1))); /* TSC_ADJUST */
    require(!(leaf.ecx & ~h7.ecx) && !(leaf.edx & ~h7.edx));
}

static void check_controls(const struct cpuid_table *t,
                           const struct cpuid_source *s)
{
    struct cpuid ext = cpuid_lookup(t, 0x80000001, 0, 0, true);
    struct cpuid seven = cpuid_lookup(t, 7, 0, 0, true);

    require(!(t->cr4 & ~s->cr4_may) && !(t->cr4 & ~CR4_ALLOWED));
    require(!(ext.edx >> 20 & 1) == !t->nx);
    require(s->long_mode == t->long_mode);
    require((ext.edx >> 29 & 1) == s->long_mode);
    require((ext.edx >> 11 & 1) == s->long_mode);
    require(s->rdtscp || !((ext.edx >> 27 | seven.ecx >> 22) & 1));
    require(s->invpcid || !(seven.ebx >> 10 & 1));
}

/* Frequencies agree with the TSC as well as 32 bits can tell. */
static void check_clocks(const struct cpuid_table *t, uint64_t khz)
{
    struct cpuid leaf = cpuid_lookup(t, 0x15, 0, 0, true);
    uint64_t hz = khz * 1000;

    require(leaf.eax == 1 && leaf.ebx == t->tsc_per_count);
    require(leaf.ebx >= 1 && (leaf.ebx & (leaf.ebx - 1)) == 0);
    require(hz - (uint64_t)leaf.ebx * leaf.ecx < leaf.ebx);
    require(leaf.ebx == 1 || leaf.ecx >= BIT(31));
}

/* Both lists end, and share nothing with a sibling. */
static void check_lists(const struct cpuid_table *t, uint32_t id)
{
    bool ended = false;

    for (uint32_t i = 0; i < CPUID_CACHES; i++) {
        struct cpuid leaf = cpuid_lookup(t, 4, i, id, true);

        ended |= (leaf.eax & 0x1f) == 0;
        require(leaf.eax >> 14 == 0);
    }
    require(ended);
    for (uint32_t i = 0; i < 2; i++) {
        struct cpuid leaf = cpuid_lookup(t, 0xb, i, id, true);

        require(leaf.ecx == (i | (i + 1) << 8) && leaf.edx == id);
        require(leaf.ebx == (i ? t->vcpus : 1) && leaf.ebx <= BIT(leaf.eax));
    }
    require(cpuid_lookup(t, 0xb, 2, id, true).ebx == 0);
}

static bool is_zero(const struct cpuid *leaf)
{
    return !(leaf->eax | leaf->ebx | leaf->ecx | leaf->edx);
}

/* Any question at all. */
static void check_answer(const struct cpuid_table *t, uint32_t leaf,
                         uint32_t subleaf, uint32_t id, bool apic)
{
    /* monitor, cache access, performance, XSAVE, QoS, SGX, PT */
    const uint32_t empty = BIT(3) | BIT(5) | BIT(8) | BIT(9) | BIT(0xa) |
                           BIT(0xc) | BIT(0xd) | BIT(0xe) | BIT(0xf) |
                           BIT(0x10) | BIT(0x11) | BIT(0x12) | BIT(0x13) |
                           BIT(0x14);
    struct cpuid answer = cpuid_lookup(t, leaf, subleaf, id, apic);
    const struct cpuid *plain = cpuid_plain(t, leaf);

    if (plain)
        require(memcmp(plain, &answer, sizeof(answer)) == 0);
    if (leaf > 0x16 ? leaf - CPUID_HYPERVISOR > 1 && leaf - CPUID_EXTENDED > 8
                    : empty >> leaf & 1)
        require(is_zero(&answer));
    if (leaf == 1) {
        require(answer.ebx >> 24 == id && (answer.edx >> 9 & 1) == apic);
        require((answer.ebx >> 16 & 0xff) == t->vcpus);
    }
    if (leaf == 7 && subleaf != 0)
        require(is_zero(&answer));
    if (leaf == CPUID_HYPERVISOR + 1) { /* KVM's PV EOI alone, or nothing */
        bool kvm = cpuid_lookup(t, CPUID_HYPERVISOR, 0, id, apic).ebx ==
                   0x4b4d564b; /* "KVMK" */

        require(answer.eax == (kvm ? BIT(6) : 0));
        require(!(answer.ebx | answer.ecx | answer.edx));
    }
    if (leaf == 0 || leaf == CPUID_HYPERVISOR || leaf == CPUID_EXTENDED)
        require(answer.eax - leaf <= 0x16);
    if (leaf == 6)
        require(answer.eax == BIT(2) && answer.ecx == 0); /* ARAT */
    if (leaf == CPUID_EXTENDED + 8)
        require(answer.eax == (48 << 8 | 39));
}

static struct cpuid_source take_host(struct input *in)
{
    uint32_t flags = (uint32_t)take(in, 1);
    struct cpuid_source s = {.leaf = host,
                             .rdtscp = flags & 1,
                             .invpcid = flags & 2,
                             .long_mode = flags & 4,
                             .kvm_signature = flags & 8};

    basic_last = flags & 0x10 ? 0x1f : (uint32_t)take(in, 1) % 40;
    extended_last = CPUID_EXTENDED + (uint32_t)take(in, 1) % 16;
    if (flags & 0x20)
        extended_last = 0; /* it has no such leaves */
    pattern = flags & 0x40 ? UINT32_MAX : (uint32_t)take_number(in);
    s.cr4_may = flags & 0x80 ? UINT64_MAX : take_number(in);
    s.tsc_khz = take_number(in) % (1ull << 40);
    s.vcpus = 1 + (uint32_t)take(in, 1) % 255;
    for (unsigned i = 0; i < LEAVES_MAX; i++) {
        uint32_t leaf = (uint32_t)take(in, 1);

        leaves[i].leaf = leaf >> 7 << 31 | leaf % 32;
        leaves[i].subleaf = leaf >> 5 & 3;
        leaves[i].answer = (struct cpuid){
            (uint32_t)take_number(in), (uint32_t)take_number(in),
            (uint32_t)take_number(in), (uint32_t)take_number(in)};
    }
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    uint32_t id = (uint32_t)take(&in, 1);
    struct cpuid_source source = take_host(&in);
    struct cpuid_table table;

    memset(&table, 0xa5, sizeof(table));
    cpuid_build(&table, &source);
    check_hidden(&table);
    check_host_has(&table);
    check_controls(&table, &source);
    check_clocks(&table, source.tsc_khz);
    check_lists(&table, id);
    for (uint32_t leaf = 0; leaf < 0x20; leaf++) {
        uint32_t subleaf = (uint32_t)take_number(&in);

        check_answer(&table, leaf, subleaf, id, true);
        check_answer(&table, CPUID_HYPERVISOR + leaf, subleaf, id, true);
        check_answer(&table, CPUID_EXTENDED + leaf, subleaf, id, false);
        check_answer(&table, (uint32_t)take_number(&in), subleaf, id, false);
    }
    return 0;
}
