/* SPDX-License-Identifier: BSD-2-Clause */
/* sources: ft/page_copy.c ft/pages.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "ft/page_copy.h"
#include "ft/pages.h"

/* What each try shall take; the clock is read before and after it. */
static uint64_t takes[32];
static unsigned reads;
static uint64_t now;

uint64_t time_now(void)
{
    if (reads % 2) {
        now += takes[reads / 2 % 32];
    }
    reads++;
    return now;
}

/* By words comes first, 16 tries each; one of them is the best. */
static struct page_copy_ticks choose(bool erms, uint64_t words, uint64_t bytes)
{
    reads = 0;
    now = UINT64_MAX - 100; /* it may wrap */
    for (unsigned i = 0; i < 32; i++) {
        takes[i] = (i < 16 ? words : bytes) + (i % 16 == 7 ? 0 : 50);
    }
    return page_copy_choose(erms);
}

static void test_the_faster_one_is_taken_where_it_is_offered(void **state)
{
    struct page_copy_ticks ticks;

    (void)state;
    ticks = choose(true, 500, 100);
    assert_true(page_copy_by_bytes);
    assert_int_equal(ticks.words, 500);
    assert_int_equal(ticks.bytes, 100);
    choose(true, 500, 500);
    assert_true(page_copy_by_bytes);
    choose(true, 500, 4096);
    assert_false(page_copy_by_bytes);
    choose(false, 500, 100);
    assert_false(page_copy_by_bytes);
}

static void test_both_copy_all_of_a_page(void **state)
{
    uint8_t from[PAGE_BYTES], to[PAGE_BYTES + 16];

    (void)state;
    for (unsigned i = 0; i < sizeof(from); i++) {
        from[i] = (uint8_t)(i * 7 + i / 256);
    }
    for (unsigned bytes = 0; bytes < 2; bytes++) {
        page_copy_by_bytes = bytes;
        memset(to, 0xcc, sizeof(to));
        page_copy(to, from);
        assert_memory_equal(to, from, sizeof(from));
        for (unsigned i = 0; i < 16; i++) {
            assert_int_equal(to[PAGE_BYTES + i], 0xcc);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_faster_one_is_taken_where_it_is_offered),
        cmocka_unit_test(test_both_copy_all_of_a_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
