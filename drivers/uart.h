/* SPDX-License-Identifier: BSD-2-Clause */
/* A 16550 serial line, sent and received through rings. */
#ifndef DRIVERS_UART_H
#define DRIVERS_UART_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/ring.h"

struct uart_line {
    uint16_t port;   /* first I/O port; 0: there is no such line */
    bool interrupts; /* the receive and transmit interrupts reach us */
    bool sending;    /* the transmit interrupt is on */
    struct ring out, in;
};

/* Sets 115200 baud 8N1 with FIFOs. 0; -ENODEV when nothing answers there,
 * and line->port is 0. The rings must have been set. */
int uart_open(struct uart_line *line, uint16_t port);

/* Lets the line interrupt, after its vector was routed. */
void uart_enable_interrupts(struct uart_line *line);

/* Moves what it can between FIFOs and rings; never waits. From interrupts
 * and from the run loop, interrupts off. */
void uart_poll(struct uart_line *line);

/* Queues text; lost as a whole, and counted, when the ring is full. */
void uart_send(struct uart_line *line, const char *text, uint32_t length);

/* Waits until everything queued has left: for panics only. */
void uart_flush(struct uart_line *line);

#endif
