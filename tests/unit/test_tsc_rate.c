/* sources: kernel/tsc_rate.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kernel/errno.h"
#include "kernel/tsc_rate.h"

static struct tsc_rate choose(struct tsc_clues clues)
{
    struct tsc_rate rate;

    assert_int_equal(tsc_rate_choose(&clues, &rate), 0);
    return rate;
}

static void measurements_come_before_claims(void **state)
{
    static const struct {
        struct tsc_clues clues;
        const char *by;
        bool measured;
    } rows[] = {
        {{1000, 1000, 1000, 1000, 1000, 1000}, "the ACPI PM timer", true},
        {{0, 1000, 1000, 1000, 1000, 1000}, "the HPET", true},
        {{0, 0, 1000, 1000, 1000, 1000}, "the PIT", true},
        {{0, 0, 0, 1000, 1000, 1000}, "CPUID 0x15", false},
        {{0, 0, 0, 0, 1000, 1000}, "CPUID 0x40000010", false},
        {{0, 0, 0, 0, 0, 1000}, "CPUID 0x16", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tsc_rate rate = choose(rows[i].clues);

        assert_int_equal(rate.khz, 1000);
        assert_string_equal(rate.by, rows[i].by);
        assert_int_equal(rate.measured, rows[i].measured);
        assert_int_equal(rate.claimed, 0);
    }
}

static void nothing_tells(void **state)
{
    const struct tsc_clues clues = {0};
    struct tsc_rate rate;

    (void)state;
    assert_int_equal(tsc_rate_choose(&clues, &rate), -ENODEV);
}

/* Bochs' skylake_x says 3.5 GHz and runs at 50 MHz. */
static void leaves_that_lie_are_not_believed(void **state)
{
    struct tsc_rate rate;

    (void)state;
    rate = choose((struct tsc_clues){.pm_timer = 49999, .base = 3500000});
    assert_int_equal(rate.khz, 49999);
    assert_int_equal(rate.claimed, 3500000);
    rate = choose((struct tsc_clues){.pit = 3000000, .crystal = 2900000});
    assert_int_equal(rate.claimed, 2900000);
    rate = choose((struct tsc_clues){.pit = 2000000, .hypervisor = 2100000});
    assert_int_equal(rate.claimed, 2100000);
}

static void a_percent_is_near_enough(void **state)
{
    (void)state;
    assert_int_equal(
        choose((struct tsc_clues){.pit = 100000, .base = 101000}).claimed, 0);
    assert_int_equal(
        choose((struct tsc_clues){.pit = 100000, .base = 101001}).claimed,
        101001);
    assert_int_equal(
        choose((struct tsc_clues){.pit = 101001, .base = 100000}).claimed,
        100000);
}

static void the_crystal(void **state)
{
    (void)state;
    assert_int_equal(tsc_rate_by_crystal(2, 250, 24000000), 3000000);
    assert_int_equal(tsc_rate_by_crystal(0, 250, 24000000), 0);
    assert_int_equal(tsc_rate_by_crystal(2, 0, 24000000), 0);
    assert_int_equal(tsc_rate_by_crystal(2, 250, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measurements_come_before_claims),
        cmocka_unit_test(nothing_tells),
        cmocka_unit_test(leaves_that_lie_are_not_believed),
        cmocka_unit_test(a_percent_is_near_enough),
        cmocka_unit_test(the_crystal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
