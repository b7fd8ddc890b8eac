/* SPDX-License-Identifier: BSD-2-Clause */
/* sources: ft/budget.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ft/budget.h"
#include "kernel/errno.h"

#define KHZ 1000u /* a microsecond a tick */

static void test_window_slides(void **state)
{
    struct budget budget;

    (void)state;
    assert_int_equal(budget_init(&budget, 3, 10, KHZ), 0);
    assert_int_equal(budget_used(&budget, 5), 0);
    assert_true(budget_spend(&budget, 1000));
    assert_true(budget_spend(&budget, 4000));
    assert_true(budget_spend(&budget, 4000));
    assert_int_equal(budget_used(&budget, 4000), 3);
    assert_false(budget_spend(&budget, 4001));
    assert_false(budget_spend(&budget, 10999));
    assert_int_equal(budget_used(&budget, 10999), 3);
    /* The first is now exactly one window old. */
    assert_int_equal(budget_used(&budget, 11000), 2);
    assert_true(budget_spend(&budget, 11000));
    assert_false(budget_spend(&budget, 13999));
    assert_int_equal(budget_used(&budget, 14000), 1);
    assert_int_equal(budget_used(&budget, 21000), 0);
}

static void test_refused_event_is_not_recorded(void **state)
{
    struct budget budget;

    (void)state;
    budget_init(&budget, 1, 10, KHZ);
    assert_true(budget_spend(&budget, 0));
    for (uint64_t now = 1; now < 10000; now++)
        assert_false(budget_spend(&budget, now));
    assert_true(budget_spend(&budget, 10000));
}

static void test_limits(void **state)
{
    struct budget budget;

    (void)state;
    assert_int_equal(budget_init(&budget, 0, 10, KHZ), 0);
    assert_false(budget_spend(&budget, 0));
    assert_int_equal(budget_init(&budget, BUDGET_EVENTS_MAX + 1, 10, KHZ),
                     -ERANGE);
    assert_false(budget_spend(&budget, 0));
    assert_int_equal(budget_init(&budget, 3, 10, 0), -EINVAL);
    assert_false(budget_spend(&budget, 0));
    assert_int_equal(
        budget_init(&budget, BUDGET_EVENTS_MAX, UINT32_MAX, UINT32_MAX), 0);
    assert_true(budget.window == (uint64_t)UINT32_MAX * UINT32_MAX);
    for (unsigned i = 0; i < BUDGET_EVENTS_MAX; i++)
        assert_true(budget_spend(&budget, i));
    assert_false(budget_spend(&budget, 1000));
    /* No window: nothing is ever in it. */
    assert_int_equal(budget_init(&budget, 1, 0, KHZ), 0);
    assert_true(budget_spend(&budget, 7) && budget_spend(&budget, 7));
}

/* An event of another CPU whose TSC is a little ahead. */
static void test_skew(void **state)
{
    struct budget budget;

    (void)state;
    budget_init(&budget, 2, 10, KHZ);
    assert_true(budget_spend(&budget, 500));
    assert_true(budget_spend(&budget, 490));
    assert_int_equal(budget_used(&budget, 490), 2);
    assert_false(budget_spend(&budget, 491));
    assert_int_equal(budget_used(&budget, 10490), 1);
    assert_int_equal(budget_used(&budget, 10500), 0);
}

/* Against a plain list of all events that were granted. */
static void test_against_list(void **state)
{
    static uint64_t granted[4000];
    struct budget budget;
    unsigned count = 0;
    uint32_t seed = 1;
    uint64_t now = 0;

    (void)state;
    budget_init(&budget, 7, 1, KHZ);
    for (unsigned i = 0; i < 4000; i++) {
        unsigned used = 0;

        seed = seed * 1664525u + 1013904223u;
        now += seed >> 24;
        for (unsigned j = 0; j < count; j++)
            used += now - granted[j] < 1000;
        assert_int_equal(budget_used(&budget, now), used);
        if (used < 7)
            granted[count++] = now;
        assert_int_equal(budget_spend(&budget, now), used < 7);
    }
    assert_in_range(count, 1000, 3999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window_slides),
        cmocka_unit_test(test_refused_event_is_not_recorded),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_skew),
        cmocka_unit_test(test_against_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
