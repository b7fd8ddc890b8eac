/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/uart.h"

#include <stddef.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/paging.h"
#include "kernel/errno.h"

/* Registers and bits of the PC16550D data sheet, table II. */
#define REG_DATA        0
#define REG_IER         1
#define REG_IIR         2 /* read */
#define REG_FCR         2 /* write */
#define REG_LCR         3
#define REG_MCR         4
#define REG_LSR         5
#define REG_SCRATCH     7

#define IER_RECEIVE     0x01
#define IER_TRANSMIT    0x02
#define IIR_NONE        0x01
#define FCR_ENABLE      0x01
#define FCR_CLEAR       0x06
#define LCR_8N1         0x03
#define LCR_DLAB        0x80
#define MCR_DTR_RTS     0x03
#define MCR_OUT2        0x08 /* lets the interrupt out of the chip */
#define MCR_LOOP        0x10
#define LSR_DATA        0x01
#define LSR_EMPTY       0x20 /* the FIFO */
#define LSR_IDLE        0x40 /* and the shift register */
#define FIFO_SIZE       16
#define LOOP_BYTE       0x96
#define WAITS_IN_VAIN   20  /* some seconds: nobody will ever take it */
#define RECEIVE_AT_ONCE 256 /* bounds a poll on a line that never empties */

static uint8_t reg_read(const struct uart_line *line, uint16_t reg)
{
    switch (line->place.kind) {
    case UART_PORT:
        return inb((uint16_t)(line->place.address + reg));
    case UART_MMIO:
        return ((volatile uint8_t *)line->mapping)[reg];
    case UART_MMIO32:
        return (uint8_t)((volatile uint32_t *)line->mapping)[reg];
    default:
        return 0xff;
    }
}

static void reg_write(const struct uart_line *line, uint16_t reg, uint8_t value)
{
    switch (line->place.kind) {
    case UART_PORT:
        outb((uint16_t)(line->place.address + reg), value);
        break;
    case UART_MMIO:
        ((volatile uint8_t *)line->mapping)[reg] = value;
        break;
    case UART_MMIO32:
        ((volatile uint32_t *)line->mapping)[reg] = value;
        break;
    default:
        break;
    }
}

/* A bounded wait: 100,000 reads are far more than a character takes, and a
 * dead line must not hang a panic. */
static bool wait_for(const struct uart_line *line, uint8_t status)
{
    for (unsigned i = 0; i < 100000; i++) {
        uint8_t now = reg_read(line, REG_LSR);

        if (now & status) {
            return now != 0xff; /* all ones: the device has gone */
        }
    }
    return false;
}

/* What is sent in loop mode is received, and nothing leaves the chip. */
static bool loops_back(const struct uart_line *line)
{
    bool same;

    reg_write(line, REG_MCR, MCR_LOOP);
    reg_write(line, REG_DATA, LOOP_BYTE);
    same = wait_for(line, LSR_DATA) && reg_read(line, REG_DATA) == LOOP_BYTE;
    reg_write(line, REG_MCR, 0);
    return same;
}

static int initialize(struct uart_line *line, uint32_t baud)
{
    uint32_t divisor = UART_BAUD_MAX / baud;

    reg_write(line, REG_SCRATCH, 0xa5);
    if (reg_read(line, REG_SCRATCH) != 0xa5) {
        return -ENODEV;
    }
    wait_for(line, LSR_IDLE); /* what the loader had to say */
    reg_write(line, REG_IER, 0);
    reg_write(line, REG_LCR, LCR_DLAB);
    reg_write(line, REG_DATA, (uint8_t)divisor);
    reg_write(line, REG_IER, (uint8_t)(divisor >> 8));
    reg_write(line, REG_LCR, LCR_8N1);
    reg_write(line, REG_FCR, FCR_ENABLE | FCR_CLEAR);
    if (!loops_back(line)) {
        return -ENODEV;
    }
    reg_write(line, REG_MCR, MCR_DTR_RTS | MCR_OUT2);
    return 0;
}

int uart_open(struct uart_line *line, struct uart_place place, uint32_t baud)
{
    int error = 0;

    line->place = place;
    line->mapping = NULL;
    if (place.kind == UART_NONE) {
        return -ENODEV;
    }
    if (place.kind != UART_PORT) {
        line->mapping = device_map(place.address, 8 * sizeof(uint32_t));
        error = line->mapping ? 0 : -ENOMEM;
    }
    if (!error) {
        error = initialize(line, baud);
    }
    if (error) {
        line->place.kind = UART_NONE;
    }
    return error;
}

void uart_enable_interrupts(struct uart_line *line)
{
    if (uart_there(line)) {
        line->interrupts = true;
        reg_write(line, REG_IER, IER_RECEIVE);
    }
}

static void receive(struct uart_line *line)
{
    for (unsigned i = 0; i < RECEIVE_AT_ONCE; i++) {
        uint8_t status = reg_read(line, REG_LSR);

        /* No device reads as all ones. */
        if (!(status & LSR_DATA) || status == 0xff) {
            return;
        }
        ring_put(&line->in, (char)reg_read(line, REG_DATA));
    }
}

static void transmit(struct uart_line *line)
{
    bool more = ring_used(&line->out) > 0;
    char c;

    if (more && reg_read(line, REG_LSR) & LSR_EMPTY) {
        for (unsigned i = 0; i < FIFO_SIZE && ring_get(&line->out, &c); i++) {
            reg_write(line, REG_DATA, (uint8_t)c);
        }
    }
    if (line->interrupts && more != line->sending) {
        line->sending = more;
        reg_write(line, REG_IER,
                  more ? IER_RECEIVE | IER_TRANSMIT : IER_RECEIVE);
    }
}

/* Reading IIR takes back the transmit interrupt, so that the edge of the next
 * one can be seen; what it says is looked at anyway. */
void uart_poll(struct uart_line *line)
{
    if (!uart_there(line)) {
        return;
    }
    for (unsigned i = 0; i < FIFO_SIZE; i++) {
        bool pending = !(reg_read(line, REG_IIR) & IIR_NONE);

        receive(line);
        transmit(line);
        if (!pending) {
            return;
        }
    }
}

void uart_send(struct uart_line *line, const char *text, uint32_t length)
{
    if (uart_there(line)) {
        ring_write(&line->out, text, length);
    }
}

/* A line that stands still for so many waits has gone: a panic that is to end
 * in a reset must not stay with it for each of its characters. */
static void wait_or_close(struct uart_line *line, uint8_t status)
{
    if (wait_for(line, status)) {
        line->waited_in_vain = 0;
    } else if (++line->waited_in_vain == WAITS_IN_VAIN) {
        line->place.kind = UART_NONE;
    }
}

void uart_flush(struct uart_line *line)
{
    char c;

    while (uart_there(line) && ring_get(&line->out, &c)) {
        wait_or_close(line, LSR_EMPTY);
        reg_write(line, REG_DATA, (uint8_t)c);
    }
    for (unsigned i = 0; uart_there(line) && i <= FIFO_SIZE; i++) {
        wait_or_close(line, LSR_IDLE);
    }
}
