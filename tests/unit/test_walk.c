/* sources: vmm/walk.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/walk_guest.h"

static void check_page(enum mode mode, uint64_t gva, unsigned shift,
                       uint64_t frame)
{
    struct guest guest;
    struct walk_result result;
    uint64_t offset = gva & ((1ULL << shift) - 1);
    unsigned level = build(&guest, mode, gva, shift, frame);

    assert_int_equal(do_walk(&guest, gva, WALK_READ, &result), 0);
    assert_int_equal(result.gva, gva);
    assert_int_equal(result.gpa, frame | offset);
    assert_int_equal(result.page_size, 1ULL << shift);
    assert_int_equal(result.error_code, 0);
    assert_int_equal(guest.reads, level + 1);
}

static void page_sizes(void **state)
{
    (void)state;
    check_page(MODE_32, 0, 12, 0);
    check_page(MODE_32, 0xC0123ABC, 12, 0xFFFFF000);
    check_page(MODE_32, 0xFFFFFFFF, 22, 0xFFC00000);
    check_page(MODE_PAE, 0xC0123ABC, 12, 0x7FFFFFF000);
    check_page(MODE_PAE, 0x40000000, 12, 0x1000);
    check_page(MODE_PAE, 0xFFFFFFFF, 21, 0x7FFFE00000);
    check_page(MODE_LONG, 0x00007FFFFFFFFFFF, 12, 0x7FFFFFF000);
    check_page(MODE_LONG, 0xFFFF800000000000, 12, 0x1000);
    check_page(MODE_LONG, 0xFFFFFFFF81234567, 21, 0x7FFFE00000);
    check_page(MODE_LONG, 0xFFFF888012345678, 30, 0x7FC0000000);
}

/* Bits that carry no meaning here: PWT PCD A D G, PAT of a large page,
 * software bits, and in long mode 62:52. */
static void ignored_bits(void **state)
{
    struct guest guest;
    struct walk_result result;
    uint64_t gva = 0x12345678;
    unsigned level;

    (void)state;
    level = build(&guest, MODE_LONG, gva, 21, 0x200000);
    put(&guest, 0, get(&guest, 0) | ONES(62, 52) | 0xF78);
    put(&guest, level, get(&guest, level) | ONES(62, 52) | 0x1F78);
    assert_int_equal(do_walk(&guest, gva, WALK_READ, &result), 0);
    assert_int_equal(result.gpa, 0x345678);
    build(&guest, MODE_32, gva, 12, 0x200000);
    put(&guest, 0, get(&guest, 0) | 0xF78);
    put(&guest, 1, get(&guest, 1) | 0xFF8);
    assert_int_equal(do_walk(&guest, gva, WALK_READ, &result), 0);
    assert_int_equal(result.gpa, 0x200678);
}

static void pse36(void **state)
{
    struct guest guest;
    struct walk_result result;

    (void)state;
    build(&guest, MODE_32, 0x12345678, 22, 0x80000000);
    put(&guest, 0, get(&guest, 0) | 0x7FULL << 13);
    assert_int_equal(do_walk(&guest, 0x12345678, WALK_READ, &result), 0);
    assert_int_equal(result.gpa, 0x7F80345678);
}

/* Without CR4.PSE the PS bit means nothing. */
static void no_pse(void **state)
{
    struct guest guest;
    struct walk_result result;

    (void)state;
    build(&guest, MODE_32, 0x12345678, 12, 0x80000000);
    put(&guest, 0, get(&guest, 0) | PS);
    guest.state.cr4 = 0;
    assert_int_equal(do_walk(&guest, 0x12345678, WALK_READ, &result), 0);
    assert_int_equal(result.gpa, 0x80000678);
    assert_int_equal(result.page_size, 4096);
}

static void no_paging(void **state)
{
    struct guest guest = {.state = {.cr3 = ~0ULL, .cr4 = PAE, .cpl = 3}};
    struct walk_result result;

    (void)state;
    assert_int_equal(do_walk(&guest, 0x1FEE00020, WALK_WRITE, &result), 0);
    assert_int_equal(result.gpa, 0xFEE00020);
    assert_int_equal(result.gva, 0xFEE00020);
    assert_int_equal(result.page_size, 4096);
    assert_int_equal(guest.reads, 0);
}

static void address_range(void **state)
{
    static const uint64_t bad[] = {0x0000800000000000, 0xFFFF7FFFFFFFFFFF,
                                   0x8000000000001000, 0x0001000000001000};
    struct guest guest;
    struct walk_result result;
    size_t i;

    (void)state;
    build(&guest, MODE_LONG, 0x1000, 12, 0x5000);
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(do_walk(&guest, bad[i], WALK_READ, &result), -EINVAL);
        assert_int_equal(guest.reads, 0);
    }
    build(&guest, MODE_PAE, 0x1000, 12, 0x5000);
    assert_int_equal(do_walk(&guest, 0x800000001004, WALK_READ, &result), 0);
    assert_int_equal(result.gva, 0x1004);
    assert_int_equal(result.gpa, 0x5004);
}

static void table_outside_memory(void **state)
{
    struct guest guest;
    struct walk_result result;
    unsigned mode, level;

    (void)state;
    for (mode = 0; mode < MODES; mode++) {
        uint64_t root = mode == MODE_PAE ? BEYOND + 0x20 : BEYOND;

        build(&guest, mode, 0x7654321, 12, 0);
        guest.state.cr3 = root;
        assert_int_equal(do_walk(&guest, 0x7654321, 0, &result), -EFAULT);
        assert_int_equal(result.gpa, guest.at[0] - modes[mode].root + root);
        for (level = 0; level + 1 < modes[mode].levels; level++) {
            build(&guest, mode, 0x7654321, 12, 0);
            put(&guest, level, (get(&guest, level) & 0xFFF) | BEYOND);
            assert_int_equal(do_walk(&guest, 0x7654321, 0, &result), -EFAULT);
            assert_int_equal(result.gpa,
                             (guest.at[level + 1] & 0xFFF) + BEYOND);
            assert_int_equal(result.error_code, 0);
            assert_int_equal(guest.reads, level + 2);
        }
    }
}

/* A table that maps itself: four reads, and its own address. */
static void recursive_table(void **state)
{
    struct guest guest;
    struct walk_result result;

    (void)state;
    build(&guest, MODE_LONG, 0, 12, 0);
    put(&guest, 0, 0x1000 | FULL);
    assert_int_equal(do_walk(&guest, 0x123, WALK_READ, &result), 0);
    assert_int_equal(result.gpa, 0x1123);
    assert_int_equal(guest.reads, 4);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static int read_random(void *context, uint64_t gpa, uint64_t *value,
                       unsigned size)
{
    uint64_t *seed = context;
    uint64_t r = next_random(seed);

    assert_int_equal(gpa % size, 0);
    assert_true(gpa < 1ULL << 39);
    *value = r & 7 ? (r & ~ONES(51, 39)) | P : r;
    if (size == 4)
        *value &= 0xFFFFFFFF;
    return r % 61 ? 0 : -EFAULT;
}

static void random_tables(void **state)
{
    uint64_t seed = 0x9E3779B97F4A7C15;
    unsigned i, outcomes[4] = {0};

    (void)state;
    for (i = 0; i < 1000000; i++) {
        struct walk_state walker = {.cr0 = next_random(&seed),
                                    .cr3 = next_random(&seed),
                                    .cr4 = next_random(&seed),
                                    .efer = next_random(&seed),
                                    .cpl = next_random(&seed) & 3,
                                    .ac = next_random(&seed) & 1};
        struct walk_result result;
        uint64_t gva = (uint64_t)((int64_t)next_random(&seed) >> (i & 31));
        int error = walk(&walker, gva, next_random(&seed) & 7, read_random,
                         &seed, &result);

        if (!error) {
            assert_true(result.gpa < 1ULL << 39);
            assert_true(result.page_size >= 4096 &&
                        result.page_size <= 1 << 30);
            assert_int_equal((result.gpa ^ gva) & (result.page_size - 1), 0);
        }
        assert_true((error == -EPERM) || result.error_code == 0);
        outcomes[error == 0         ? 0
                 : error == -EPERM  ? 1
                 : error == -EFAULT ? 2
                                    : 3]++;
    }
    for (i = 0; i < 4; i++)
        assert_true(outcomes[i] > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_sizes),
        cmocka_unit_test(ignored_bits),
        cmocka_unit_test(pse36),
        cmocka_unit_test(no_pse),
        cmocka_unit_test(no_paging),
        cmocka_unit_test(address_range),
        cmocka_unit_test(table_outside_memory),
        cmocka_unit_test(recursive_table),
        cmocka_unit_test(random_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
