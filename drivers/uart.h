/* SPDX-License-Identifier: BSD-2-Clause */
/* A 16550 serial line, sent and received through rings. */
#ifndef DRIVERS_UART_H
#define DRIVERS_UART_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/ring.h"

/* Where the eight registers lie. */
enum uart_kind {
    UART_NONE,
    UART_PORT,   /* I/O ports in a row */
    UART_MMIO,   /* bytes in a row */
    UART_MMIO32, /* the low byte of a 32-bit word each */
};

struct uart_place {
    enum uart_kind kind;
    uint64_t address; /* port, or physical address */
};

#define UART_BAUD_MAX 115200u /* of the usual 1.8432 MHz clock */

struct uart_line {
    struct uart_place place;      /* kind UART_NONE: there is no such line */
    volatile const void *mapping; /* for the two kinds of MMIO */
    bool interrupts;              /* the two interrupts reach us */
    bool sending;                 /* the transmit interrupt is on */
    unsigned waited_in_vain;      /* by uart_flush(), without a break */
    struct ring out, in;
};

/* Sets 8N1 with FIFOs. baud: UART_BAUD_MAX divided by a whole number. 0;
 * -ENODEV when no 16550 answers there, by its scratch register and by what it
 * is sent in loop mode; -ENOMEM. After an error there is no such line. The
 * rings must have been set. MMIO: only once frames can be had. */
int uart_open(struct uart_line *line, struct uart_place place, uint32_t baud);

/* Is there such a line? */
static inline bool uart_there(const struct uart_line *line)
{
    return line->place.kind != UART_NONE;
}

/* Lets the line interrupt, after its vector was routed. */
void uart_enable_interrupts(struct uart_line *line);

/* Moves what it can between FIFOs and rings; never waits. From interrupts
 * and from the run loop, interrupts off. */
void uart_poll(struct uart_line *line);

/* Queues text; lost as a whole, and counted, when the ring is full. */
void uart_send(struct uart_line *line, const char *text, uint32_t length);

/* Waits until everything queued has left; a line that takes nothing for some
 * seconds is closed. For panics and the last words only. */
void uart_flush(struct uart_line *line);

#endif
