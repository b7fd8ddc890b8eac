/* SPDX-License-Identifier: BSD-2-Clause */
/* A 16550 whose transmitter is always ready. */
#include "machine.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define LCR_DLAB    0x80
#define MCR_LOOP    0x10
#define MCR_OUT2    0x08
#define IER_RX      0x01
#define IER_TX      0x02
#define LSR_DATA    0x01
#define LSR_TX_IDLE 0x60
#define IIR_NONE    0x01
#define IIR_TX      0x02
#define IIR_RX      0x04
#define IIR_FIFO    0xC0
#define MSR_READY   0xB0 /* carrier, data set ready, clear to send */

static bool has_data(const struct uart *u)
{
    return u->rx_head != u->rx_tail;
}

static void put_rx(struct uart *u, uint8_t byte)
{
    if (u->rx_head - u->rx_tail < RX_SIZE)
        u->rx[u->rx_head++ % RX_SIZE] = byte;
}

static void update_irq(struct machine *m, const struct uart *u)
{
    bool wanted =
        ((u->ier & IER_RX) && has_data(u)) || ((u->ier & IER_TX) && u->thri);
    struct kvm_irq_level level = {
        .irq = u->irq,
        .level = wanted && (u->mcr & MCR_OUT2) && !(u->mcr & MCR_LOOP),
    };

    ioctl(m->fd, KVM_IRQ_LINE, &level);
}

void uart_flush(struct uart *u)
{
    if (u->line_length)
        printf("nested: unfinished: %s%.*s\n", u->prefix, (int)u->line_length,
               u->line);
    u->line_length = 0;
}

static void finish_line(struct machine *m, struct uart *u)
{
    char whole[LINE_SIZE + 8];

    snprintf(whole, sizeof(whole), "%s%.*s", u->prefix, (int)u->line_length,
             u->line);
    u->line_length = 0;
    puts(whole);
    fflush(stdout);
    script_line(m, whole);
}

static void transmit(struct machine *m, struct uart *u, uint8_t byte)
{
    u->thri = true;
    if (u->mcr & MCR_LOOP) {
        put_rx(u, byte);
        return;
    }
    if (byte == '\r')
        return;
    if (byte != '\n')
        u->line[u->line_length++] = (char)byte;
    if (byte == '\n' || u->line_length == LINE_SIZE)
        finish_line(m, u);
}

void uart_receive(struct machine *m, struct uart *u, const char *line)
{
    for (; *line; line++)
        put_rx(u, (uint8_t)*line);
    put_rx(u, '\n');
    update_irq(m, u);
}

static uint8_t read_iir(struct uart *u)
{
    uint8_t fifo = u->fcr & 1 ? IIR_FIFO : 0;

    if ((u->ier & IER_RX) && has_data(u))
        return IIR_RX | fifo;
    if ((u->ier & IER_TX) && u->thri) {
        u->thri = false;
        return IIR_TX | fifo;
    }
    return IIR_NONE | fifo;
}

static uint8_t read_msr(const struct uart *u)
{
    uint8_t mcr = u->mcr;

    if (!(mcr & MCR_LOOP))
        return MSR_READY;
    return (uint8_t)((mcr & 2) << 3 | (mcr & 1) << 5 | (mcr & 4) << 4 |
                     (mcr & 8) << 4);
}

static uint8_t read_data(struct uart *u)
{
    return has_data(u) ? u->rx[u->rx_tail++ % RX_SIZE] : 0;
}

uint8_t uart_read(struct machine *m, struct uart *u, unsigned reg)
{
    bool latch = u->lcr & LCR_DLAB;
    uint8_t value = 0xFF;

    switch (reg) {
    case 0:
        value = latch ? u->dll : read_data(u);
        break;
    case 1:
        value = latch ? u->dlm : u->ier;
        break;
    case 2:
        value = read_iir(u);
        break;
    case 3:
        value = u->lcr;
        break;
    case 4:
        value = u->mcr;
        break;
    case 5:
        value = (uint8_t)(LSR_TX_IDLE | (has_data(u) ? LSR_DATA : 0));
        break;
    case 6:
        value = read_msr(u);
        break;
    case 7:
        value = u->scratch;
        break;
    }
    update_irq(m, u);
    return value;
}

static void write_ier(struct uart *u, uint8_t value)
{
    if ((value & IER_TX) && !(u->ier & IER_TX))
        u->thri = true;
    u->ier = value & 0x0F;
}

void uart_write(struct machine *m, struct uart *u, unsigned reg, uint8_t value)
{
    bool latch = u->lcr & LCR_DLAB;

    if (reg == 0 && latch)
        u->dll = value;
    else if (reg == 0)
        transmit(m, u, value);
    else if (reg == 1 && latch)
        u->dlm = value;
    else if (reg == 1)
        write_ier(u, value);
    else if (reg == 2)
        u->fcr = value;
    else if (reg == 3)
        u->lcr = value;
    else if (reg == 4)
        u->mcr = value & 0x1F;
    else if (reg == 7)
        u->scratch = value;
    if (reg == 2 && (value & 2))
        u->rx_tail = u->rx_head;
    update_irq(m, u);
}
