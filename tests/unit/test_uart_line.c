/* sources: drivers/uart.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "arch/x86_64/paging.h"
#include "drivers/uart.h"
#include "kernel/errno.h"
#include "kernel/string.h"

/* Memory in place of the registers: it gives back what was written, which is
 * what a 16550 does in loop mode, too. */
static uint8_t memory[32];
static bool no_memory;

static char out[64], in[64];
static struct uart_line line = {
    .out = {.data = out, .size = sizeof(out)},
    .in = {.data = in, .size = sizeof(in)},
};

void *device_map(uint64_t physical, size_t size)
{
    assert_int_equal(physical, 0xfedc9000);
    assert_true(size <= sizeof(memory));
    return no_memory ? NULL : memory;
}

#define LSR       5
#define DATA      1 /* there is something to read */
#define SENT      0x60
#define MCR_READY 0x0b

static int open_at(enum uart_kind kind, unsigned step, uint8_t status)
{
    memset(memory, 0, sizeof(memory));
    memory[LSR * step] = status;
    return uart_open(&line, (struct uart_place){kind, 0xfedc9000}, 115200);
}

static void registers_lie_a_byte_or_a_word_apart(void **state)
{
    static const struct {
        enum uart_kind kind;
        unsigned step;
    } rows[] = {{UART_MMIO, 1}, {UART_MMIO32, 4}};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        unsigned step = rows[i].step;

        assert_int_equal(open_at(rows[i].kind, step, SENT | DATA), 0);
        assert_true(uart_there(&line));
        assert_int_equal(memory[7 * step], 0xa5); /* scratch */
        assert_int_equal(memory[4 * step], MCR_READY);
        assert_int_equal(memory[3 * step], 3); /* 8N1 */
        memory[LSR * step] = SENT;
        uart_send(&line, "x", 1);
        uart_poll(&line);
        assert_int_equal(memory[0], 'x');
        assert_int_equal(ring_used(&line.in), 0);
        memory[LSR * step] = SENT | DATA;
        memory[0] = 'y';
        uart_poll(&line);
        assert_true(ring_used(&line.in) > 0);
        line.in.tail = line.in.head;
    }
}

static void nothing_comes_back_in_loop_mode(void **state)
{
    (void)state;
    assert_int_equal(open_at(UART_MMIO, 1, SENT), -ENODEV);
    assert_false(uart_there(&line));
    assert_int_equal(open_at(UART_MMIO32, 4, SENT), -ENODEV);
    assert_int_equal(open_at(UART_MMIO, 1, 0xff), -ENODEV); /* it has gone */
    uart_send(&line, "lost", 4);
    assert_int_equal(ring_used(&line.out), 0);
}

static void no_place_and_no_memory(void **state)
{
    (void)state;
    assert_int_equal(uart_open(&line, (struct uart_place){0}, 9600), -ENODEV);
    no_memory = true;
    assert_int_equal(open_at(UART_MMIO, 1, SENT | DATA), -ENOMEM);
    assert_false(uart_there(&line));
    no_memory = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_lie_a_byte_or_a_word_apart),
        cmocka_unit_test(nothing_comes_back_in_loop_mode),
        cmocka_unit_test(no_place_and_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
