/* sources: vmm/devices/uart16550.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/devices/uart16550.h"

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

/* Writes a register; nothing may be sent. */
static void put(struct uart *u, unsigned reg, uint8_t value)
{
    uint8_t sent;

    assert_false(uart_write(u, reg, value, &sent));
}

static struct uart fresh(void)
{
    struct uart u;

    uart_reset(&u);
    return u;
}

/* A port as a driver opens it: FIFOs on, trigger at 8, interrupts let out. */
static struct uart opened(uint8_t ier)
{
    struct uart u = fresh();

    put(&u, UART_FCR, UART_FCR_ENABLE | 0x80);
    put(&u, UART_MCR, UART_MCR_OUT2 | UART_MCR_DTR | UART_MCR_RTS);
    uart_read(&u, UART_MSR);
    put(&u, UART_IER, ier);
    return u;
}

static void fill(struct uart *u, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        assert_true(uart_receive(u, (uint8_t)('a' + i)));
}

static void test_registers(void **state)
{
    /* After a reset: what reads as what, and what a write of 0xff leaves. */
    static const struct {
        unsigned reg;
        uint8_t reset, written;
    } rows[] = {
        {UART_DATA, 0, 0},      {UART_IER, 0, 0x0f}, {UART_IIR, 1, 0xc1},
        {UART_LCR, 0, 0xff},    {UART_MCR, 0, 0x1f}, {UART_LSR, 0x60, 0x60},
        {UART_MSR, 0xb0, 0xb0}, {UART_SCR, 0, 0xff},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct uart u = fresh();
        uint8_t sent;

        assert_int_equal(uart_read(&u, rows[i].reg), rows[i].reset);
        assert_int_equal(uart_write(&u, rows[i].reg, 0xff, &sent),
                         rows[i].reg == UART_DATA);
        assert_int_equal(uart_read(&u, rows[i].reg), rows[i].written);
        assert_int_equal(uart_read(&u, rows[i].reg + 8), rows[i].written);
    }
}

static void test_divisor_latch(void **state)
{
    struct uart u = fresh();
    (void)state;

    put(&u, UART_LCR, UART_LCR_DLAB);
    assert_int_equal(uart_read(&u, 0), 1);
    assert_int_equal(uart_read(&u, 1), 0);
    put(&u, 0, 0x34);
    put(&u, 1, 0x12);
    put(&u, UART_LCR, 3);
    assert_int_equal(uart_read(&u, UART_IER), 0);
    put(&u, UART_LCR, UART_LCR_DLAB | 3);
    assert_int_equal(uart_read(&u, 0), 0x34);
    assert_int_equal(uart_read(&u, 1), 0x12);
}

static void test_transmit(void **state)
{
    struct uart u = fresh();
    uint8_t sent = 0;
    (void)state;

    assert_true(uart_write(&u, UART_DATA, 'x', &sent));
    assert_int_equal(sent, 'x');
    assert_int_equal(uart_read(&u, UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
}

static void test_transmit_interrupt(void **state)
{
    struct uart u = opened(0);
    uint8_t sent;
    (void)state;

    assert_false(uart_irq(&u));
    put(&u, UART_IER, UART_IER_THRI);
    assert_true(uart_irq(&u));
    assert_int_equal(uart_read(&u, UART_IIR), UART_IIR_FIFO | UART_IIR_THRI);
    assert_false(uart_irq(&u)); /* reading it cleared it */
    assert_int_equal(uart_read(&u, UART_IIR), UART_IIR_FIFO | UART_IIR_NONE);
    put(&u, UART_IER, UART_IER_THRI); /* 1 to 1: not again */
    assert_false(uart_irq(&u));
    put(&u, UART_IER, 0);
    put(&u, UART_IER, UART_IER_THRI);
    assert_true(uart_irq(&u));
    uart_read(&u, UART_IIR);
    assert_true(uart_write(&u, UART_DATA, 'x', &sent));
    assert_true(uart_irq(&u)); /* empty again after the character */
    put(&u, UART_IER, 0);
    assert_false(uart_irq(&u));
}

static void test_receive_interrupt(void **state)
{
    static const struct {
        uint8_t fcr, characters, iir;
    } rows[] = {
        {0x00, 1, 0x04}, {0x01, 1, 0xc4}, {0x41, 3, 0xcc},  {0x41, 4, 0xc4},
        {0x81, 7, 0xcc}, {0x81, 8, 0xc4}, {0xc1, 13, 0xcc}, {0xc1, 14, 0xc4},
        {0xc1, 0, 0xc1}, {0xc0, 1, 0x04},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct uart u = opened(UART_IER_RDI);

        put(&u, UART_FCR, rows[i].fcr);
        fill(&u, rows[i].characters);
        assert_int_equal(uart_irq(&u), rows[i].characters > 0);
        assert_int_equal(uart_read(&u, UART_IIR), rows[i].iir);
        assert_int_equal(uart_irq(&u), rows[i].characters > 0);
        for (unsigned n = 0; n < rows[i].characters; n++)
            assert_int_equal(uart_read(&u, UART_DATA), 'a' + n);
        assert_false(uart_irq(&u));
    }
}

static void test_priorities(void **state)
{
    struct uart u = opened(0x0f);
    (void)state;

    uart_read(&u, UART_IIR); /* THRI, of the write to IER */
    put(&u, UART_MCR, 0x18);
    put(&u, UART_MCR, 0x0b); /* DSR and CTS fell and rose */
    put(&u, UART_IER, 0);
    put(&u, UART_IER, 0x0f);
    uart_break(&u);
    fill(&u, 7);
    assert_int_equal(uart_read(&u, UART_IIR), UART_IIR_FIFO | UART_IIR_RLSI);
    uart_read(&u, UART_LSR);
    assert_int_equal(uart_read(&u, UART_IIR), UART_IIR_FIFO | UART_IIR_RDI);
    for (int i = 0; i < 8; i++)
        uart_read(&u, UART_DATA);
    assert_int_equal(uart_read(&u, UART_IIR), UART_IIR_FIFO | UART_IIR_THRI);
    assert_int_equal(uart_read(&u, UART_IIR), UART_IIR_FIFO | UART_IIR_MSI);
    uart_read(&u, UART_MSR);
    assert_int_equal(uart_read(&u, UART_IIR), UART_IIR_FIFO | UART_IIR_NONE);
}

static void test_full_fifo(void **state)
{
    struct uart u = opened(0);
    (void)state;

    fill(&u, UART_FIFO_SIZE);
    assert_false(uart_receive(&u, '!'));
    assert_int_equal(uart_read(&u, UART_LSR), 0x61); /* nothing was lost */
    assert_int_equal(uart_read(&u, UART_DATA), 'a');
    assert_true(uart_receive(&u, '!'));
    for (int i = 1; i < UART_FIFO_SIZE; i++)
        assert_int_equal(uart_read(&u, UART_DATA), 'a' + i);
    assert_int_equal(uart_read(&u, UART_DATA), '!');
    assert_int_equal(uart_read(&u, UART_LSR), 0x60);
    assert_int_equal(uart_read(&u, UART_DATA), 0);
}

static void test_fifo_disabled(void **state)
{
    struct uart u = fresh();
    (void)state;

    assert_true(uart_receive(&u, 'a'));
    assert_false(uart_receive(&u, 'b'));
    assert_int_equal(uart_read(&u, UART_DATA), 'a');
    assert_true(uart_receive(&u, 'b'));
    put(&u, UART_FCR, UART_FCR_ENABLE); /* the switch clears */
    assert_int_equal(uart_read(&u, UART_LSR), 0x60);
    fill(&u, 3);
    put(&u, UART_FCR, UART_FCR_ENABLE | UART_FCR_CLEAR_TX);
    assert_int_equal(uart_read(&u, UART_LSR), 0x61);
    put(&u, UART_FCR, UART_FCR_ENABLE | UART_FCR_CLEAR_RX);
    assert_int_equal(uart_read(&u, UART_LSR), 0x60);
}

static void test_break(void **state)
{
    struct uart u = opened(UART_IER_RLSI);
    (void)state;

    fill(&u, 1);
    uart_break(&u);
    /* BI shows when its character is the oldest, not before. */
    assert_false(uart_irq(&u));
    assert_int_equal(uart_read(&u, UART_LSR), 0xe1);
    assert_int_equal(uart_read(&u, UART_DATA), 'a');
    assert_true(uart_irq(&u));
    assert_int_equal(uart_read(&u, UART_LSR), 0xf1);
    assert_false(uart_irq(&u));
    assert_int_equal(uart_read(&u, UART_LSR), 0x61);
    assert_int_equal(uart_read(&u, UART_DATA), 0);
    assert_int_equal(uart_read(&u, UART_LSR), 0x60);
}

static void test_break_lost(void **state)
{
    struct uart u = opened(UART_IER_RLSI);
    (void)state;

    fill(&u, UART_FIFO_SIZE);
    uart_break(&u);
    assert_true(uart_irq(&u));
    assert_int_equal(uart_read(&u, UART_LSR), 0x63);
    assert_int_equal(uart_read(&u, UART_LSR), 0x61);
}

static void test_out2_gates(void **state)
{
    struct uart u = opened(UART_IER_THRI);
    (void)state;

    assert_true(uart_irq(&u));
    put(&u, UART_MCR, UART_MCR_DTR);
    assert_false(uart_irq(&u));
    put(&u, UART_MCR, UART_MCR_OUT2 | UART_MCR_LOOP);
    assert_false(uart_irq(&u));
    put(&u, UART_MCR, UART_MCR_OUT2);
    assert_true(uart_irq(&u));
}

static void test_modem_lines(void **state)
{
    /* In loopback: outputs, then the lines with their changes since 0. */
    static const struct {
        uint8_t mcr, msr;
    } rows[] = {
        {0x10, 0x00}, {0x11, 0x22}, {0x12, 0x11},
        {0x14, 0x40}, {0x18, 0x88}, {0x1f, 0xfb},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct uart u = fresh();

        put(&u, UART_MCR, UART_MCR_LOOP);
        assert_int_equal(uart_read(&u, UART_MSR), 0x0b);
        put(&u, UART_MCR, rows[i].mcr);
        assert_int_equal(uart_read(&u, UART_MSR), rows[i].msr);
        assert_int_equal(uart_read(&u, UART_MSR), rows[i].msr & 0xf0);
        put(&u, UART_MCR, UART_MCR_LOOP);
        assert_int_equal(uart_read(&u, UART_MSR) & UART_MSR_TERI,
                         rows[i].msr & UART_MSR_RI ? UART_MSR_TERI : 0);
    }
}

/* What Linux's 8250 driver looks at to tell a 16550A from its relatives. */
static void test_linux_probe(void **state)
{
    struct uart u = fresh();
    (void)state;

    put(&u, UART_IER, 0);
    assert_int_equal(uart_read(&u, UART_IER) & 0x0f, 0);
    put(&u, UART_IER, 0x0f);
    assert_int_equal(uart_read(&u, UART_IER) & 0x0f, 0x0f);
    put(&u, UART_IER, 0);
    put(&u, UART_MCR, UART_MCR_LOOP | 0x0a);
    assert_int_equal(uart_read(&u, UART_MSR) & 0xf0, 0x90);
    put(&u, UART_MCR, 0);

    put(&u, UART_LCR, 0xbf); /* no extended feature register */
    put(&u, 2, 0);
    put(&u, UART_LCR, 0);
    put(&u, UART_FCR, UART_FCR_ENABLE);
    assert_int_equal(uart_read(&u, UART_IIR) >> 6, 3);
    put(&u, UART_LCR, 0xbf);
    assert_int_not_equal(uart_read(&u, 2), 0);
    put(&u, UART_LCR, 0xe0); /* no second bank */
    assert_int_equal(uart_read(&u, 2) & UART_MCR_LOOP, 0);
    put(&u, UART_LCR, UART_LCR_DLAB); /* no 64-byte FIFO */
    put(&u, UART_FCR, 0x21);
    assert_int_equal(uart_read(&u, UART_IIR) & 0x20, 0);
    put(&u, UART_LCR, 0);
    put(&u, UART_IER, 0x40); /* no unit enable bit */
    assert_int_equal(uart_read(&u, UART_IER), 0);
}

static void test_loopback_fifo_size(void **state)
{
    struct uart u = fresh();
    unsigned n = 0;
    (void)state;

    put(&u, UART_FCR, 0x07);
    put(&u, UART_MCR, UART_MCR_LOOP);
    for (int i = 0; i < 256; i++)
        put(&u, UART_DATA, (uint8_t)i);
    assert_false(uart_receive(&u, 'x')); /* kept by the caller */
    uart_break(&u);
    assert_int_equal(u.breaks, 0);
    assert_int_equal(uart_read(&u, UART_LSR), 0x63);
    while (n < 256 && (uart_read(&u, UART_LSR) & UART_LSR_DR))
        assert_int_equal(uart_read(&u, UART_DATA), n++);
    assert_int_equal(n, UART_FIFO_SIZE);
    assert_false(uart_receive(&u, 'x'));
    uart_break(&u);
    assert_int_equal(uart_read(&u, UART_LSR), 0x60);
}

static void test_loopback_register(void **state)
{
    struct uart u = fresh();
    (void)state;

    put(&u, UART_MCR, UART_MCR_LOOP);
    put(&u, UART_DATA, 'a');
    put(&u, UART_DATA, 'b');
    assert_int_equal(uart_read(&u, UART_LSR), 0x63);
    assert_int_equal(uart_read(&u, UART_DATA), 'b');
    assert_int_equal(uart_read(&u, UART_LSR), 0x60);
}

static void check(const struct uart *u)
{
    unsigned capacity = u->fcr & UART_FCR_ENABLE ? UART_FIFO_SIZE : 1;
    struct uart copy = *u;
    uint8_t iir, lsr;

    assert_true(u->count <= capacity);
    assert_true(u->head < UART_FIFO_SIZE);
    assert_int_equal(u->ier & 0xf0, 0);
    assert_int_equal(u->fcr & 0x3e, 0);
    assert_int_equal(u->delta & 0xf0, 0);
    for (unsigned i = u->count; i < UART_FIFO_SIZE; i++)
        assert_false(u->breaks & (1u << (u->head + i) % UART_FIFO_SIZE));
    iir = uart_read(&copy, UART_IIR);
    if (uart_irq(u))
        assert_int_equal(iir & UART_IIR_NONE, 0);
    lsr = uart_read(&copy, UART_LSR);
    assert_int_equal(lsr & 0x60, 0x60);
    assert_int_equal(lsr & UART_LSR_DR, u->count > 0);
}

static void test_random_walk(void **state)
{
    struct uart u = fresh();
    (void)state;

    for (int i = 0; i < STEPS; i++) {
        uint64_t r = random64();
        uint8_t value = (uint8_t)(r >> 8), sent = 0;
        unsigned reg = (unsigned)(r >> 16);
        bool loop = u.mcr & UART_MCR_LOOP;
        struct uart before = u;

        switch (r % 5) {
        case 0:
        case 1:
            uart_read(&u, reg);
            break;
        case 2:
            if (uart_write(&u, reg, value, &sent)) {
                assert_int_equal(sent, value);
                assert_false(loop);
            }
            break;
        case 3:
            if (!uart_receive(&u, value))
                assert_memory_equal(&u, &before, sizeof(u));
            break;
        default:
            uart_break(&u);
            break;
        }
        check(&u);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registers),
        cmocka_unit_test(test_divisor_latch),
        cmocka_unit_test(test_transmit),
        cmocka_unit_test(test_transmit_interrupt),
        cmocka_unit_test(test_receive_interrupt),
        cmocka_unit_test(test_priorities),
        cmocka_unit_test(test_full_fifo),
        cmocka_unit_test(test_fifo_disabled),
        cmocka_unit_test(test_break),
        cmocka_unit_test(test_break_lost),
        cmocka_unit_test(test_out2_gates),
        cmocka_unit_test(test_modem_lines),
        cmocka_unit_test(test_linux_probe),
        cmocka_unit_test(test_loopback_fifo_size),
        cmocka_unit_test(test_loopback_register),
        cmocka_unit_test(test_random_walk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
