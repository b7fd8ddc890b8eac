/* sources: arch/x86_64/vmx/probe.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/vmx/vmx.h"
#include "kernel/errno.h"

/* What firmware left in IA32_FEATURE_CONTROL (SDM vol. 3, 23.7). */
static uint64_t control;
static bool faults; /* the MSR is not there: #GP */

int msr_read(uint32_t msr, uint64_t *value)
{
    assert_int_equal(msr, MSR_FEATURE_CONTROL);
    *value = control;
    return faults ? -EFAULT : 0;
}

void vmx_barrier_init(void)
{
}

int vmx_caps_decide(const struct vmx_raw *raw, const char *force,
                    struct vmx_caps *caps, struct cpu_feature *features,
                    unsigned *count, struct cpu_missing *missing)
{
    (void)raw, (void)force, (void)caps;
    (void)features, (void)count, (void)missing;
    return 0;
}

#define LOCKED  1u
#define IN_SMX  2u
#define OUTSIDE 4u

static void vmx_may_be_used(void **state)
{
    static const uint64_t rows[] = {0, OUTSIDE, LOCKED | OUTSIDE,
                                    LOCKED | IN_SMX | OUTSIDE, IN_SMX};
    struct cpu_missing missing = {0};

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        control = rows[i];
        assert_int_equal(vmx_check_firmware(&missing), 0);
        assert_null(missing.name);
    }
}

static void firmware_locked_it_off(void **state)
{
    static const uint64_t rows[] = {LOCKED, LOCKED | IN_SMX};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct cpu_missing missing = {0};

        control = rows[i];
        assert_int_equal(vmx_check_firmware(&missing), -ENODEV);
        assert_string_equal(missing.name, "VMX (locked off by firmware)");
        assert_int_equal(missing.msr, MSR_FEATURE_CONTROL);
        assert_int_equal(missing.bit, 2);
        assert_non_null(missing.hint);
        assert_false(missing.cpuid);
    }
}

static void a_register_that_faults_locks_nothing(void **state)
{
    struct cpu_missing missing;

    (void)state;
    control = LOCKED;
    faults = true;
    assert_int_equal(vmx_check_firmware(&missing), 0);
    faults = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vmx_may_be_used),
        cmocka_unit_test(firmware_locked_it_off),
        cmocka_unit_test(a_register_that_faults_locks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
