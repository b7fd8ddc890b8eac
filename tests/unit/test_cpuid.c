/* sources: vmm/cpuid.c vmm/cpuid_lookup.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/cpuid.h"

#define CR4_ALL 0x3727ffull

static uint32_t basic_last, extended_last;
static bool all_ones; /* else the leaves of a Skylake-X */

/* As SDM vol. 2 describes them, with every feature that it names. */
static struct cpuid host(uint32_t leaf, uint32_t subleaf)
{
    if (leaf == 0)
        return (struct cpuid){basic_last, 0x756e6547, 0x6c65746e, 0x49656e69};
    if (leaf == 0x80000000)
        return (struct cpuid){extended_last, 0, 0, 0};
    assert_true(leaf & 0x80000000 ? leaf <= extended_last : leaf <= basic_last);
    if (leaf == 4 && !all_ones)
        return subleaf < 4 ? (struct cpuid){0x1c004121 + (subleaf << 5),
                                            0x1c0003f, 0x3f, 0}
                           : (struct cpuid){0, 0, 0, 0};
    if (leaf == 1 && !all_ones)
        return (struct cpuid){0x50654, 0x05100800, 0x7ffefbff, 0xbfebfbff};
    return (struct cpuid){UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
}

static struct cpuid_source source;
static struct cpuid_table table;

static int setup(void **state)
{
    (void)state;
    basic_last = 0x16;
    extended_last = 0x80000008;
    all_ones = false;
    source = (struct cpuid_source){.leaf = host,
                                   .tsc_khz = 50000,
                                   .cr4_may = CR4_ALL | CR4_UMIP,
                                   .vcpus = 1,
                                   .rdtscp = true,
                                   .invpcid = true,
                                   .long_mode = true,
                                   .kvm_signature = true};
    cpuid_build(&table, &source);
    return 0;
}

static struct cpuid look(uint32_t leaf, uint32_t subleaf)
{
    return cpuid_lookup(&table, leaf, subleaf, 0, true);
}

static bool bit(uint32_t value, unsigned n)
{
    return value >> n & 1;
}

static void test_identity(void **state)
{
    (void)state;
    assert_int_equal(look(0, 0).eax, 0x16);
    assert_int_equal(look(0, 0).ebx, 0x756e6547);
    assert_int_equal(look(1, 0).eax, 0x50654);
    assert_int_equal(look(1, 0).ebx, 0x00010800);
    assert_int_equal(look(0x80000000, 0).eax, 0x80000008);
    assert_int_equal(look(0x80000008, 0).eax, 48 << 8 | 39);
    assert_int_equal(look(0x80000004, 0).edx, UINT32_MAX);
}

/* Leaf 1 in full: what is shown, bit by bit. */
static void test_features(void **state)
{
    (void)state;
    all_ones = true;
    cpuid_build(&table, &source);
    assert_int_equal(look(1, 0).ecx, 0xc3fa2203);
    assert_int_equal(look(1, 0).edx, 0x0f8bbbff);
    assert_int_equal(look(6, 0).eax, 4);
    assert_int_equal(look(7, 0).eax, 0);
    assert_int_equal(look(7, 0).ebx, 0x219c27cb);
    assert_int_equal(look(7, 0).ecx, 1u << 22 | 1u << 2);
    assert_int_equal(look(7, 0).edx, 1u << 14 | 1u << 10 | 1u << 4);
    assert_int_equal(look(0x80000001, 0).ecx, 0x121);
    assert_int_equal(look(0x80000001, 0).edx, 0x2c100800);
    assert_int_equal(look(0x80000007, 0).edx, 1u << 8);
}

static void test_hidden(void **state)
{
    static const uint8_t hidden[] = {2, 3, 5, 6, 7, 8, 12, 15, 26, 27, 28, 29};
    static const uint32_t empty[] = {3,   5,    9,    0xa,  0xc,  0xd,
                                     0xf, 0x10, 0x12, 0x14, 0x17, 0x80000005};

    (void)state;
    all_ones = true;
    cpuid_build(&table, &source);
    for (unsigned i = 0; i < sizeof(hidden); i++)
        assert_false(bit(look(1, 0).ecx, hidden[i]));
    for (unsigned i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
        struct cpuid leaf = look(empty[i], 0);

        assert_int_equal(leaf.eax | leaf.ebx | leaf.ecx | leaf.edx, 0);
    }
}

/* A host that has nothing: only what is emulated is there. */
static void test_poor_host(void **state)
{
    (void)state;
    basic_last = 0;
    extended_last = 0;
    source.rdtscp = source.invpcid = source.long_mode = false;
    cpuid_build(&table, &source);
    assert_int_equal(look(1, 0).ecx, 1u << 31 | 1u << 24 | 1u << 21);
    assert_int_equal(look(1, 0).edx, 1u << 12 | 1u << 9);
    assert_int_equal(look(7, 0).ebx, 2);
    assert_int_equal(look(0x80000001, 0).edx, 0);
    assert_int_equal(table.cr4, CR4_PCE);
    assert_false(table.nx || table.long_mode);
}

static void test_derived(void **state)
{
    (void)state;
    assert_true(bit(look(0x80000001, 0).edx, 27) && bit(look(7, 0).ecx, 22));
    assert_true(bit(look(7, 0).ebx, 10));
    source.rdtscp = source.invpcid = false;
    cpuid_build(&table, &source);
    assert_false(bit(look(0x80000001, 0).edx, 27) || bit(look(7, 0).ecx, 22));
    assert_false(bit(look(7, 0).ebx, 10));
}

/* CR4's bits come and go with their features. */
static void test_cr4(void **state)
{
    (void)state;
    assert_int_equal(table.cr4, 0x330fff);
    source.cr4_may = CR4_ALL & ~(CR4_SMAP | CR4_PCIDE | CR4_PVI | CR4_PGE);
    cpuid_build(&table, &source);
    assert_int_equal(table.cr4, 0x11077c);
    assert_false(bit(look(7, 0).ebx, 20));
    assert_false(bit(look(1, 0).ecx, 17));
    assert_false(bit(look(1, 0).edx, 1));
    assert_false(bit(look(1, 0).edx, 13));
}

static void test_caches(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(look(4, i).eax, 0x121 + (i << 5));
        assert_int_equal(look(4, i).ebx, 0x1c0003f);
    }
    assert_int_equal(look(4, 4).eax, 0);
    assert_int_equal(look(4, 5).eax, 0);
    assert_int_equal(look(4, UINT32_MAX).eax, 0);
    all_ones = true; /* a host whose caches never end */
    cpuid_build(&table, &source);
    assert_int_equal(look(4, 4).eax, 0);
}

static void test_topology(void **state)
{
    struct cpuid leaf;

    (void)state;
    leaf = cpuid_lookup(&table, 0xb, 0, 5, true);
    assert_true(leaf.eax == 0 && leaf.ebx == 1 && leaf.ecx == 0x100 &&
                leaf.edx == 5);
    source.vcpus = 3;
    cpuid_build(&table, &source);
    leaf = cpuid_lookup(&table, 0xb, 1, 2, true);
    assert_true(leaf.eax == 2 && leaf.ebx == 3 && leaf.ecx == 0x201 &&
                leaf.edx == 2);
    leaf = cpuid_lookup(&table, 0xb, 0x102, 2, true);
    assert_true(leaf.eax == 0 && leaf.ebx == 0 && leaf.ecx == 2 &&
                leaf.edx == 2);
    assert_int_equal(cpuid_lookup(&table, 1, 0, 2, true).ebx >> 16, 0x203);
}

static void test_apic_bit(void **state)
{
    (void)state;
    assert_true(bit(cpuid_lookup(&table, 1, 0, 0, true).edx, 9));
    assert_false(bit(cpuid_lookup(&table, 1, 0, 0, false).edx, 9));
}

/* Ticks of the TSC in a second, as an operating system computes them. */
static void test_clocks(void **state)
{
    static const uint64_t rates[] = {1,       50000,   2893000,      4294967,
                                     4294968, 5000000, 9000000000ull};

    (void)state;
    for (unsigned i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        struct cpuid c;
        uint64_t hz = rates[i] * 1000;

        source.tsc_khz = rates[i];
        cpuid_build(&table, &source);
        c = look(0x15, 0);
        assert_int_equal(c.eax, 1);
        assert_int_equal(c.ebx, table.tsc_per_count);
        assert_true(rates[i] > 4294967 || c.ebx == 1);
        assert_in_range((uint64_t)c.ecx * c.ebx, hz - c.ebx, hz);
    }
    source.tsc_khz = 2893499;
    cpuid_build(&table, &source);
    assert_int_equal(look(0x16, 0).eax, 2893);
}

static void test_signature(void **state)
{
    struct cpuid leaf = look(0x40000000, 0);

    (void)state;
    assert_int_equal(leaf.eax, 0x40000001);
    assert_memory_equal(&leaf.ebx, "KVMK", 4);
    assert_memory_equal(&leaf.ecx, "VMKV", 4);
    assert_memory_equal(&leaf.edx, "M\0\0\0", 4);
    leaf = look(0x40000001, 0);
    assert_int_equal(leaf.eax, 1 << 6); /* KVM_FEATURE_PV_EOI */
    assert_int_equal(leaf.ebx | leaf.ecx | leaf.edx, 0);
    source.kvm_signature = false;
    cpuid_build(&table, &source);
    leaf = look(0x40000000, 0);
    assert_memory_equal(&leaf.ebx, "Bulk", 4);
    assert_memory_equal(&leaf.edx, "VMM ", 4);
    assert_int_equal(look(0x40000001, 0).eax, 0);
}

/* Any leaf has an answer, and those beyond the ends are zero. */
static void test_absent(void **state)
{
    static const uint32_t far[] = {0x17,       0x7fffffff, 0x3fffffff,
                                   0x40000002, 0x400000ff, 0x80000009,
                                   0x8fffffff, 0xc0000000, UINT32_MAX};

    (void)state;
    for (unsigned i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
        struct cpuid leaf = look(far[i], i);

        assert_int_equal(leaf.eax | leaf.ebx | leaf.ecx | leaf.edx, 0);
    }
    for (uint32_t leaf = 0; leaf < 0x200; leaf++) {
        for (uint32_t subleaf = 0; subleaf < 0x200; subleaf++) {
            look(leaf, subleaf);
            look(0x40000000 + leaf, subleaf << 23);
            look(0x80000000 + leaf, UINT32_MAX - subleaf);
        }
    }
}

/* The short cut agrees with the lookup. */
static void test_plain(void **state)
{
    unsigned plain = 0;

    (void)state;
    for (uint32_t leaf = 0; leaf < 0x1000; leaf++) {
        const struct cpuid *found = cpuid_plain(&table, leaf);

        for (uint32_t subleaf = 0; found && subleaf < 8; subleaf++) {
            struct cpuid a = cpuid_lookup(&table, leaf, subleaf, 1, true);
            struct cpuid b = cpuid_lookup(&table, leaf, subleaf, 2, false);

            assert_memory_equal(&a, found, sizeof(a));
            assert_memory_equal(&b, found, sizeof(b));
        }
        plain += found != NULL;
    }
    assert_int_equal(plain, 0x17 - 4);
    assert_null(cpuid_plain(&table, UINT32_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_identity, setup),
        cmocka_unit_test_setup(test_features, setup),
        cmocka_unit_test_setup(test_hidden, setup),
        cmocka_unit_test_setup(test_poor_host, setup),
        cmocka_unit_test_setup(test_derived, setup),
        cmocka_unit_test_setup(test_cr4, setup),
        cmocka_unit_test_setup(test_caches, setup),
        cmocka_unit_test_setup(test_topology, setup),
        cmocka_unit_test_setup(test_apic_bit, setup),
        cmocka_unit_test_setup(test_clocks, setup),
        cmocka_unit_test_setup(test_signature, setup),
        cmocka_unit_test_setup(test_absent, setup),
        cmocka_unit_test_setup(test_plain, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
