/* sources: vmm/devices/lapic*.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/errno.h"
#include "vmm/devices/lapic.h"

#define RATIO    80
#define VECTOR   0xec

#define ONE_SHOT (LAPIC_TIMER_ONE_SHOT | VECTOR)
#define PERIODIC (LAPIC_TIMER_PERIODIC | VECTOR)
#define DEADLINE (LAPIC_TIMER_DEADLINE | VECTOR)
#define MASKED   LAPIC_LVT_MASKED
#define DIVIDE_1 0xb

static void put(struct lapic *l, uint32_t offset, uint64_t value, uint64_t now)
{
    struct lapic_effect effect;

    assert_int_equal(lapic_write(l, offset, value, now, &effect), 0);
}

static uint64_t count(struct lapic *l, uint64_t now)
{
    uint64_t value;

    assert_int_equal(lapic_read(l, LAPIC_CURRENT_COUNT, now, &value), 0);
    return value;
}

static struct lapic fresh(uint32_t lvt)
{
    struct lapic l;

    lapic_reset(&l, 0, true, RATIO);
    put(&l, LAPIC_SVR, 0x1ff, 0);
    put(&l, LAPIC_DIVIDE, DIVIDE_1, 0);
    put(&l, LAPIC_LVT_TIMER, lvt, 0);
    return l;
}

/* Takes the timer's interrupt out of IRR; false if it was not there. */
static bool raised(struct lapic *l)
{
    bool level;

    if (lapic_pending(l) != VECTOR)
        return false;
    lapic_accept(l, VECTOR);
    lapic_eoi(l, &level);
    assert_false(level);
    return true;
}

static void test_dividers(void **state)
{
    static const struct {
        uint32_t divide, by;
    } rows[] = {
        {0x0, 2},  {0x1, 4},  {0x2, 8},   {0x3, 16},
        {0x8, 32}, {0x9, 64}, {0xa, 128}, {0xb, 1},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lapic l = fresh(ONE_SHOT);
        uint64_t tick = RATIO * rows[i].by;

        put(&l, LAPIC_DIVIDE, rows[i].divide, 0);
        put(&l, LAPIC_INITIAL_COUNT, 1000, 500);
        assert_int_equal(lapic_timer_next(&l), 500 + 1000 * tick);
        assert_int_equal(count(&l, 500), 1000);
        assert_int_equal(count(&l, 500 + tick - 1), 1000);
        assert_int_equal(count(&l, 500 + tick), 999);
        assert_int_equal(count(&l, 500 + 999 * tick), 1);
        assert_int_equal(count(&l, 500 + 1000 * tick), 0);
    }
}

static void test_one_shot(void **state)
{
    struct lapic l = fresh(ONE_SHOT);
    (void)state;

    put(&l, LAPIC_INITIAL_COUNT, 10, 1000);
    assert_false(lapic_timer_poll(&l, 1799));
    assert_true(lapic_timer_poll(&l, 1800));
    assert_true(raised(&l));
    assert_false(lapic_timer_poll(&l, 1800));
    assert_false(lapic_timer_poll(&l, UINT64_MAX));
    assert_int_equal(lapic_timer_next(&l), LAPIC_NEVER);
    assert_int_equal(count(&l, 1800), 0);
    put(&l, LAPIC_INITIAL_COUNT, 10, 2000);
    put(&l, LAPIC_INITIAL_COUNT, 0, 2100);
    assert_int_equal(lapic_timer_next(&l), LAPIC_NEVER);
    assert_false(raised(&l));
}

static void test_periodic(void **state)
{
    struct lapic l = fresh(PERIODIC);
    uint64_t period = 10000 * RATIO;
    (void)state;

    put(&l, LAPIC_INITIAL_COUNT, 10000, 7);
    for (uint64_t i = 1; i < 10; i++) {
        assert_int_equal(lapic_timer_next(&l), 7 + i * period);
        assert_int_equal(count(&l, 6 + i * period), 1);
        assert_true(lapic_timer_poll(&l, 7 + i * period + 1000));
        assert_false(lapic_timer_poll(&l, 7 + i * period + 1000));
        assert_true(raised(&l));
    }
    /* Late by many periods: one interrupt, and the phase is kept. */
    assert_true(lapic_timer_poll(&l, 7 + 1000000 * period));
    assert_false(lapic_timer_poll(&l, 7 + 1000000 * period));
    assert_int_equal(lapic_timer_next(&l), 7 + 1000001 * period);
    assert_int_equal(count(&l, 7 + 1000000 * period), 10000);
}

static void test_period_is_bounded(void **state)
{
    struct lapic l = fresh(PERIODIC);
    (void)state;

    put(&l, LAPIC_INITIAL_COUNT, 1, 0);
    assert_int_equal(lapic_timer_next(&l), LAPIC_MIN_PERIOD);
    assert_int_equal(count(&l, 5), 1);
    assert_true(lapic_timer_poll(&l, LAPIC_MIN_PERIOD));
    assert_int_equal(lapic_timer_next(&l), 2 * LAPIC_MIN_PERIOD);
    put(&l, LAPIC_LVT_TIMER, ONE_SHOT, LAPIC_MIN_PERIOD);
    put(&l, LAPIC_INITIAL_COUNT, 1, LAPIC_MIN_PERIOD);
    assert_int_equal(lapic_timer_next(&l), LAPIC_MIN_PERIOD + RATIO);
    put(&l, LAPIC_LVT_TIMER, PERIODIC, LAPIC_MIN_PERIOD);
    assert_true(lapic_timer_poll(&l, LAPIC_MIN_PERIOD + RATIO));
    assert_int_equal(lapic_timer_next(&l), 2 * LAPIC_MIN_PERIOD + RATIO);
}

static void test_deadline(void **state)
{
    struct lapic l = fresh(DEADLINE);
    (void)state;

    lapic_write_deadline(&l, 5000, 1000);
    assert_int_equal(lapic_read_deadline(&l, 4999), 5000);
    assert_int_equal(lapic_timer_next(&l), 5000);
    assert_int_equal(count(&l, 1000), 0);
    assert_false(lapic_timer_poll(&l, 4999));
    assert_int_equal(lapic_read_deadline(&l, 5000), 0);
    assert_true(raised(&l));
    assert_int_equal(lapic_timer_next(&l), LAPIC_NEVER);
    lapic_write_deadline(&l, 1, 6000); /* in the past */
    assert_true(raised(&l));
    lapic_write_deadline(&l, 9000, 6000);
    lapic_write_deadline(&l, 0, 6001); /* disarmed */
    assert_false(raised(&l));
    assert_int_equal(lapic_timer_next(&l), LAPIC_NEVER);
    assert_false(lapic_timer_poll(&l, 9001));
    put(&l, LAPIC_INITIAL_COUNT, 5, 6001); /* ignored in this mode */
    assert_int_equal(lapic_reg(&l, LAPIC_INITIAL_COUNT), 0);
    assert_int_equal(lapic_timer_next(&l), LAPIC_NEVER);
}

/* A deadline that passed before the guest moves it has fired. */
static void test_deadline_moved_late(void **state)
{
    struct lapic l = fresh(DEADLINE);
    (void)state;

    lapic_write_deadline(&l, 5000, 1000);
    lapic_write_deadline(&l, 9000, 6000);
    assert_true(raised(&l));
    assert_int_equal(lapic_timer_next(&l), 9000);
}

static void test_deadline_in_other_modes(void **state)
{
    static const uint32_t rows[] = {ONE_SHOT, PERIODIC, 3u << 17 | VECTOR};
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lapic l = fresh(rows[i]);

        lapic_write_deadline(&l, 5000, 1000);
        assert_int_equal(lapic_read_deadline(&l, 1000), 0);
        assert_int_equal(lapic_timer_next(&l), LAPIC_NEVER);
    }
}

static void test_reserved_mode_counts_nothing(void **state)
{
    struct lapic l = fresh(3u << 17 | VECTOR);
    (void)state;

    put(&l, LAPIC_INITIAL_COUNT, 10, 0);
    assert_int_equal(lapic_timer_next(&l), LAPIC_NEVER);
    assert_int_equal(count(&l, 0), 0);
}

static void test_mode_changes(void **state)
{
    static const struct {
        uint32_t from, to;
        bool runs_on;
    } rows[] = {
        {ONE_SHOT, PERIODIC, true},  {PERIODIC, ONE_SHOT, true},
        {ONE_SHOT, DEADLINE, false}, {PERIODIC, DEADLINE, false},
        {DEADLINE, ONE_SHOT, false}, {DEADLINE, PERIODIC, false},
        {DEADLINE, DEADLINE, true},  {ONE_SHOT, 3u << 17, false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lapic l = fresh(rows[i].from);

        if (rows[i].from == DEADLINE)
            lapic_write_deadline(&l, 800000, 0);
        else
            put(&l, LAPIC_INITIAL_COUNT, 10000, 0);
        assert_int_equal(lapic_timer_next(&l), 800000);
        put(&l, LAPIC_LVT_TIMER, rows[i].to, 1000);
        assert_int_equal(lapic_timer_next(&l),
                         rows[i].runs_on ? 800000 : LAPIC_NEVER);
        assert_int_equal(l.tsc_deadline,
                         rows[i].to == DEADLINE && rows[i].runs_on ? 800000
                                                                   : 0);
    }
}

static void test_masked(void **state)
{
    struct lapic l = fresh(ONE_SHOT | MASKED);
    (void)state;

    put(&l, LAPIC_INITIAL_COUNT, 10, 0);
    assert_int_equal(lapic_timer_next(&l), LAPIC_NEVER);
    assert_int_equal(count(&l, 400), 5);
    put(&l, LAPIC_LVT_TIMER, ONE_SHOT, 400); /* still runs */
    assert_int_equal(lapic_timer_next(&l), 800);
    put(&l, LAPIC_LVT_TIMER, ONE_SHOT | MASKED, 500);
    put(&l, LAPIC_LVT_TIMER, ONE_SHOT, 900); /* expired unseen */
    assert_false(raised(&l));
    assert_int_equal(lapic_timer_next(&l), LAPIC_NEVER);
    /* It was due before it was masked. */
    put(&l, LAPIC_INITIAL_COUNT, 10, 1000);
    put(&l, LAPIC_LVT_TIMER, ONE_SHOT | MASKED, 1800);
    assert_true(raised(&l));
}

static void test_masked_by_software_disable(void **state)
{
    struct lapic l = fresh(PERIODIC);
    (void)state;

    put(&l, LAPIC_INITIAL_COUNT, 10000, 0);
    put(&l, LAPIC_SVR, 0xff, 800000); /* due: fires before */
    assert_int_equal(lapic_timer_next(&l), LAPIC_NEVER);
    assert_true(raised(&l));
    assert_false(lapic_timer_poll(&l, 1600000));
    assert_false(raised(&l));
}

static void test_divide_while_running(void **state)
{
    struct lapic l = fresh(ONE_SHOT);
    (void)state;

    put(&l, LAPIC_INITIAL_COUNT, 100, 0);
    put(&l, LAPIC_DIVIDE, 0x1, 50 * RATIO); /* by 4 */
    assert_int_equal(count(&l, 50 * RATIO), 50);
    assert_int_equal(lapic_timer_next(&l), 250 * RATIO);
    put(&l, LAPIC_DIVIDE, DIVIDE_1, 250 * RATIO);
    assert_true(raised(&l));
    assert_int_equal(lapic_timer_next(&l), LAPIC_NEVER);
}

static void test_extremes(void **state)
{
    struct lapic l;
    (void)state;

    lapic_reset(&l, 0, true, UINT32_MAX);
    put(&l, LAPIC_SVR, 0x1ff, 0);
    put(&l, LAPIC_LVT_TIMER, PERIODIC, 0);
    put(&l, LAPIC_DIVIDE, 0xa, 0);
    put(&l, LAPIC_INITIAL_COUNT, UINT32_MAX, UINT64_MAX - 5);
    assert_int_equal(lapic_timer_next(&l), LAPIC_NEVER);
    assert_false(lapic_timer_poll(&l, UINT64_MAX));
    put(&l, LAPIC_INITIAL_COUNT, 1, 0);
    assert_true(lapic_timer_poll(&l, UINT64_MAX - 1));
    assert_false(lapic_timer_poll(&l, UINT64_MAX));
    put(&l, LAPIC_LVT_TIMER, DEADLINE, 0);
    lapic_write_deadline(&l, UINT64_MAX, 0);
    assert_false(lapic_timer_poll(&l, UINT64_MAX));
}

static void test_illegal_vector(void **state)
{
    struct lapic l = fresh(LAPIC_TIMER_ONE_SHOT | 5);
    (void)state;

    put(&l, LAPIC_INITIAL_COUNT, 1, 0);
    assert_false(lapic_timer_poll(&l, 1000));
    assert_int_equal(l.errors, LAPIC_ERROR_RECEIVE_VECTOR);
    assert_int_equal(lapic_timer_next(&l), LAPIC_NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dividers),
        cmocka_unit_test(test_one_shot),
        cmocka_unit_test(test_periodic),
        cmocka_unit_test(test_period_is_bounded),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_deadline_moved_late),
        cmocka_unit_test(test_deadline_in_other_modes),
        cmocka_unit_test(test_reserved_mode_counts_nothing),
        cmocka_unit_test(test_mode_changes),
        cmocka_unit_test(test_masked),
        cmocka_unit_test(test_masked_by_software_disable),
        cmocka_unit_test(test_divide_while_running),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_illegal_vector),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
