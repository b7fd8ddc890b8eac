/* sources: arch/x86_64/vmx/caps.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* From capability MSRs, as real and emulated processors report them, to
 * what is used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/cpu_backend.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/vmx/caps.h"
#include "kernel/errno.h"

/* Bochs 2.7, models sandy_bridge_2600k, broadwell_ult and skylake_x; and
 * KVM (Linux 6.1) on top of the last. */
#define BOCHS(proc2, ept)                                         \
    {                                                             \
        .word = {0x0000007f00000016, 0xf7f9fffe04006172, (proc2), \
                 0x007fffff00036dfb, 0x0000ffff000011fb, (ept)},  \
        .basic = 0x00d810000000002b, .misc = 0x600401e0,          \
        .cr0_fixed0 = 0x80000021, .cr0_fixed1 = 0xffffffff,       \
        .cr4_fixed0 = 0x2000, .cr4_fixed1 = 0x3727ff,             \
    }

static const struct vmx_raw sandy =
    BOCHS(0x000000ff00000000, 0x00000f0106114141);
static const struct vmx_raw broadwell =
    BOCHS(0x00057fff00000000, 0x00000f0106334141);
static const struct vmx_raw skylake =
    BOCHS(0x02177fff00000000, 0x00000f0106334141);
static const struct vmx_raw nested = {
    .word = {0x0000007f00000016, 0xf7b9fffe04006172, 0x02037bff00000000,
             0x007fffff00036dfb, 0x0000ffff000011fb, 0x00000f0106334041},
    .basic = 0x00d8100011e57ed0,
    .misc = 0x20000165,
    .cr0_fixed0 = 0x80000021,
    .cr0_fixed1 = 0xffffffff,
    .cr4_fixed0 = 0x2000,
    .cr4_fixed1 = 0x3727ff,
};

struct decision {
    struct vmx_caps caps;
    struct cpu_feature feature[VMX_FEATURES_MAX];
    unsigned count;
    struct cpu_missing missing;
    int result;
};

static struct decision decide(const struct vmx_raw *raw, const char *force)
{
    struct decision d;

    d.result =
        vmx_caps_decide(raw, force, &d.caps, d.feature, &d.count, &d.missing);
    return d;
}

static const struct cpu_feature *feature(const struct decision *d,
                                         const char *name)
{
    for (unsigned i = 0; i < d->count; i++) {
        if (strcmp(d->feature[i].name, name) == 0) {
            return &d->feature[i];
        }
    }
    fail_msg("no feature %s", name);
    return NULL;
}

static void test_adjust(void **state)
{
    (void)state;
    /* must be 1: bits 1, 2, 4; may be 1: bits 6:0 */
    assert_int_equal(vmx_adjust(0x0000007f00000016, 0), 0x16);
    assert_int_equal(vmx_adjust(0x0000007f00000016, 0x29), 0x3f);
    assert_int_equal(vmx_adjust(0x0000007f00000016, 0x80), 0x16);
}

/* Whatever is set is allowed, and what must be 1 is. */
static void check_legal(const struct vmx_raw *raw, const struct decision *d)
{
    assert_int_equal(d->result, 0);
    for (unsigned word = 0; word < VMX_EPT; word++) {
        uint32_t must = (uint32_t)raw->word[word];
        uint32_t may = (uint32_t)(raw->word[word] >> 32);

        assert_int_equal(d->caps.word[word] & must, must);
        assert_int_equal(d->caps.word[word] & ~(uint64_t)may, 0);
        assert_int_equal(d->caps.may[word] & ~(uint64_t)may, 0);
    }
    assert_int_equal(d->caps.may[VMX_EPT] & ~raw->word[VMX_EPT], 0);
}

static void test_models(void **state)
{
    const struct vmx_raw *models[] = {&broadwell, &skylake, &nested};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct decision d = decide(models[i], NULL);

        check_legal(models[i], &d);
        assert_int_equal(d.caps.word[VMX_PIN], 0x7f);
        assert_true(d.caps.word[VMX_PROC2] & PROC2_EPT);
        assert_true(d.caps.word[VMX_PROC2] & PROC2_UNRESTRICTED);
        /* CR3 accesses do not exit, thanks to the exact MSRs */
        assert_false(d.caps.word[VMX_PROC] & 0x18000);
        /* switched per VM, never always on */
        assert_false(d.caps.word[VMX_PROC2] &
                     (PROC2_X2APIC | PROC2_INTERRUPT_DELIVERY | PROC2_PML));
        assert_false(d.caps.word[VMX_ENTRY] & ENTRY_GUEST_64);
        assert_int_equal(d.caps.invept, 1);
        assert_int_equal(d.caps.invvpid, 1);
    }
}

static void test_sandy_bridge(void **state)
{
    struct decision d = decide(&sandy, NULL);

    (void)state;
    check_legal(&sandy, &d);
    assert_false(feature(&d, "EPT accessed/dirty bits")->offered);
    assert_false(feature(&d, "PML")->used);
    assert_false(feature(&d, "INVPCID")->used);
    assert_true(feature(&d, "RDTSCP")->used);
    assert_false(feature(&d, "virtual-interrupt delivery")->used);
}

static void test_details(void **state)
{
    struct decision d = decide(&skylake, NULL);

    (void)state;
    assert_true(feature(&d, "PML")->used);
    assert_true(feature(&d, "TSC scaling")->offered);
    assert_false(feature(&d, "TSC scaling")->used);
    assert_false(feature(&d, "XSAVES")->used);
    assert_int_equal(d.caps.revision, 0x2b);
    assert_int_equal(d.caps.timer_shift, 0);
    d = decide(&nested, NULL);
    assert_int_equal(d.caps.revision, 0x11e57ed0);
    assert_int_equal(d.caps.timer_shift, 5);
    assert_false(feature(&d, "XSAVES")->offered);
}

static void test_missing(void **state)
{
    static const struct {
        unsigned word;
        uint64_t bit; /* in the MSR */
        const char *name;
        uint32_t msr;
    } cases[] = {
        {VMX_PROC2, 33, "EPT", MSR_VMX_PROC2},
        {VMX_PROC2, 39, "unrestricted guest", MSR_VMX_PROC2},
        {VMX_EPT, 6, "EPT 4-level walk", MSR_VMX_EPT_VPID},
        {VMX_EPT, 14, "EPT write-back type", MSR_VMX_EPT_VPID},
        {VMX_EPT, 20, "INVEPT", MSR_VMX_EPT_VPID},
        {VMX_PROC, 60, "MSR bitmaps", MSR_VMX_TRUE_PROC},
        {VMX_PROC, 63, "secondary controls", MSR_VMX_TRUE_PROC},
        {VMX_PIN, 37, "virtual NMIs", MSR_VMX_TRUE_PIN},
        {VMX_EXIT, 53, "load host EFER", MSR_VMX_TRUE_EXIT},
        {VMX_ENTRY, 47, "load guest EFER", MSR_VMX_TRUE_ENTRY},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct vmx_raw raw = skylake;
        struct decision d;

        raw.word[cases[i].word] &= ~(1ul << cases[i].bit);
        d = decide(&raw, NULL);
        assert_int_equal(d.result, -ENODEV);
        assert_string_equal(d.missing.name, cases[i].name);
        assert_int_equal(d.missing.msr, cases[i].msr);
        assert_int_equal(d.missing.bit, cases[i].bit);
        assert_non_null(d.missing.hint);
        /* and the same when it is only to be treated as missing */
        d = decide(&skylake, cases[i].name);
        assert_int_equal(d.result, -ENODEV);
        assert_string_equal(d.missing.name, cases[i].name);
    }
}

/* Without exact MSRs the plain ones are named. */
static void test_plain_msr(void **state)
{
    struct vmx_raw raw = skylake;
    struct decision d;

    (void)state;
    raw.basic &= ~(1ul << 55);
    raw.word[VMX_PIN] &= ~(1ul << 35);
    d = decide(&raw, NULL);
    assert_int_equal(d.result, -ENODEV);
    assert_string_equal(d.missing.name, "NMI exiting");
    assert_int_equal(d.missing.msr, MSR_VMX_PIN);
}

static void test_invalidation_types(void **state)
{
    struct vmx_raw raw = skylake;
    struct decision d;

    (void)state;
    raw.word[VMX_EPT] &= ~(EPT_CAP_INVEPT_ONE | EPT_CAP_INVVPID_ONE);
    d = decide(&raw, NULL);
    assert_int_equal(d.result, 0);
    assert_int_equal(d.caps.invept, 2);
    assert_int_equal(d.caps.invvpid, 2);

    raw.word[VMX_EPT] &= ~EPT_CAP_INVVPID_ALL;
    d = decide(&raw, NULL);
    assert_int_equal(d.result, 0);
    assert_int_equal(d.caps.invvpid, 0);
    assert_false(d.caps.word[VMX_PROC2] & PROC2_VPID);

    raw.word[VMX_EPT] &= ~EPT_CAP_INVEPT_ALL;
    d = decide(&raw, NULL);
    assert_int_equal(d.result, -ENODEV);
    assert_string_equal(d.missing.name, "INVEPT single-context");
    assert_int_equal(d.missing.bit, 25);
}

/* Bochs and a nested KVM offer virtual-interrupt delivery alone. */
static void test_unsound_delivery(void **state)
{
    struct vmx_raw raw = nested;
    struct decision d;

    (void)state;
    d = decide(&raw, NULL);
    check_legal(&raw, &d);
    assert_true(feature(&d, "virtual-interrupt delivery")->offered);
    assert_false(feature(&d, "virtual-interrupt delivery")->used);
    assert_false(d.caps.may[VMX_PROC2] & PROC2_INTERRUPT_DELIVERY);
    raw.word[VMX_PIN] |= 1ul << 39; /* posted interrupts */
    d = decide(&raw, NULL);
    assert_true(feature(&d, "virtual-interrupt delivery")->used);
    d = decide(&skylake, NULL);
    assert_true(feature(&d, "virtual-interrupt delivery")->offered);
    assert_false(feature(&d, "virtual-interrupt delivery")->used);
}

static void test_force_by_word(void **state)
{
    struct decision d = decide(&skylake, "unrestricted-guest");

    (void)state;
    assert_int_equal(d.result, -ENODEV);
    assert_string_equal(d.missing.name, "unrestricted guest");
    assert_int_equal(decide(&skylake, "unrestricted").result, 0);
    assert_int_equal(decide(&skylake, "unrestricted-guests").result, 0);
    d = decide(&skylake, "virtual-x2APIC-mode");
    assert_false(feature(&d, "virtual x2APIC mode")->used);
    d = decide(&skylake, "virtual-interrupt-delivery");
    assert_false(feature(&d, "virtual-interrupt delivery")->used);
}

/* What builds on something that is missing is not used either. */
static void test_dependencies(void **state)
{
    struct decision d = decide(&skylake, "TPR shadow");

    (void)state;
    check_legal(&skylake, &d);
    assert_false(feature(&d, "virtual x2APIC mode")->used);
    assert_true(feature(&d, "virtual x2APIC mode")->offered);
    assert_false(feature(&d, "virtual-interrupt delivery")->used);
    assert_false(d.caps.may[VMX_PROC2] & PROC2_INTERRUPT_DELIVERY);

    d = decide(&skylake, "EPT accessed/dirty bits");
    assert_false(feature(&d, "PML")->used);
    d = decide(&skylake, "preemption timer");
    check_legal(&skylake, &d);
    assert_false(d.caps.word[VMX_PIN] & PIN_PREEMPTION_TIMER);
    d = decide(&skylake, "VPID");
    assert_int_equal(d.caps.invvpid, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adjust),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_sandy_bridge),
        cmocka_unit_test(test_details),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_plain_msr),
        cmocka_unit_test(test_invalidation_types),
        cmocka_unit_test(test_unsound_delivery),
        cmocka_unit_test(test_force_by_word),
        cmocka_unit_test(test_dependencies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
