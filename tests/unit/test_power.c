/* sources: vmm/devices/power.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/devices/power.h"

#define STEPS 1000000

/* xorshift64: the same walk on every run. */
static uint64_t random_state = 88172645463325252ull;

static uint64_t random64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void test_writes(void **state)
{
    static const struct {
        uint16_t port;
        uint32_t value;
        enum power_event event;
    } rows[] = {
        {0x600, 0x34, POWER_OFF},
        {0x600, 0xffffff34, POWER_OFF},
        {0x600, 0xf7, POWER_OFF},
        {0x600, 0x14, POWER_NOTHING}, /* without SLP_EN */
        {0x600, 0x20, POWER_NOTHING}, /* S0 */
        {0x600, 0x24, POWER_NOTHING},
        {0x600, 0x30, POWER_NOTHING},
        {0x600, 0x3c, POWER_NOTHING},
        {0x600, 0x3400, POWER_NOTHING},
        {0x601, 0xff, POWER_NOTHING},
        {0xcf9, 0x02, POWER_NOTHING},
        {0xcf9, 0x04, POWER_RESET},
        {0xcf9, POWER_RESET_VALUE, POWER_RESET},
        {0xcf9, 0x0e, POWER_RESET},
        {0xcf9, 0x400, POWER_NOTHING},
        {0x64, 0xfe, POWER_RESET},
        {0x64, 0xff, POWER_NOTHING},
        {0x64, 0xd1, POWER_NOTHING},
        {0x60, 0xfe, POWER_NOTHING},
        {0x505, 0, POWER_NOTHING},
        {0x505, 1, POWER_PANICKED},
        {0x505, 2, POWER_CRASH_LOADED},
        {0x505, 3, POWER_PANICKED},
        {0x505, 4, POWER_NOTHING},
        {0x602, 0x34, POWER_NOTHING},
        {0xcf8, 0x04, POWER_NOTHING},
        {0, 0xff, POWER_NOTHING},
        {0xffff, 0xff, POWER_NOTHING},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct power p;

        power_reset(&p);
        assert_int_equal(power_write(&p, rows[i].port, rows[i].value),
                         rows[i].event);
    }
}

static void test_off_as_the_dsdt_says(void **state)
{
    struct power p;
    (void)state;

    power_reset(&p);
    assert_int_equal(
        power_write(&p, POWER_PORT_SLEEP_CONTROL,
                    POWER_SLP_TYP_S5 << POWER_SLP_TYP_SHIFT | POWER_SLP_EN),
        POWER_OFF);
}

static void test_reads(void **state)
{
    static const struct {
        uint16_t port;
        unsigned size;
        bool ours;
        uint32_t value;
    } rows[] = {
        {0x600, 1, true, 0x1c},
        {0x600, 2, true, 0x001c},
        {0x600, 4, true, 0xffff001c},
        {0x601, 1, true, 0},
        {0x601, 2, true, 0xff00},
        {0xcf9, 1, true, 0x0a},
        {0xcf9, 4, true, 0xffffff0a},
        {0x60, 1, true, 0},
        {0x64, 1, true, 0},
        {0x505, 1, true, 3},
        {0x505, 0, true, 3},
        {0x505, 3, true, 3},
        {0x505, 99, true, 3},
        {0x5ff, 2, false, 0xffff},
        {0x61, 1, false, 0xff},
        {0xcf8, 4, false, 0xffffffff},
        {0xffff, 4, false, 0xffffffff},
    };
    struct power p;
    (void)state;

    power_reset(&p);
    power_write(&p, 0x600, 0xdf); /* SLP_TYP 7, without SLP_EN */
    power_write(&p, 0xcf9, 0xfb);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t v = 0x55555555;

        assert_int_equal(power_read(&p, rows[i].port, rows[i].size, &v),
                         rows[i].ours);
        assert_int_equal(power_owns(rows[i].port), rows[i].ours);
        assert_int_equal(v, rows[i].value);
    }
}

static void test_random_walk(void **state)
{
    static const uint16_t ports[] = {0x60,  0x64,  0x505, 0x600,
                                     0x601, 0xcf9, 0xcf8, 0x602};
    struct power p;
    (void)state;

    power_reset(&p);
    for (int i = 0; i < STEPS; i++) {
        uint64_t r = random64();
        uint16_t port = r & 1 ? ports[r >> 1 & 7] : (uint16_t)(r >> 8);
        uint32_t value = (uint32_t)(r >> 32), v;
        enum power_event event = power_write(&p, port, value);
        unsigned size = r >> 24 & 7;

        if (event != POWER_NOTHING)
            assert_true(power_owns(port));
        if (event == POWER_OFF)
            assert_int_equal(value & 0x3c, 0x34);
        assert_int_equal(power_read(&p, port, size, &v), power_owns(port));
        if (size < 4)
            assert_int_equal(v >> (size == 2 ? 16 : 8), 0);
        assert_int_equal(p.sleep_control & ~0x1c, 0);
        assert_int_equal(p.reset_control & ~0x0a, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes),
        cmocka_unit_test(test_off_as_the_dsdt_says),
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_random_walk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
