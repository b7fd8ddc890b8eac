/* sources: vmm/walk.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* Page faults: rights, entries that are not present, reserved bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/walk_guest.h"

/*
 * SDM vol. 3, 4.6.1. Page: u user, w writable, x executable. Set: p CR0.WP,
 * e SMEP, a SMAP, c RFLAGS.AC. What is not named is off. Rows with a page
 * that is not executable need EFER.NXE.
 */
static const struct right {
    unsigned cpl;
    unsigned access;
    const char *page;
    const char *set;
    bool allowed;
} rights[] = {
    /* supervisor, data */
    {0, WALK_READ, "", "pea", true},
    {0, WALK_READ, "u", "pe", true},
    {0, WALK_READ, "u", "a", false},
    {0, WALK_READ, "uwx", "pea", false},
    {0, WALK_READ, "u", "peac", true},
    {1, WALK_READ, "", "", true},
    {2, WALK_READ, "u", "a", false},
    {0, WALK_WRITE, "", "", true},
    {0, WALK_WRITE, "u", "", true},
    {0, WALK_WRITE, "", "p", false},
    {0, WALK_WRITE, "x", "pc", false},
    {0, WALK_WRITE, "w", "pea", true},
    {0, WALK_WRITE, "uw", "p", true},
    {0, WALK_WRITE, "u", "p", false},
    {0, WALK_WRITE, "uw", "pa", false},
    {0, WALK_WRITE, "uw", "a", false},
    {0, WALK_WRITE, "uw", "pac", true},
    {0, WALK_WRITE, "u", "pac", false},
    {0, WALK_WRITE, "u", "ac", true},
    /* supervisor, fetch */
    {0, WALK_FETCH, "x", "pea", true},
    {0, WALK_FETCH, "", "", false},
    {0, WALK_FETCH, "uwx", "pa", true},
    {0, WALK_FETCH, "uwx", "e", false},
    {0, WALK_FETCH, "uwx", "peac", false},
    {0, WALK_FETCH, "uw", "", false},
    /* user */
    {3, WALK_READ, "u", "pea", true},
    {3, WALK_READ, "wx", "", false},
    {3, WALK_READ, "", "c", false},
    {3, WALK_WRITE, "uw", "pea", true},
    {3, WALK_WRITE, "u", "", false},
    {3, WALK_WRITE, "u", "p", false},
    {3, WALK_WRITE, "wx", "", false},
    {3, WALK_FETCH, "ux", "pea", true},
    {3, WALK_FETCH, "uw", "", false},
    {3, WALK_FETCH, "wx", "", false},
    /* implicit supervisor accesses, made at CPL 3 or not */
    {3, WALK_READ | WALK_IMPLICIT, "", "pea", true},
    {3, WALK_READ | WALK_IMPLICIT, "u", "ac", false},
    {0, WALK_READ | WALK_IMPLICIT, "u", "ac", false},
    {0, WALK_READ | WALK_IMPLICIT, "u", "pe", true},
    {3, WALK_WRITE | WALK_IMPLICIT, "", "p", false},
    {3, WALK_WRITE | WALK_IMPLICIT, "", "", true},
    {3, WALK_WRITE | WALK_IMPLICIT, "w", "pea", true},
};

static void set_state(struct guest *guest, const struct right *right)
{
    struct walk_state *state = &guest->state;

    state->cpl = right->cpl;
    state->ac = strchr(right->set, 'c') != NULL;
    state->cr0 = PG | (strchr(right->set, 'p') ? WP : 0);
    if (strchr(right->set, 'e'))
        state->cr4 |= SMEP;
    if (strchr(right->set, 'a'))
        state->cr4 |= SMAP;
}

static uint32_t expected_code(const struct right *right, enum mode mode)
{
    uint32_t code = 0;

    if (right->access & WALK_WRITE)
        code |= 2;
    if (right->cpl == 3 && !(right->access & WALK_IMPLICIT))
        code |= 4;
    if ((right->access & WALK_FETCH) &&
        (mode != MODE_32 || strchr(right->set, 'e')))
        code |= 16;
    return code;
}

/* The entry of one level withholds the rights, the others grant them all. */
static void check_right(const struct right *right, enum mode mode,
                        unsigned shift, unsigned level)
{
    struct guest guest;
    struct walk_result result;
    uint64_t entry;
    int error;

    build(&guest, mode, 0x7654321, shift, 0);
    set_state(&guest, right);
    entry = get(&guest, level) & ~(W | U);
    if (strchr(right->page, 'u'))
        entry |= U;
    if (strchr(right->page, 'w'))
        entry |= W;
    if (!strchr(right->page, 'x') && mode != MODE_32)
        entry |= NX;
    put(&guest, level, entry);
    error = do_walk(&guest, 0x7654321, right->access, &result);
    assert_int_equal(error, right->allowed ? 0 : -EPERM);
    assert_int_equal(result.error_code,
                     right->allowed ? 0 : 1 | expected_code(right, mode));
}

/* 32-bit paging cannot withhold execution. */
static void permissions(void **state)
{
    size_t i;
    unsigned level;

    (void)state;
    for (i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
        const struct right *right = &rights[i];

        for (level = 0; level < 4; level++)
            check_right(right, MODE_LONG, 12, level);
        check_right(right, MODE_LONG, 21, 2);
        check_right(right, MODE_LONG, 30, 1);
        check_right(right, MODE_PAE, 12, 1);
        check_right(right, MODE_PAE, 12, 2);
        check_right(right, MODE_PAE, 21, 1);
        if ((right->access & WALK_FETCH) && !strchr(right->page, 'x'))
            continue;
        check_right(right, MODE_32, 12, 0);
        check_right(right, MODE_32, 12, 1);
        check_right(right, MODE_32, 22, 0);
    }
}

/* Rights come from all levels together: U in one, W in the other, is none. */
static void rights_combine(void **state)
{
    struct guest guest;
    struct walk_result result;

    (void)state;
    build(&guest, MODE_LONG, 0x1000, 12, 0);
    guest.state.cpl = 3;
    put(&guest, 2, get(&guest, 2) & ~W);
    put(&guest, 3, get(&guest, 3) & ~U);
    assert_int_equal(do_walk(&guest, 0x1000, WALK_READ, &result), -EPERM);
    assert_int_equal(result.error_code, 5);
    guest.state.cpl = 0;
    assert_int_equal(do_walk(&guest, 0x1000, WALK_WRITE, &result), -EPERM);
    assert_int_equal(result.error_code, 3);
}

static void not_present(void **state)
{
    struct guest guest;
    struct walk_result result;
    unsigned mode, level, i;

    (void)state;
    for (mode = 0; mode < MODES; mode++) {
        for (level = 0; level < modes[mode].levels; level++) {
            build(&guest, mode, 0x7654321, 12, 0);
            put(&guest, level, ~P); /* nothing else counts then */
            for (i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
                guest.state.cr4 = modes[mode].cr4;
                set_state(&guest, &rights[i]);
                assert_int_equal(
                    do_walk(&guest, 0x7654321, rights[i].access, &result),
                    -EPERM);
                assert_int_equal(result.error_code,
                                 expected_code(&rights[i], mode));
            }
            assert_int_equal(guest.reads, level + 1);
        }
    }
}

/* The error code tells of a fetch only where something could forbid one. */
static void fetch_bit(void **state)
{
    static const struct {
        enum mode mode;
        uint64_t cr4, efer;
        uint32_t code;
    } cases[] = {
        {MODE_32, 0, 0, 0},         {MODE_32, 0, NXE, 0},
        {MODE_32, SMEP, 0, 0x10},   {MODE_PAE, PAE, 0, 0},
        {MODE_PAE, PAE, NXE, 0x10}, {MODE_PAE, PAE | SMEP, 0, 0x10},
        {MODE_LONG, PAE, LMA, 0},   {MODE_LONG, PAE, LMA | NXE, 0x10},
    };
    struct guest guest;
    struct walk_result result;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        build(&guest, cases[i].mode, 0x1000, 12, 0);
        put(&guest, 0, 0);
        guest.state.cr4 = cases[i].cr4;
        guest.state.efer = cases[i].efer;
        assert_int_equal(do_walk(&guest, 0x1000, WALK_FETCH, &result), -EPERM);
        assert_int_equal(result.error_code, cases[i].code);
    }
}

static void check_reserved(enum mode mode, unsigned shift, unsigned level,
                           uint64_t efer, uint64_t expected)
{
    struct guest guest;
    struct walk_result result;
    unsigned bit;

    for (bit = 1; bit < modes[mode].size * 8; bit++) {
        uint64_t flag = 1ULL << bit;

        build(&guest, mode, 0x7654321, shift, 0);
        guest.state.efer = efer;
        if (flag == PS && !(expected & PS))
            continue; /* it makes another kind of entry */
        put(&guest, level, get(&guest, level) | flag);
        do_walk(&guest, 0x7654321, WALK_WRITE, &result);
        if (expected & flag)
            assert_int_equal(result.error_code, 0xB);
        else
            assert_int_equal(result.error_code & 8, 0);
    }
}

static void reserved_bits(void **state)
{
    const uint64_t address = ONES(51, 39);
    unsigned level;

    (void)state;
    check_reserved(MODE_32, 12, 0, 0, 0);
    check_reserved(MODE_32, 12, 1, 0, 0);
    check_reserved(MODE_32, 22, 0, 0, ONES(21, 20));
    check_reserved(MODE_PAE, 12, 0, NXE,
                   ONES(63, 39) | ONES(8, 5) | ONES(2, 1));
    check_reserved(MODE_PAE, 12, 1, NXE, ONES(62, 39));
    check_reserved(MODE_PAE, 12, 2, NXE, ONES(62, 39));
    check_reserved(MODE_PAE, 12, 2, 0, ONES(63, 39));
    check_reserved(MODE_PAE, 21, 1, NXE, ONES(62, 39) | ONES(20, 13));
    check_reserved(MODE_LONG, 12, 0, LMA | NXE, address | PS);
    for (level = 1; level < 4; level++)
        check_reserved(MODE_LONG, 12, level, LMA | NXE, address);
    for (level = 1; level < 4; level++)
        check_reserved(MODE_LONG, 12, level, LMA, address | NX);
    check_reserved(MODE_LONG, 21, 2, LMA | NXE, address | ONES(20, 13));
    check_reserved(MODE_LONG, 30, 1, LMA | NXE, address | ONES(29, 13));
    check_reserved(MODE_LONG, 30, 1, LMA, address | ONES(29, 13) | NX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permissions),   cmocka_unit_test(rights_combine),
        cmocka_unit_test(not_present),   cmocka_unit_test(fetch_bit),
        cmocka_unit_test(reserved_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
