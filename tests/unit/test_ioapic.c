/* sources: vmm/devices/ioapic.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/devices/ioapic.h"

#define STEPS  1000000
#define LEVEL  0x8000u
#define MASKED 0x10000u

/* xorshift64: the same walk on every run. */
static uint64_t random_state = 88172645463325252ull;

static uint64_t random64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void put(struct ioapic *io, unsigned reg, uint32_t value)
{
    ioapic_write(io, IOAPIC_REGSEL, 4, reg);
    ioapic_write(io, IOAPIC_WIN, 4, value);
}

static uint32_t get(struct ioapic *io, unsigned reg)
{
    ioapic_write(io, IOAPIC_REGSEL, 4, reg);
    return (uint32_t)ioapic_read(io, IOAPIC_WIN, 4);
}

static void put_rte(struct ioapic *io, unsigned pin, uint32_t low,
                    uint32_t high)
{
    put(io, IOAPIC_REG_RTE + 2 * pin + 1, high);
    put(io, IOAPIC_REG_RTE + 2 * pin, low);
}

static uint32_t get_rte(struct ioapic *io, unsigned pin)
{
    return get(io, IOAPIC_REG_RTE + 2 * pin);
}

static struct ioapic fresh(void)
{
    struct ioapic io;

    ioapic_reset(&io);
    return io;
}

/* Takes all messages; how many there were, and the last one. */
static int drain(struct ioapic *io, struct apic_message *last)
{
    int n = 0;

    while (ioapic_next(io, last)) {
        n++;
        assert_true(n <= IOAPIC_PINS);
    }
    return n;
}

static int drained(struct ioapic *io)
{
    struct apic_message last;

    return drain(io, &last);
}

static void test_registers(void **state)
{
    /* After a reset, and after a write of all ones. */
    static const struct {
        unsigned reg;
        uint32_t reset, written;
    } rows[] = {
        {0x00, 0, 0x0f000000}, {0x01, 0x00170011, 0x00170011},
        {0x02, 0, 0},          {0x03, 0, 0},
        {0x0f, 0, 0},          {0x10, 0x10000, 0x1afff},
        {0x11, 0, 0xff000000}, {0x3e, 0x10000, 0x1afff},
        {0x3f, 0, 0xff000000}, {0x40, 0, 0},
        {0xff, 0, 0},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ioapic io = fresh();

        assert_int_equal(get(&io, rows[i].reg), rows[i].reset);
        put(&io, rows[i].reg, 0xffffffff);
        assert_int_equal(get(&io, rows[i].reg), rows[i].written);
        assert_int_equal(ioapic_read(&io, IOAPIC_REGSEL, 4), rows[i].reg);
    }
}

static void test_arbitration_follows_id(void **state)
{
    struct ioapic io = fresh();
    (void)state;

    put(&io, IOAPIC_REG_ID, 0x05000000);
    assert_int_equal(get(&io, IOAPIC_REG_ARB), 0x05000000);
}

static void test_read_sizes(void **state)
{
    static const struct {
        uint64_t offset;
        unsigned size;
        uint64_t value;
    } rows[] = {
        {0x00, 4, 0x01},       {0x00, 1, 0x01},       {0x01, 1, 0},
        {0x10, 8, 0x00170011}, {0x10, 4, 0x00170011}, {0x10, 2, 0x0011},
        {0x12, 2, 0x0017},     {0x10, 1, 0x11},       {0x12, 1, 0x17},
        {0x13, 4, 0},          {0x10, 3, 0},          {0x10, 0, 0},
        {0x10, 16, 0},         {0x14, 4, 0},          {0x20, 4, 0},
        {0x40, 4, 0},          {0x1010, 4, 0},        {UINT64_MAX, 8, 0},
    };
    struct ioapic io = fresh();
    (void)state;

    ioapic_write(&io, IOAPIC_REGSEL, 4, IOAPIC_REG_VERSION);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(ioapic_read(&io, rows[i].offset, rows[i].size),
                         rows[i].value);
}

static void test_write_sizes(void **state)
{
    static const struct {
        uint64_t offset;
        unsigned size;
        uint32_t id; /* afterwards, after a write of 0x0a000000 */
    } rows[] = {
        {0x10, 4, 0x0a000000}, {0x10, 1, 0},   {0x10, 2, 0}, {0x10, 8, 0},
        {0x10, 0, 0},          {0x11, 4, 0},   {0x13, 1, 0}, {0x14, 4, 0},
        {0x40, 4, 0},          {0x1010, 4, 0},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ioapic io = fresh();

        ioapic_write(&io, rows[i].offset, rows[i].size, 0x0a000000);
        assert_int_equal(io.id, rows[i].id);
    }
}

static void test_select_sizes(void **state)
{
    struct ioapic io = fresh();
    (void)state;

    ioapic_write(&io, IOAPIC_REGSEL, 1, 0x1112);
    assert_int_equal(io.select, 0x12);
    ioapic_write(&io, IOAPIC_REGSEL, 2, 0x1113);
    assert_int_equal(io.select, 0x13);
    ioapic_write(&io, IOAPIC_REGSEL, 8, 0x14);
    ioapic_write(&io, IOAPIC_REGSEL + 1, 1, 0x15);
    assert_int_equal(io.select, 0x13);
}

static void test_message(void **state)
{
    static const struct {
        uint32_t low, high;
        struct apic_message message;
    } rows[] = {
        {0x0031, 0x00000000, {0x31, APIC_FIXED, APIC_PHYSICAL, 0, 0}},
        {0x0931, 0x03000000, {0x31, APIC_LOWEST, APIC_LOGICAL, 0, 3}},
        {0x8931, 0xff000000, {0x31, APIC_LOWEST, APIC_LOGICAL, 1, ~0u}},
        {0xa0ef, 0x7f000000, {0xef, APIC_FIXED, APIC_PHYSICAL, 1, 0x7f}},
        {0x0400, 0x01000000, {0, APIC_NMI, APIC_PHYSICAL, 0, 1}},
        {0x8400, 0x01000000, {0, APIC_NMI, APIC_PHYSICAL, 0, 1}},
        {0x0200, 0x01000000, {0, APIC_SMI, APIC_PHYSICAL, 0, 1}},
        {0x8500, 0x01000000, {0, APIC_INIT, APIC_PHYSICAL, 0, 1}},
        {0x0720, 0x01000000, {0x20, APIC_EXTINT, APIC_PHYSICAL, 0, 1}},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct apic_message *want = &rows[i].message;
        struct ioapic io = fresh();
        struct apic_message got;

        put_rte(&io, 4, rows[i].low, rows[i].high);
        ioapic_set_pin(&io, 4, true);
        assert_int_equal(drain(&io, &got), 1);
        assert_int_equal(got.vector, want->vector);
        assert_int_equal(got.delivery_mode, want->delivery_mode);
        assert_int_equal(got.dest_mode, want->dest_mode);
        assert_int_equal(got.trigger_level, want->trigger_level);
        assert_int_equal(got.dest, want->dest);
    }
}

static void test_reserved_modes(void **state)
{
    static const uint32_t rows[] = {0x331, 0x631, 0x8331, 0x8631};
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ioapic io = fresh();

        put_rte(&io, 4, rows[i], 0);
        ioapic_set_pin(&io, 4, true);
        assert_int_equal(drained(&io), 0);
        assert_int_equal(io.edges, 0);
    }
}

static void test_edge(void **state)
{
    struct ioapic io = fresh();
    (void)state;

    put_rte(&io, 4, 0x31, 0);
    ioapic_set_pin(&io, 4, true);
    assert_int_equal(get_rte(&io, 4), 0x1031); /* delivery pending */
    ioapic_set_pin(&io, 4, true);
    assert_int_equal(drained(&io), 1);
    assert_int_equal(get_rte(&io, 4), 0x31);
    ioapic_set_pin(&io, 4, true); /* no edge */
    ioapic_eoi(&io, 0x31);
    assert_int_equal(drained(&io), 0);
    ioapic_set_pin(&io, 4, false);
    assert_int_equal(drained(&io), 0);
    ioapic_set_pin(&io, 4, true);
    ioapic_set_pin(&io, 4, false); /* the edge stays */
    assert_int_equal(drained(&io), 1);
}

static void test_edge_while_masked(void **state)
{
    struct ioapic io = fresh();
    (void)state;

    put_rte(&io, 4, 0x31 | MASKED, 0);
    ioapic_set_pin(&io, 4, true);
    put_rte(&io, 4, 0x31, 0);
    assert_int_equal(drained(&io), 0);
    ioapic_set_pin(&io, 4, false);
    ioapic_set_pin(&io, 4, true);
    put_rte(&io, 4, 0x31 | MASKED, 0); /* before it was sent */
    assert_int_equal(drained(&io), 0);
    put_rte(&io, 4, 0x31, 0);
    assert_int_equal(drained(&io), 1);
}

static void test_level(void **state)
{
    struct ioapic io = fresh();
    (void)state;

    put_rte(&io, 9, 0x40 | LEVEL, 0);
    ioapic_set_pin(&io, 9, true);
    assert_int_equal(drained(&io), 1);
    assert_int_equal(get_rte(&io, 9), 0xc040); /* remote IRR */
    assert_int_equal(drained(&io), 0);
    ioapic_eoi(&io, 0x41);
    assert_int_equal(drained(&io), 0);
    ioapic_eoi(&io, 0x40);
    assert_int_equal(drained(&io), 1); /* still asserted */
    ioapic_set_pin(&io, 9, false);
    ioapic_eoi(&io, 0x40);
    assert_int_equal(get_rte(&io, 9), 0x8040);
    assert_int_equal(drained(&io), 0);
    ioapic_set_pin(&io, 9, true);
    put_rte(&io, 9, 0x40 | LEVEL | MASKED, 0);
    assert_int_equal(drained(&io), 0);
    put_rte(&io, 9, 0x40 | LEVEL, 0);
    assert_int_equal(drained(&io), 1);
}

/* A guest clears remote IRR by a switch to edge and back. */
static void test_remote_irr_cleared(void **state)
{
    struct ioapic io = fresh();
    (void)state;

    put_rte(&io, 9, 0x40 | LEVEL, 0);
    ioapic_set_pin(&io, 9, true);
    assert_int_equal(drained(&io), 1);
    put_rte(&io, 9, 0x40 | LEVEL | MASKED, 0);
    assert_int_equal(get_rte(&io, 9), 0x40 | LEVEL | MASKED | 0x4000);
    put_rte(&io, 9, 0x40 | MASKED, 0);
    put_rte(&io, 9, 0x40 | LEVEL, 0);
    assert_int_equal(get_rte(&io, 9), 0x8040);
    assert_int_equal(drained(&io), 1);
}

static void test_edge_turned_level(void **state)
{
    struct ioapic io = fresh();
    (void)state;

    put_rte(&io, 4, 0x31, 0);
    ioapic_set_pin(&io, 4, true);
    ioapic_set_pin(&io, 4, false);
    put_rte(&io, 4, 0x31 | LEVEL, 0);
    put_rte(&io, 4, 0x31, 0);
    assert_int_equal(drained(&io), 0);
}

static void test_eoi_of_shared_vector(void **state)
{
    struct ioapic io = fresh();
    (void)state;

    put_rte(&io, 0, 0x40 | LEVEL, 0);
    put_rte(&io, 23, 0x40 | LEVEL, 0);
    ioapic_set_pin(&io, 0, true);
    ioapic_set_pin(&io, 23, true);
    assert_int_equal(drained(&io), 2);
    ioapic_eoi(&io, 0x40);
    assert_int_equal(drained(&io), 2);
}

static void test_no_such_pin(void **state)
{
    struct ioapic io = fresh();
    (void)state;

    ioapic_set_pin(&io, IOAPIC_PINS, true);
    ioapic_set_pin(&io, 32, true);
    ioapic_set_pin(&io, ~0u, true);
    assert_int_equal(io.pins, 0);
}

static void check(const struct ioapic *io)
{
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        uint64_t rte = io->rte[pin];
        bool level = (rte & LEVEL) && ((rte >> 8) & 7) <= APIC_LOWEST;

        assert_true(level || !(rte & IOAPIC_RTE_REMOTE_IRR));
        assert_false(level && (io->edges >> pin & 1));
        assert_int_equal(rte & 0x00fffffffffe1000ull, 0);
    }
    assert_int_equal(io->pins >> IOAPIC_PINS, 0);
    assert_int_equal(io->edges >> IOAPIC_PINS, 0);
}

/* A drained I/O APIC has nothing left that it could send. */
static void check_drained(const struct ioapic *io)
{
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        uint64_t rte = io->rte[pin];
        bool level = (rte & LEVEL) && ((rte >> 8) & 7) <= APIC_LOWEST;

        if (rte & MASKED)
            continue;
        assert_false(io->edges >> pin & 1);
        if (level && (io->pins >> pin & 1))
            assert_true(rte & IOAPIC_RTE_REMOTE_IRR);
    }
}

static void test_random_walk(void **state)
{
    static const unsigned sizes[] = {1, 2, 4, 4, 4, 4, 8, 3};
    struct ioapic io = fresh();
    (void)state;

    for (int i = 0; i < STEPS; i++) {
        uint64_t r = random64();
        uint64_t offset = r & 0x100 ? (r >> 9 & 1) * 0x10 : r >> 10 & 0x3f;
        unsigned size = sizes[r >> 16 & 7];

        switch (r % 6) {
        case 0:
            ioapic_read(&io, offset, size);
            break;
        case 1:
            ioapic_write(&io, offset, size, random64());
            break;
        case 2:
            put(&io, r >> 20 & 0x3f, (uint32_t)random64() & ~0xf0u);
            break;
        case 3:
            ioapic_set_pin(&io, r >> 20 & 0x1f, r >> 25 & 1);
            break;
        case 4:
            ioapic_eoi(&io, (uint8_t)(r >> 20) & 0x0f);
            break;
        default:
            drained(&io);
            check_drained(&io);
            break;
        }
        check(&io);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registers),
        cmocka_unit_test(test_arbitration_follows_id),
        cmocka_unit_test(test_read_sizes),
        cmocka_unit_test(test_write_sizes),
        cmocka_unit_test(test_select_sizes),
        cmocka_unit_test(test_message),
        cmocka_unit_test(test_reserved_modes),
        cmocka_unit_test(test_edge),
        cmocka_unit_test(test_edge_while_masked),
        cmocka_unit_test(test_level),
        cmocka_unit_test(test_remote_irr_cleared),
        cmocka_unit_test(test_edge_turned_level),
        cmocka_unit_test(test_eoi_of_shared_vector),
        cmocka_unit_test(test_no_such_pin),
        cmocka_unit_test(test_random_walk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
