/* sources: kernel/share.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/config.h"
#include "kernel/share.h"

#define SIZE   65536u
#define PER_MS 50000u
#define KEPT   (SIZE / 4 * 3) /* for the fair */
#define PART   (KEPT / VM_MAX)

static void test_books_ahead_up_to_the_burst(void **state)
{
    struct share s = {0};

    (void)state;
    assert_true(share_take(&s, 100, 60, 100));
    assert_true(share_take(&s, 100, 40, 100));
    assert_false(share_take(&s, 100, 1, 100));
    assert_true(share_take(&s, 101, 1, 100));
    assert_int_equal(s.until, 201);
}

static void test_idle_time_is_not_saved(void **state)
{
    struct share s = {0};

    (void)state;
    assert_true(share_take(&s, 1000, 100, 100));
    assert_false(share_take(&s, 1000, 1, 100));
}

static void test_anyone_fills_the_first_quarter(void **state)
{
    struct share s = {0};
    uint32_t room = SIZE;

    (void)state;
    while (share_allows(&s, 0, 100, room, SIZE, PER_MS)) {
        room -= 100;
    }
    assert_in_range(room, KEPT, KEPT + 99);
}

static void test_the_rest_is_for_the_fair(void **state)
{
    struct share flood = {0};

    (void)state;
    while (share_allows(&flood, 0, 100, SIZE, SIZE, PER_MS) &&
           flood.until < PART * PER_MS * 10ull / 115 * VM_MAX -
                             100 * PER_MS * 10ull / 115 * VM_MAX) {
    }
    assert_false(share_allows(&flood, 0, 100, KEPT, SIZE, PER_MS));
    /* All of the others have their parts of it, all at once. */
    for (unsigned vm = 1; vm < VM_MAX; vm++) {
        struct share other = {0};
        uint32_t sent = 0;

        while (share_allows(&other, 0, 64, KEPT - vm * PART - sent + PART, SIZE,
                            PER_MS)) {
            sent += 64;
        }
        assert_int_equal(sent, PART);
    }
}

static void test_a_fair_rate_goes_on_for_ever(void **state)
{
    struct share s = {0};
    uint64_t now = 0;

    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        now += 100 * PER_MS * 10ull / 115 * VM_MAX;
        assert_true(share_allows(&s, now, 100, 100, SIZE, PER_MS));
    }
    for (unsigned i = 0; i < 1000; i++) {
        share_allows(&s, now, 100, 100, SIZE, PER_MS);
    }
    assert_false(share_allows(&s, now, 100, 100, SIZE, PER_MS));
}

static void test_what_does_not_fit_is_not_sent(void **state)
{
    struct share s = {0};

    (void)state;
    assert_false(share_allows(&s, 0, 100, 99, SIZE, PER_MS));
    assert_true(share_allows(&s, 0, 100, 100, SIZE, PER_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_books_ahead_up_to_the_burst),
        cmocka_unit_test(test_idle_time_is_not_saved),
        cmocka_unit_test(test_anyone_fills_the_first_quarter),
        cmocka_unit_test(test_the_rest_is_for_the_fair),
        cmocka_unit_test(test_a_fair_rate_goes_on_for_ever),
        cmocka_unit_test(test_what_does_not_fit_is_not_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
