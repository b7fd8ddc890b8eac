/* sources: kernel/format.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <limits.h>
#include <cmocka.h>

#include "kernel/format.h"
#include "kernel/string.h"

/* Compares text and length with the host's snprintf, for several sizes. */
#define SAME(...)                                                       \
    do {                                                                \
        static const size_t sizes[] = {0, 1, 2, 5, 64};                 \
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) { \
            char ours[64];                                              \
            char theirs[64];                                            \
            memset(ours, 'x', sizeof(ours));                            \
            memset(theirs, 'x', sizeof(theirs));                        \
            assert_int_equal(format(ours, sizes[i], __VA_ARGS__),       \
                             snprintf(theirs, sizes[i], __VA_ARGS__));  \
            assert_memory_equal(ours, theirs, sizeof(ours));            \
        }                                                               \
    } while (0)

static void numbers(void **state)
{
    (void)state;
    SAME("%d %d %d %d", 0, -1, INT_MAX, INT_MIN);
    SAME("%u %x", UINT_MAX, UINT_MAX);
    SAME("%ld %ld", LONG_MIN, LONG_MAX);
    SAME("%lu %lx", ULONG_MAX, ULONG_MAX);
    SAME("%llu %lld %llx", ULLONG_MAX, LLONG_MIN, 0x123456789abcdefULL);
    SAME("%zu %zx", SIZE_MAX, (size_t)0);
    SAME("%p", (void *)0xdeadbeef);
}

static void widths(void **state)
{
    (void)state;
    SAME("[%5d][%05d][%-5d]", 42, 42, 42);
    SAME("[%5d][%05d][%-5d]", -42, -42, -42);
    SAME("[%2d][%02x][%016lx]", 12345, 0xabcU, 0xfeeUL);
    SAME("[%-8x][%8u]", 0x1fU, 7U);
    SAME("[%*d][%*d]", 6, 1, -6, 2);
}

static void text(void **state)
{
    (void)state;
    SAME("%s", "hello");
    SAME("[%10s][%-10s]", "right", "left");
    SAME("[%.3s][%.0s][%.9s]", "abcdef", "abc", "abc");
    SAME("[%8.2s][%-8.2s]", "abc", "abc");
    SAME("[%.*s][%.*s]", 2, "abc", -1, "abc");
    SAME("%c%c[%3c][%-3c]", 'a', 'b', 'c', 'd');
    SAME("100%%");
    SAME("plain");
}

static void precision_reads_no_further(void **state)
{
    char unterminated[3] = {'a', 'b', 'c'};
    char buf[8];

    (void)state;
    assert_int_equal(format(buf, sizeof(buf), "%.3s", unterminated), 3);
    assert_string_equal(buf, "abc");
}

static void plain_text(void **state)
{
    static const char *const texts[] = {"", "a", "abcd", "abcde",
                                        "a longer one"};
    (void)state;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char ours[5], theirs[5];

        memset(ours, 0x55, sizeof(ours));
        memset(theirs, 0x55, sizeof(theirs));
        format_text(ours, sizeof(ours), texts[i]);
        format(theirs, sizeof(theirs), "%s", texts[i]);
        assert_memory_equal(ours, theirs, sizeof(ours));
        format_text(ours, 1, texts[i]);
        assert_int_equal(ours[0], 0);
    }
}

static void oddities(void **state)
{
    static const char *const odd[] = {"%", "50% ", "%k", "%-", "%08", "%l"};
    const char *volatile none = NULL;
    char buf[16];

    (void)state;
    format(buf, sizeof(buf), "%s", none);
    assert_string_equal(buf, "(null)");
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        const char *volatile fmt = odd[i];
        format(buf, sizeof(buf), fmt, 0);
        assert_string_equal(buf, odd[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(widths),
        cmocka_unit_test(text),
        cmocka_unit_test(precision_reads_no_further),
        cmocka_unit_test(plain_text),
        cmocka_unit_test(oddities),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
