/* sources: vmm/devices/cmos.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <time.h>

#include "vmm/devices/cmos.h"

#define STEPS 1000000
#define MIB   (1024ull * 1024)
#define GIB   (1024 * MIB)

/* xorshift64: the same walk on every run. */
static uint64_t random_state = 88172645463325252ull;

static uint64_t random64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static struct cmos fresh(void)
{
    struct cmos c;

    cmos_reset(&c, 0, 0);
    return c;
}

static uint8_t get(struct cmos *c, unsigned reg, uint64_t now)
{
    cmos_write(c, CMOS_PORT_INDEX, (uint8_t)reg);
    return cmos_read(c, CMOS_PORT_DATA, now);
}

static void put(struct cmos *c, unsigned reg, uint8_t value)
{
    cmos_write(c, CMOS_PORT_INDEX, (uint8_t)reg);
    cmos_write(c, CMOS_PORT_DATA, value);
}

static unsigned bcd(unsigned value)
{
    return value / 10 * 16 + value % 10;
}

static void test_bcd(void **state)
{
    /* Register values in the order of the clock's registers. */
    static const struct {
        uint64_t now;
        uint8_t second, minute, hour, weekday, day, month, year, century;
    } rows[] = {
        {0, 0, 0, 0, 5, 1, 1, 0x70, 0x19},
        {951782399, 0x59, 0x59, 0x23, 2, 0x28, 2, 0, 0x20},
        {951782400, 0, 0, 0, 3, 0x29, 2, 0, 0x20},
        {951868800, 0, 0, 0, 4, 1, 3, 0, 0x20},
        {1735689599, 0x59, 0x59, 0x23, 3, 0x31, 0x12, 0x24, 0x20},
        {1735689600, 0, 0, 0, 4, 1, 1, 0x25, 0x20},
        {4107542400, 0, 0, 0, 2, 1, 3, 0, 0x21},
        {4107542399, 0x59, 0x59, 0x23, 1, 0x28, 2, 0, 0x21},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cmos c = fresh();
        uint64_t now = rows[i].now;

        assert_int_equal(get(&c, CMOS_SECONDS, now), rows[i].second);
        assert_int_equal(get(&c, CMOS_MINUTES, now), rows[i].minute);
        assert_int_equal(get(&c, CMOS_HOURS, now), rows[i].hour);
        assert_int_equal(get(&c, CMOS_WEEKDAY, now), rows[i].weekday);
        assert_int_equal(get(&c, CMOS_DAY, now), rows[i].day);
        assert_int_equal(get(&c, CMOS_MONTH, now), rows[i].month);
        assert_int_equal(get(&c, CMOS_YEAR, now), rows[i].year);
        assert_int_equal(get(&c, CMOS_CENTURY, now), rows[i].century);
    }
}

/* The C library's calendar, over every day of 800 years. */
static void test_calendar(void **state)
{
    struct cmos c = fresh();
    (void)state;

    put(&c, CMOS_STATUS_B, CMOS_B_BINARY);
    for (unsigned day = 0; day < 2 * 146097; day++) {
        uint64_t now = day * 86400ull + day % 86400;
        time_t t = (time_t)now;
        struct tm tm;

        gmtime_r(&t, &tm);
        assert_int_equal(get(&c, CMOS_SECONDS, now), tm.tm_sec);
        assert_int_equal(get(&c, CMOS_MINUTES, now), tm.tm_min);
        assert_int_equal(get(&c, CMOS_HOURS, now), tm.tm_hour);
        assert_int_equal(get(&c, CMOS_WEEKDAY, now), tm.tm_wday + 1);
        assert_int_equal(get(&c, CMOS_DAY, now), tm.tm_mday);
        assert_int_equal(get(&c, CMOS_MONTH, now), tm.tm_mon + 1);
        assert_int_equal(get(&c, CMOS_YEAR, now), (1900 + tm.tm_year) % 100);
        assert_int_equal(get(&c, CMOS_CENTURY, now), (1900 + tm.tm_year) / 100);
    }
}

static void test_writes(void **state)
{
    /* What a write leaves, at 1970-01-01 00:00:00. */
    static const struct {
        uint8_t reg, value, reads;
    } rows[] = {
        {CMOS_SECONDS, 0x33, 0},     {CMOS_DAY, 0x33, 1},
        {CMOS_CENTURY, 0x33, 0x19},  {CMOS_STATUS_A, 0xff, 0x7f},
        {CMOS_STATUS_A, 0x26, 0x26}, {CMOS_STATUS_B, 0, 0x02},
        {CMOS_STATUS_B, 0x7f, 0x0f}, {CMOS_STATUS_B, 0x82, 0x82},
        {CMOS_STATUS_C, 0xff, 0},    {CMOS_STATUS_D, 0, 0x80},
        {0x01, 0x59, 0x59},          {0x0f, 0x0a, 0x0a},
        {0x0e, 0xff, 0xff},          {0x7f, 0xa5, 0xa5},
        {0xff, 0x5a, 0x5a}, /* the NMI bit */
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cmos c = fresh();

        put(&c, rows[i].reg, rows[i].value);
        assert_int_equal(get(&c, rows[i].reg & 0x7f, 0), rows[i].reads);
    }
}

static void test_status(void **state)
{
    struct cmos c = fresh();
    (void)state;

    assert_int_equal(get(&c, CMOS_STATUS_A, 0), 0x26);
    assert_int_equal(get(&c, CMOS_STATUS_B, 0), 0x02);
    assert_int_equal(get(&c, CMOS_STATUS_C, 0), 0);
    assert_int_equal(get(&c, CMOS_STATUS_D, 0), 0x80);
    assert_int_equal(cmos_read(&c, CMOS_PORT_INDEX, 0), 0xff);
    assert_int_equal(cmos_read(&c, 0x72, 0), 0xff);
    cmos_write(&c, 0x72, 0x33);
    assert_int_equal(c.index, CMOS_STATUS_D);
}

static void test_memory_size(void **state)
{
    static const struct {
        uint64_t low, high;
        unsigned ext_kib, ext_64kib, high_64kib;
    } rows[] = {
        {0, 0, 0, 0, 0},
        {640 * 1024, 0, 0, 0, 0},
        {16 * MIB, 0, 15 * 1024, 0, 0},
        {256 * MIB, 0, 0xffff, 240 * 16, 0},
        {3 * GIB, 5 * GIB, 0xffff, (3 * 1024 - 16) * 16, 5 * 1024 * 16},
        {UINT64_MAX, UINT64_MAX, 0xffff, 0xffff, 0xffffff},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cmos c;

        cmos_reset(&c, rows[i].low, rows[i].high);
        assert_int_equal(get(&c, 0x15, 0) | get(&c, 0x16, 0) << 8, 640);
        assert_int_equal(get(&c, 0x17, 0) | get(&c, 0x18, 0) << 8,
                         rows[i].ext_kib);
        assert_int_equal(get(&c, 0x30, 0) | get(&c, 0x31, 0) << 8,
                         rows[i].ext_kib);
        assert_int_equal(get(&c, 0x34, 0) | get(&c, 0x35, 0) << 8,
                         rows[i].ext_64kib);
        assert_int_equal(get(&c, 0x5b, 0) | get(&c, 0x5c, 0) << 8 |
                             get(&c, 0x5d, 0) << 16,
                         rows[i].high_64kib);
    }
}

static void check(struct cmos *c, uint64_t now)
{
    static const struct {
        uint8_t reg, min, max;
    } rows[] = {
        {CMOS_SECONDS, 0, 59}, {CMOS_MINUTES, 0, 59}, {CMOS_HOURS, 0, 23},
        {CMOS_WEEKDAY, 1, 7},  {CMOS_DAY, 1, 31},     {CMOS_MONTH, 1, 12},
        {CMOS_YEAR, 0, 99},    {CMOS_CENTURY, 0, 99},
    };
    struct cmos copy = *c;

    assert_true(c->index < CMOS_SIZE);
    assert_int_equal(get(&copy, CMOS_STATUS_A, now) & 0x80, 0);
    assert_int_equal(get(&copy, CMOS_STATUS_B, now) & 0x72, 0x02);
    put(&copy, CMOS_STATUS_B, CMOS_B_BINARY);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t value = get(&copy, rows[i].reg, now);

        assert_true(value >= rows[i].min && value <= rows[i].max);
    }
}

static void test_random_walk(void **state)
{
    struct cmos c = fresh();
    (void)state;

    for (int i = 0; i < STEPS; i++) {
        uint64_t r = random64();
        uint16_t port = (uint16_t)(0x6f + (r >> 8) % 4);
        uint64_t now = random64() >> (r >> 16 & 63);
        uint8_t value = cmos_read(&c, port, now);

        if (port == CMOS_PORT_DATA && c.index == CMOS_SECONDS &&
            !(c.memory[CMOS_STATUS_B] & CMOS_B_BINARY))
            assert_int_equal(value, bcd((unsigned)(now % 60)));
        if (r & 1)
            cmos_write(&c, port, (uint8_t)(r >> 24));
        check(&c, now);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bcd),         cmocka_unit_test(test_calendar),
        cmocka_unit_test(test_writes),      cmocka_unit_test(test_status),
        cmocka_unit_test(test_memory_size), cmocka_unit_test(test_random_walk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
