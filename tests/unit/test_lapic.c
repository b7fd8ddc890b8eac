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

#define STEPS   1000000
#define RATIO   80
#define XAPIC   false
#define X2APIC  true

#define BASE_X2 0xfee00c00ull
#define BASE_X  0xfee00800ull
#define BASE_NO 0xfee00000ull

/* xorshift64: the same walk on every run. */
static uint64_t random_state = 88172645463325252ull;

static uint64_t random64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static struct lapic_effect put(struct lapic *l, uint32_t offset, uint64_t value)
{
    struct lapic_effect effect;

    assert_int_equal(lapic_write(l, offset, value, 0, &effect), 0);
    return effect;
}

static uint64_t get(struct lapic *l, uint32_t offset)
{
    uint64_t value;

    assert_int_equal(lapic_read(l, offset, 0, &value), 0);
    return value;
}

static int read_msr(struct lapic *l, uint32_t msr, uint64_t now,
                    uint64_t *value)
{
    return lapic_has_msr(l, msr)
               ? lapic_read(l, lapic_msr_offset(msr), now, value)
               : -EINVAL;
}

static int write_msr(struct lapic *l, uint32_t msr, uint64_t value,
                     uint64_t now, struct lapic_effect *e)
{
    return lapic_has_msr(l, msr)
               ? lapic_write(l, lapic_msr_offset(msr), value, now, e)
               : -EINVAL;
}

/* Enabled by software, with an id of 3. */
static struct lapic fresh(bool x2apic)
{
    struct lapic l;

    lapic_reset(&l, 3, x2apic, RATIO);
    put(&l, LAPIC_SVR, 0x1ff);
    return l;
}

/* ESR, as a guest asks for it. */
static uint64_t errors(struct lapic *l)
{
    put(l, LAPIC_ESR, 0);
    return get(l, LAPIC_ESR);
}

static void test_reset(void **state)
{
    static const struct {
        uint32_t offset;
        uint32_t xapic, x2apic;
    } rows[] = {
        {LAPIC_ID, 0x13000000, 0x13},
        {LAPIC_VER, 0x50014, 0x50014},
        {LAPIC_TPR, 0, 0},
        {LAPIC_PPR, 0, 0},
        {LAPIC_LDR, 0, 0x10008},
        {LAPIC_SVR, 0xff, 0xff},
        {LAPIC_ISR + 0x70, 0, 0},
        {LAPIC_TMR, 0, 0},
        {LAPIC_IRR + 0x30, 0, 0},
        {LAPIC_ESR, 0, 0},
        {LAPIC_ICR, 0, 0},
        {LAPIC_LVT_TIMER, 0x10000, 0x10000},
        {LAPIC_LVT_THERMAL, 0x10000, 0x10000},
        {LAPIC_LVT_PERF, 0x10000, 0x10000},
        {LAPIC_LVT_LINT0, 0x10000, 0x10000},
        {LAPIC_LVT_LINT1, 0x10000, 0x10000},
        {LAPIC_LVT_ERROR, 0x10000, 0x10000},
        {LAPIC_INITIAL_COUNT, 0, 0},
        {LAPIC_CURRENT_COUNT, 0, 0},
        {LAPIC_DIVIDE, 0, 0},
    };
    struct lapic x, x2;
    (void)state;

    lapic_reset(&x, 0x13, XAPIC, RATIO);
    lapic_reset(&x2, 0x13, X2APIC, RATIO);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(get(&x, rows[i].offset), rows[i].xapic);
        assert_int_equal(get(&x2, rows[i].offset), rows[i].x2apic);
    }
    assert_int_equal(get(&x, LAPIC_DFR), 0xffffffff);
    assert_int_equal(x.base, BASE_X);
    assert_int_equal(x2.base, BASE_X2);
    assert_int_equal(lapic_timer_next(&x), LAPIC_NEVER);
    lapic_reset(&x2, 0, X2APIC, 0);
    assert_int_equal(x2.base, BASE_X2 | LAPIC_BASE_BSP);
    assert_int_equal(x2.tsc_per_count, 1);
}

static void test_base_transitions(void **state)
{
    /* SDM vol. 3, figure 11-27: from each state to each state. */
    static const struct {
        uint64_t from, to;
        int result;
    } rows[] = {
        {BASE_NO, BASE_NO, 0},
        {BASE_NO, BASE_X, 0},
        {BASE_NO, BASE_X2, -EINVAL},
        {BASE_NO, 0xfee00400, -EINVAL},
        {BASE_X, BASE_NO, 0},
        {BASE_X, BASE_X, 0},
        {BASE_X, BASE_X2, 0},
        {BASE_X, 0xfee00400, -EINVAL},
        {BASE_X2, BASE_NO, 0},
        {BASE_X2, BASE_X, -EINVAL},
        {BASE_X2, BASE_X2, 0},
        {BASE_X2, 0xfee00400, -EINVAL},
        {BASE_X, BASE_X | 1, -EINVAL},
        {BASE_X, BASE_X | 0x200, -EINVAL},
        {BASE_X, BASE_X | 0x100, 0},
        {BASE_X, 0xfed00800, -EINVAL},
        {BASE_X, 0, -EINVAL},
        {BASE_X, UINT64_MAX, -EINVAL},
        {BASE_X, BASE_X | 1ull << 63, -EINVAL},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lapic l = fresh(rows[i].from == BASE_X2);

        if (rows[i].from == BASE_NO)
            assert_int_equal(lapic_write_base(&l, BASE_NO), 0);
        assert_int_equal(l.base, rows[i].from);
        assert_int_equal(lapic_write_base(&l, rows[i].to), rows[i].result);
        assert_int_equal(l.base,
                         rows[i].result == 0 ? rows[i].to : rows[i].from);
    }
}

static void test_mode_change_keeps_registers(void **state)
{
    struct lapic l = fresh(XAPIC);
    (void)state;

    put(&l, LAPIC_TPR, 0x20);
    put(&l, LAPIC_LDR, 0x40000000);
    put(&l, LAPIC_ICR_HIGH, 0x07000000);
    lapic_deliver(&l, 0x55, true);
    assert_int_equal(get(&l, LAPIC_ID), 0x03000000);
    assert_int_equal(lapic_write_base(&l, BASE_X2), 0);
    assert_int_equal(get(&l, LAPIC_ID), 3);
    assert_int_equal(get(&l, LAPIC_LDR), 8);
    assert_int_equal(get(&l, LAPIC_TPR), 0x20);
    assert_int_equal(get(&l, LAPIC_ICR), 0);
    assert_int_equal(lapic_pending(&l), 0x55);
}

static void test_disable_resets(void **state)
{
    struct lapic l = fresh(X2APIC);
    uint64_t value;
    (void)state;

    lapic_deliver(&l, 0x55, false);
    put(&l, LAPIC_LVT_TIMER, 0x40);
    put(&l, LAPIC_INITIAL_COUNT, 1000);
    assert_int_not_equal(lapic_timer_next(&l), LAPIC_NEVER);
    assert_int_equal(lapic_write_base(&l, BASE_NO), 0);
    assert_int_equal(lapic_timer_next(&l), LAPIC_NEVER);
    assert_int_equal(lapic_pending(&l), -1);
    assert_false(lapic_deliver(&l, 0x55, false));
    assert_false(lapic_matches(&l, APIC_BROADCAST, APIC_PHYSICAL));
    put(&l, LAPIC_SVR, 0x1ff); /* goes nowhere */
    assert_int_equal(get(&l, LAPIC_SVR), 0xffffffff);
    assert_int_equal(read_msr(&l, 0x80f, 0, &value), -EINVAL);
    assert_int_equal(lapic_write_base(&l, BASE_X), 0);
    assert_int_equal(get(&l, LAPIC_SVR), 0xff);
    assert_int_equal(get(&l, LAPIC_ID), 0x03000000);
    assert_int_equal(lapic_highest_irr(&l), -1);
}

/* Every offset in both modes: who may read and write it. */
static void test_access_rights(void **state)
{
    /* One letter for each 16 bytes from 0: r, w, b(oth), or - (reserved). */
    static const char *rows[] = {
        [XAPIC] = "--rr----brrwrbbbrrrrrrrrrrrrrrrrrrrrrrrrb-------"
                  "bbbbbbbbbr----b-",
        [X2APIC] = "--rr----b-rw-r-brrrrrrrrrrrrrrrrrrrrrrrrb-------"
                   "b-bbbbbbbr----bw",
    };
    (void)state;

    for (unsigned mode = 0; mode < 2; mode++) {
        for (uint32_t offset = 0; offset < 0x1010; offset++) {
            struct lapic l = fresh(mode == X2APIC);
            bool exists = offset % 16 == 0 && offset < 0x400;
            char right = exists ? rows[mode][offset / 16] : '-';
            bool readable = right == 'r' || right == 'b';
            bool writable = right == 'w' || right == 'b';
            struct lapic_effect effect;
            uint64_t value;
            int got = lapic_read(&l, offset, 0, &value);
            int put_zero = lapic_write(&l, offset, 0, 0, &effect);

            if (mode == X2APIC) {
                assert_int_equal(got, readable ? 0 : -EINVAL);
                assert_int_equal(put_zero, writable ? 0 : -EINVAL);
            } else {
                assert_int_equal(got, 0);
                assert_int_equal(put_zero, 0);
                assert_true(readable || value == 0);
                if (offset != LAPIC_ESR && offset != LAPIC_ICR &&
                    offset != LAPIC_SVR)
                    assert_int_equal(errors(&l), right == '-' ? 0x80 : 0);
            }
        }
    }
}

static void test_writable_bits(void **state)
{
    /* What xAPIC mode keeps of all ones; any other bit is #GP in x2APIC. */
    static const struct {
        uint32_t offset, kept, tolerated;
    } rows[] = {
        {LAPIC_TPR, 0xff, 0},
        {LAPIC_SVR, 0x3ff, 0},
        {LAPIC_LVT_TIMER, 0x700ff, 0x1000},
        {LAPIC_LVT_THERMAL, 0x107ff, 0x1000},
        {LAPIC_LVT_PERF, 0x107ff, 0x1000},
        {LAPIC_LVT_LINT0, 0x1a7ff, 0x5000},
        {LAPIC_LVT_LINT1, 0x1a7ff, 0x5000},
        {LAPIC_LVT_ERROR, 0x100ff, 0x1000},
        {LAPIC_INITIAL_COUNT, 0xffffffff, 0},
        {LAPIC_DIVIDE, 0xb, 0},
        {LAPIC_ESR, 0, 0},
        {LAPIC_ICR, 0xcc7ff | 0x800, 0x1000},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lapic x = fresh(XAPIC);
        struct lapic_effect effect;

        put(&x, rows[i].offset, UINT64_MAX);
        assert_int_equal(get(&x, rows[i].offset), rows[i].kept);
        for (unsigned bit = 0; bit < 64; bit++) {
            struct lapic l = fresh(X2APIC);
            uint64_t value = 1ull << bit;
            bool icr_dest = rows[i].offset == LAPIC_ICR && bit >= 32;
            bool good = value & (rows[i].kept | rows[i].tolerated) || icr_dest;
            struct lapic before = l;

            assert_int_equal(lapic_write(&l, rows[i].offset, value, 0, &effect),
                             good ? 0 : -EINVAL);
            if (good)
                assert_int_equal(get(&l, rows[i].offset),
                                 icr_dest ? value : value & rows[i].kept);
            else
                assert_memory_equal(&l, &before, sizeof(l));
        }
    }
}

static void test_destination_registers(void **state)
{
    struct lapic l = fresh(XAPIC);
    (void)state;

    put(&l, LAPIC_LDR, 0xffffffff);
    assert_int_equal(get(&l, LAPIC_LDR), 0xff000000);
    put(&l, LAPIC_DFR, 0);
    assert_int_equal(get(&l, LAPIC_DFR), 0x0fffffff);
    put(&l, LAPIC_ICR_HIGH, 0xffffffff);
    assert_int_equal(get(&l, LAPIC_ICR_HIGH), 0xff000000);
}

static void test_msr_numbers(void **state)
{
    static const struct {
        uint32_t msr;
        int read, write; /* of zero */
    } rows[] = {
        {0x802, 0, -EINVAL},
        {0x808, 0, 0},
        {0x80b, -EINVAL, 0},
        {0x80d, 0, -EINVAL},
        {0x80e, -EINVAL, -EINVAL},
        {0x82f, -EINVAL, -EINVAL},
        {0x830, 0, 0},
        {0x831, -EINVAL, -EINVAL},
        {0x839, 0, -EINVAL},
        {0x83f, -EINVAL, 0},
        {0x840, -EINVAL, -EINVAL},
        {0x8ff, -EINVAL, -EINVAL},
        {0x900, -EINVAL, -EINVAL},
        {0x7ff, -EINVAL, -EINVAL},
        {0x1808, -EINVAL, -EINVAL},
        {UINT32_MAX, -EINVAL, -EINVAL},
        {0x10000802, -EINVAL, -EINVAL},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lapic l = fresh(X2APIC), x = fresh(XAPIC);
        struct lapic_effect effect;
        uint64_t value;

        assert_int_equal(read_msr(&l, rows[i].msr, 0, &value), rows[i].read);
        assert_int_equal(write_msr(&l, rows[i].msr, 0, 0, &effect),
                         rows[i].write);
        assert_int_equal(read_msr(&x, rows[i].msr, 0, &value), -EINVAL);
        assert_int_equal(write_msr(&x, rows[i].msr, 0, 0, &effect), -EINVAL);
    }
}

static void test_priorities(void **state)
{
    /* TPR, a vector in service (0: none): PPR, and what of 0x31, 0x42 and
     * 0x4f is then delivered. */
    static const struct {
        uint8_t tpr, in_service, ppr;
        int pending;
    } rows[] = {
        {0x00, 0, 0x00, 0x4f},    {0x35, 0, 0x35, 0x4f},
        {0x40, 0, 0x40, -1},      {0x3f, 0x20, 0x3f, 0x4f},
        {0x00, 0x31, 0x30, 0x4f}, {0x00, 0x41, 0x40, -1},
        {0x33, 0x34, 0x33, 0x4f}, {0xff, 0, 0xff, -1},
        {0x4f, 0x51, 0x50, -1},   {0x10, 0xff, 0xf0, -1},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lapic l = fresh(X2APIC);

        if (rows[i].in_service) {
            assert_true(lapic_deliver(&l, rows[i].in_service, false));
            lapic_accept(&l, rows[i].in_service);
            assert_int_equal(lapic_highest_isr(&l), rows[i].in_service);
        }
        put(&l, LAPIC_TPR, rows[i].tpr);
        assert_int_equal(lapic_pending(&l), -1);
        lapic_deliver(&l, 0x31, false);
        lapic_deliver(&l, 0x4f, false);
        lapic_deliver(&l, 0x42, false);
        assert_int_equal(get(&l, LAPIC_PPR), rows[i].ppr);
        assert_int_equal(lapic_reg(&l, LAPIC_PPR), rows[i].ppr);
        assert_int_equal(lapic_highest_irr(&l), 0x4f);
        assert_int_equal(lapic_pending(&l), rows[i].pending);
    }
}

static void test_accept_and_eoi(void **state)
{
    struct lapic l = fresh(X2APIC);
    bool level = true;
    (void)state;

    assert_int_equal(lapic_eoi(&l, &level), -1);
    assert_false(level);
    lapic_accept(&l, 0x40); /* not in IRR */
    assert_int_equal(lapic_highest_isr(&l), -1);
    lapic_deliver(&l, 0x40, true);
    lapic_deliver(&l, 0x80, false);
    lapic_accept(&l, 0x40);
    assert_int_equal(get(&l, LAPIC_ISR + 0x20), 1);
    assert_int_equal(get(&l, LAPIC_IRR + 0x20), 0);
    assert_int_equal(get(&l, LAPIC_TMR + 0x20), 1);
    assert_int_equal(lapic_pending(&l), 0x80);
    lapic_accept(&l, 0x80);
    assert_int_equal(lapic_reg(&l, LAPIC_PPR), 0x80);
    assert_int_equal(put(&l, LAPIC_EOI, 0).eoi_vector, -1); /* an edge */
    assert_int_equal(lapic_reg(&l, LAPIC_PPR), 0x40);
    assert_int_equal(put(&l, LAPIC_EOI, 0).eoi_vector, 0x40);
    assert_int_equal(lapic_reg(&l, LAPIC_PPR), 0);
    assert_int_equal(put(&l, LAPIC_EOI, 0).eoi_vector, -1);
    lapic_deliver(&l, 0x40, false); /* now an edge: TMR falls */
    assert_int_equal(get(&l, LAPIC_TMR + 0x20), 0);
}

static void test_every_vector(void **state)
{
    (void)state;

    for (unsigned v = 0; v < 256; v++) {
        struct lapic l = fresh(X2APIC);
        bool level;

        if (v < 16) {
            assert_false(lapic_deliver(&l, (uint8_t)v, false));
            assert_int_equal(lapic_highest_irr(&l), -1);
            assert_int_equal(errors(&l), 0x40);
            continue;
        }
        assert_true(lapic_deliver(&l, (uint8_t)v, true));
        assert_int_equal(lapic_highest_irr(&l), v);
        assert_int_equal(get(&l, LAPIC_IRR + v / 32 * 16), 1u << v % 32);
        assert_int_equal(lapic_pending(&l), v);
        lapic_accept(&l, (uint8_t)v);
        assert_int_equal(lapic_highest_irr(&l), -1);
        assert_int_equal(lapic_highest_isr(&l), v);
        assert_int_equal(lapic_eoi(&l, &level), v);
        assert_true(level);
        assert_int_equal(lapic_highest_isr(&l), -1);
    }
}

static void test_software_disable(void **state)
{
    struct lapic l = fresh(X2APIC);
    (void)state;

    put(&l, LAPIC_LVT_TIMER, 0x40);
    put(&l, LAPIC_LVT_LINT1, 0x400);
    lapic_deliver(&l, 0x50, false);
    put(&l, LAPIC_SVR, 0xff);
    assert_int_equal(get(&l, LAPIC_LVT_TIMER), 0x10040);
    assert_int_equal(get(&l, LAPIC_LVT_LINT1), 0x10400);
    assert_int_equal(get(&l, LAPIC_LVT_ERROR), 0x10000);
    assert_false(lapic_deliver(&l, 0x60, false));
    assert_int_equal(lapic_pending(&l), 0x50); /* was accepted before */
    put(&l, LAPIC_LVT_TIMER, 0x41);
    assert_int_equal(get(&l, LAPIC_LVT_TIMER), 0x10041);
    put(&l, LAPIC_SVR, 0x1ff);
    assert_int_equal(get(&l, LAPIC_LVT_TIMER), 0x10041);
    put(&l, LAPIC_LVT_TIMER, 0x41);
    assert_int_equal(get(&l, LAPIC_LVT_TIMER), 0x41);
}

static void test_cr8(void **state)
{
    struct lapic l = fresh(X2APIC);
    (void)state;

    put(&l, LAPIC_TPR, 0x5c);
    assert_int_equal(lapic_cr8(&l), 5);
    assert_int_equal(lapic_reg(&l, LAPIC_PPR), 0x5c);
    lapic_set_reg(&l, LAPIC_TPR, 0x70); /* as the processor may */
    assert_int_equal(get(&l, LAPIC_PPR), 0x70);
    lapic_set_cr8(&l, 0xfffffff9);
    assert_int_equal(get(&l, LAPIC_TPR), 0x90);
    assert_int_equal(lapic_reg(&l, LAPIC_PPR), 0x90);
    assert_int_equal(lapic_cr8(&l), 9);
}

static void test_errors(void **state)
{
    struct lapic l = fresh(XAPIC);
    (void)state;

    put(&l, LAPIC_LVT_ERROR, 0xfe);
    get(&l, 0x3f0);
    assert_int_equal(lapic_pending(&l), 0xfe);
    lapic_accept(&l, 0xfe);
    get(&l, 0x040); /* flagged already: no second interrupt */
    assert_int_equal(lapic_highest_irr(&l), -1);
    assert_int_equal(get(&l, LAPIC_ESR), 0); /* until ESR is written */
    assert_int_equal(errors(&l), 0x80);
    assert_int_equal(errors(&l), 0);
    put(&l, 0x400, 0);
    lapic_deliver(&l, 15, false);
    assert_int_equal(errors(&l), 0xc0);
    assert_int_equal(lapic_highest_irr(&l), 0xfe);
}

static void test_error_vector_illegal(void **state)
{
    struct lapic l = fresh(XAPIC);
    (void)state;

    put(&l, LAPIC_LVT_ERROR, 0x0f);
    get(&l, 0x3f0);
    assert_int_equal(lapic_highest_irr(&l), -1);
    assert_int_equal(errors(&l), 0xc0);
    put(&l, LAPIC_LVT_ERROR, 0x100fe);
    get(&l, 0x3f0);
    assert_int_equal(lapic_highest_irr(&l), -1); /* masked */
}

static void test_icr(void **state)
{
    static const struct {
        uint32_t icr;
        enum lapic_targets targets;
        uint8_t mode;
        bool self;
        uint8_t esr;
    } rows[] = {
        {0x000fd, LAPIC_MATCHING, APIC_FIXED, false, 0},
        {0x048fd, LAPIC_MATCHING, APIC_FIXED, false, 0},
        {0x001fd, LAPIC_MATCHING, APIC_LOWEST, false, 0},
        {0x002fd, LAPIC_MATCHING, APIC_SMI, false, 0},
        {0x00400, LAPIC_MATCHING, APIC_NMI, false, 0},
        {0x04500, LAPIC_MATCHING, APIC_INIT, false, 0},
        {0x0c500, LAPIC_MATCHING, APIC_INIT, false, 0},
        {0x08500, LAPIC_NOBODY, 0, false, 0}, /* INIT de-assert */
        {0x00500, LAPIC_MATCHING, APIC_INIT, false, 0},
        {0x00608, LAPIC_MATCHING, APIC_STARTUP, false, 0},
        {0x003fd, LAPIC_NOBODY, 0, false, 0},
        {0x007fd, LAPIC_NOBODY, 0, false, 0},
        {0x0000f, LAPIC_NOBODY, 0, false, 0x20},
        {0x0010f, LAPIC_NOBODY, 0, false, 0x20},
        {0x400fd, LAPIC_NOBODY, APIC_FIXED, true, 0},
        {0x4000f, LAPIC_NOBODY, 0, false, 0x20},
        {0x401fd, LAPIC_NOBODY, 0, false, 0},
        {0x404fd, LAPIC_NOBODY, 0, false, 0},
        {0x800fd, LAPIC_OTHERS, APIC_FIXED, true, 0},
        {0x804fd, LAPIC_NOBODY, 0, false, 0},
        {0xc00fd, LAPIC_OTHERS, APIC_FIXED, false, 0},
        {0xc0400, LAPIC_OTHERS, APIC_NMI, false, 0},
        {0xc0608, LAPIC_OTHERS, APIC_STARTUP, false, 0},
    };
    (void)state;

    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t icr = rows[i / 2].icr;
        struct lapic l = fresh(i % 2);
        struct lapic_effect e;

        put(&l, i % 2 ? LAPIC_TPR : LAPIC_ICR_HIGH, i % 2 ? 0 : 5u << 24);
        e = put(&l, LAPIC_ICR, i % 2 ? 5ull << 32 | icr : icr);
        assert_int_equal(e.targets, rows[i / 2].targets);
        assert_int_equal(lapic_highest_irr(&l), rows[i / 2].self ? 0xfd : -1);
        assert_int_equal(errors(&l), rows[i / 2].esr);
        assert_int_equal(get(&l, LAPIC_ICR), i % 2 ? 5ull << 32 | icr : icr);
        if (e.targets == LAPIC_NOBODY)
            continue;
        assert_int_equal(e.message.vector, icr & 0xff);
        assert_int_equal(e.message.delivery_mode, rows[i / 2].mode);
        assert_int_equal(e.message.dest_mode, icr >> 11 & 1);
        assert_int_equal(e.message.trigger_level, 0);
        assert_int_equal(e.message.dest, 5);
    }
}

/* As the processor reads it with APIC-register virtualization. */
static void test_icr_in_the_page(void **state)
{
    struct lapic l = fresh(X2APIC);
    (void)state;

    put(&l, LAPIC_ICR, 0x12345678000000fdull);
    assert_int_equal(l.regs[0x300 / 4], 0xfd);
    assert_int_equal(l.regs[0x304 / 4], 0x12345678);
    assert_int_equal(l.regs[0x310 / 4], 0);
}

static void test_broadcast(void **state)
{
    struct lapic x = fresh(XAPIC), x2 = fresh(X2APIC);
    (void)state;

    put(&x, LAPIC_ICR_HIGH, 0xff000000);
    assert_int_equal(put(&x, LAPIC_ICR, 0xfd).message.dest, APIC_BROADCAST);
    assert_int_equal(put(&x2, LAPIC_ICR, 0xff000000fdull).message.dest, 0xff);
}

static void test_self_ipi(void **state)
{
    struct lapic l = fresh(X2APIC);
    struct lapic_effect effect;
    (void)state;

    assert_int_equal(put(&l, LAPIC_SELF_IPI, 0x77).targets, LAPIC_NOBODY);
    assert_int_equal(lapic_pending(&l), 0x77);
    assert_int_equal(lapic_write(&l, LAPIC_SELF_IPI, 0x177, 0, &effect),
                     -EINVAL);
    put(&l, LAPIC_SELF_IPI, 0x0f);
    assert_int_equal(errors(&l), 0x20);
}

static void test_matches(void **state)
{
    static const struct {
        uint32_t id;
        bool x2apic;
        uint32_t ldr, dfr;
        uint32_t dest;
        uint8_t mode;
        bool matches;
    } rows[] = {
        {3, XAPIC, 0, ~0u, 3, APIC_PHYSICAL, true},
        {3, XAPIC, 0, ~0u, 4, APIC_PHYSICAL, false},
        {3, XAPIC, 0, ~0u, 0x103, APIC_PHYSICAL, false},
        {3, XAPIC, 0, ~0u, ~0u, APIC_PHYSICAL, true},
        {3, XAPIC, 0, ~0u, ~0u, APIC_LOGICAL, true},
        {3, XAPIC, 0x04, ~0u, 0x0c, APIC_LOGICAL, true},
        {3, XAPIC, 0x04, ~0u, 0x03, APIC_LOGICAL, false},
        {3, XAPIC, 0x24, 0, 0x2c, APIC_LOGICAL, true},
        {3, XAPIC, 0x24, 0, 0x3c, APIC_LOGICAL, false},
        {3, XAPIC, 0x24, 0, 0x23, APIC_LOGICAL, false},
        {3, XAPIC, 0x24, 7u << 28, 0x24, APIC_LOGICAL, false},
        {3, X2APIC, 0, 0, 3, APIC_PHYSICAL, true},
        {3, X2APIC, 0, 0, 0xff, APIC_PHYSICAL, false},
        {0x103, X2APIC, 0, 0, 0x103, APIC_PHYSICAL, true},
        {0x103, X2APIC, 0, 0, 3, APIC_PHYSICAL, false},
        {0x103, X2APIC, 0, 0, ~0u, APIC_PHYSICAL, true},
        {0x103, X2APIC, 0, 0, 0x10000c, APIC_LOGICAL, true},
        {0x103, X2APIC, 0, 0, 0x100004, APIC_LOGICAL, false},
        {0x103, X2APIC, 0, 0, 0x100008, APIC_LOGICAL, true},
        {0x103, X2APIC, 0, 0, 0x00000c, APIC_LOGICAL, false},
        {0x1f, X2APIC, 0, 0, 0x18000, APIC_LOGICAL, true},
        {3, X2APIC, 0, 0, ~0u, APIC_LOGICAL, true},
        {3, X2APIC, 0, 0, 8, 0xff, false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lapic l;

        lapic_reset(&l, rows[i].id, rows[i].x2apic, RATIO);
        if (!rows[i].x2apic) {
            put(&l, LAPIC_LDR, rows[i].ldr << 24);
            put(&l, LAPIC_DFR, rows[i].dfr);
        }
        assert_int_equal(lapic_matches(&l, rows[i].dest, rows[i].mode),
                         rows[i].matches);
    }
}

static void check(struct lapic *l)
{
    uint64_t flags = LAPIC_BASE_BSP | LAPIC_BASE_EN | LAPIC_BASE_EXTD;
    bool disabled = !(lapic_reg(l, LAPIC_SVR) & LAPIC_SVR_ENABLED);

    assert_int_equal(l->base & ~flags, LAPIC_DEFAULT_BASE);
    assert_true((l->base & LAPIC_BASE_EN) || !(l->base & LAPIC_BASE_EXTD));
    assert_int_equal(lapic_reg(l, LAPIC_VER), LAPIC_VERSION);
    assert_int_equal(lapic_reg(l, LAPIC_ID),
                     lapic_is_x2apic(l) ? l->id : l->id << 24);
    assert_int_equal(l->regs[LAPIC_ISR / 4] & 0xffff, 0);
    assert_int_equal(l->regs[LAPIC_IRR / 4] & 0xffff, 0);
    assert_int_equal(l->errors & ~0xe0u, 0);
    for (unsigned r = LAPIC_LVT_TIMER; r <= LAPIC_LVT_ERROR; r += 16)
        assert_true(!disabled || (lapic_reg(l, r) & LAPIC_LVT_MASKED));
    if (lapic_pending(l) >= 0)
        assert_true(lapic_pending(l) >> 4 > lapic_highest_isr(l) >> 4);
    for (unsigned i = 0; i < LAPIC_PAGE_SIZE / 4; i++)
        assert_true(i % 4 == 0 || i == LAPIC_ICR_UPPER / 4 || !l->regs[i]);
}

static uint64_t random_value(void)
{
    uint64_t r = random64();
    unsigned shift = (unsigned)(random64() % 64);

    return random64() & 1 ? r >> shift : r & 0xff;
}

static void random_step(struct lapic *l, uint64_t now)
{
    uint64_t r = random64(), value = random_value();
    uint32_t offset = r & 0x100 ? (r >> 9 & 0x3f) * 16 : (uint32_t)value;
    struct lapic_effect e = {.eoi_vector = -1};
    int pending = lapic_pending(l);
    bool level;

    switch (r % 12) {
    case 0:
        lapic_read(l, offset, now, &value);
        break;
    case 1:
    case 2:
        lapic_write(l, offset, value, now, &e);
        break;
    case 3:
        read_msr(l, 0x800 + (r >> 16 & 0x7f), now, &value);
        break;
    case 4:
        write_msr(l, 0x800 + (r >> 16 & 0x7f), value, now, &e);
        break;
    case 5: /* mostly a valid address, now and then a software enable */
        if (r & 0xf0000)
            lapic_write(l, LAPIC_SVR, 0x1ff, now, &e);
        else
            lapic_write_base(l, LAPIC_DEFAULT_BASE | (r >> 20 & 0xf00));
        break;
    case 6:
        lapic_deliver(l, (uint8_t)value, r >> 20 & 1);
        break;
    case 7:
        if (pending >= 0) {
            lapic_accept(l, (uint8_t)pending);
            assert_int_equal(lapic_highest_isr(l), pending);
        }
        break;
    case 8:
        lapic_accept(l, (uint8_t)value);
        break;
    case 9:
        lapic_eoi(l, &level);
        break;
    case 10:
        lapic_write_deadline(l, now + value, now);
        break;
    default:
        lapic_set_cr8(l, value);
        lapic_matches(l, (uint32_t)r, (uint8_t)value);
        break;
    }
    assert_in_range(e.eoi_vector + 1, 0, 256);
    assert_true(e.targets == LAPIC_NOBODY || lapic_is_enabled(l));
}

static void test_random_walk(void **state)
{
    static struct lapic l;
    uint64_t now = 0;
    (void)state;

    lapic_reset(&l, 3, XAPIC, RATIO);
    for (int i = 0; i < STEPS; i++) {
        random_step(&l, now);
        if (i % 8 == 0)
            check(&l);
        now += random_value() >> 24;
        lapic_timer_poll(&l, now);
        assert_false(lapic_timer_poll(&l, now));
        assert_true(l.timer_at > now);
        if (i % 50000 == 0)
            lapic_reset(&l, 3, random64() & 1, (uint32_t)random_value());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_base_transitions),
        cmocka_unit_test(test_mode_change_keeps_registers),
        cmocka_unit_test(test_disable_resets),
        cmocka_unit_test(test_access_rights),
        cmocka_unit_test(test_writable_bits),
        cmocka_unit_test(test_destination_registers),
        cmocka_unit_test(test_msr_numbers),
        cmocka_unit_test(test_priorities),
        cmocka_unit_test(test_accept_and_eoi),
        cmocka_unit_test(test_every_vector),
        cmocka_unit_test(test_software_disable),
        cmocka_unit_test(test_cr8),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_error_vector_illegal),
        cmocka_unit_test(test_icr),
        cmocka_unit_test(test_icr_in_the_page),
        cmocka_unit_test(test_broadcast),
        cmocka_unit_test(test_self_ipi),
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_random_walk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
