/* SPDX-License-Identifier: BSD-2-Clause */
/* sources: kernel/crc32c.c */
#include <cpuid.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "kernel/crc32c.h"

static uint8_t page[4096] __attribute__((aligned(4096)));

static bool cpu_has_sse42(void)
{
    unsigned a, b, c = 0, d;

    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_2);
}

/* By the definition, a bit at a time. */
static uint32_t reference(const uint8_t *p, size_t n)
{
    uint32_t crc = UINT32_MAX;

    while (n--) {
        crc ^= *p++;
        for (int i = 0; i < 8; i++)
            crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
    }
    return ~crc;
}

static void fill_random(uint32_t seed)
{
    for (size_t i = 0; i < sizeof(page); i++) {
        seed = seed * 1664525u + 1013904223u;
        page[i] = (uint8_t)(seed >> 24);
    }
}

/* RFC 3720, B.4, and the usual check value. */
static void check_known(uint32_t (*crc)(uint32_t, const void *, size_t))
{
    uint8_t data[32];

    assert_int_equal(crc(0, "123456789", 9), 0xe3069283);
    assert_int_equal(crc(0, "", 0), 0);
    memset(data, 0, 32);
    assert_int_equal(crc(0, data, 32), 0x8a9136aa);
    memset(data, 0xff, 32);
    assert_int_equal(crc(0, data, 32), 0x62a8ab43);
    for (unsigned i = 0; i < 32; i++)
        data[i] = (uint8_t)i;
    assert_int_equal(crc(0, data, 32), 0x46dd794e);
    for (unsigned i = 0; i < 32; i++)
        data[i] = (uint8_t)(31 - i);
    assert_int_equal(crc(0, data, 32), 0x113fdb5c);
}

static void test_known(void **state)
{
    (void)state;
    check_known(crc32c_soft);
    crc32c_init(false);
    check_known(crc32c);
    if (!cpu_has_sse42())
        skip();
    crc32c_init(true);
    check_known(crc32c);
}

static void test_lengths_and_alignment(void **state)
{
    (void)state;
    crc32c_init(cpu_has_sse42());
    fill_random(1);
    for (size_t at = 0; at < 16; at++)
        for (size_t n = 0; n < 300; n++) {
            uint32_t expected = reference(page + at, n);

            assert_int_equal(crc32c(0, page + at, n), expected);
            assert_int_equal(crc32c_soft(0, page + at, n), expected);
        }
}

static void test_all_lengths(void **state)
{
    (void)state;
    crc32c_init(cpu_has_sse42());
    fill_random(2);
    for (size_t n = 0; n <= sizeof(page); n++)
        assert_int_equal(crc32c(0, page, n), crc32c_soft(0, page, n));
}

static void test_chaining(void **state)
{
    uint32_t whole;

    (void)state;
    crc32c_init(cpu_has_sse42());
    fill_random(3);
    whole = reference(page, sizeof(page));
    for (size_t n = 0; n <= sizeof(page); n += 13) {
        const uint8_t *rest = page + n;
        size_t left = sizeof(page) - n;

        assert_int_equal(crc32c(crc32c(0, page, n), rest, left), whole);
        assert_int_equal(crc32c_soft(crc32c(0, page, n), rest, left), whole);
    }
}

static void check_page(void)
{
    uint32_t expected = reference(page, sizeof(page));

    crc32c_init(false);
    assert_int_equal(crc32c_page(page), expected);
    crc32c_init(cpu_has_sse42());
    assert_int_equal(crc32c_page(page), expected);
}

static void test_page(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 50; seed++) {
        fill_random(seed);
        check_page();
    }
    memset(page, 0, sizeof(page));
    check_page();
    assert_int_equal(crc32c_page(page), 0x98f94189);
    memset(page, 0xff, sizeof(page));
    check_page();
}

/* Each bit of a page counts: the boundaries of the lanes too. */
static void test_each_bit(void **state)
{
    uint32_t before;

    (void)state;
    crc32c_init(cpu_has_sse42());
    fill_random(4);
    before = crc32c_page(page);
    for (size_t bit = 0; bit < 8 * sizeof(page); bit++) {
        uint32_t crc;

        page[bit / 8] ^= (uint8_t)(1u << bit % 8);
        crc = crc32c_page(page);
        assert_int_not_equal(crc, before);
        assert_int_equal(crc, crc32c(0, page, sizeof(page)));
        page[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(crc32c_page(page), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_lengths_and_alignment),
        cmocka_unit_test(test_all_lengths),
        cmocka_unit_test(test_chaining),
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_each_bit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
