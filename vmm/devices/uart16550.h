/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A 16550A serial port (National Semiconductor PC16550D data sheet) whose
 * transmitter is never busy. After each call give uart_irq() to the interrupt
 * controller's pin: with an edge-triggered pin the line has to be seen low
 * between two interrupts.
 */
#ifndef VMM_DEVICES_UART16550_H
#define VMM_DEVICES_UART16550_H

#include <stdbool.h>
#include <stdint.h>

#define UART_COM1_PORT 0x3f8 /* first of UART_REGISTERS ports */
#define UART_COM1_IRQ  4
#define UART_REGISTERS 8
#define UART_FIFO_SIZE 16

/* Register numbers; 0 and 1 are the divisor latch while LCR.DLAB is set. */
enum uart_register {
    UART_DATA, /* read RBR, write THR */
    UART_IER,
    UART_IIR, /* write: FCR */
    UART_LCR,
    UART_MCR,
    UART_LSR,
    UART_MSR,
    UART_SCR,
};
#define UART_FCR            UART_IIR

#define UART_IER_RDI        0x01 /* received data, and character time-out */
#define UART_IER_THRI       0x02 /* transmitter holding register empty */
#define UART_IER_RLSI       0x04 /* receiver line status */
#define UART_IER_MSI        0x08 /* modem status */

#define UART_IIR_MSI        0x00
#define UART_IIR_NONE       0x01
#define UART_IIR_THRI       0x02
#define UART_IIR_RDI        0x04
#define UART_IIR_RLSI       0x06
#define UART_IIR_TIMEOUT    0x0c
#define UART_IIR_FIFO       0xc0 /* the FIFOs are enabled */

#define UART_FCR_ENABLE     0x01
#define UART_FCR_CLEAR_RX   0x02
#define UART_FCR_CLEAR_TX   0x04
#define UART_FCR_TRIGGER    0xc0 /* 1, 4, 8 or 14 characters */

#define UART_LCR_DLAB       0x80

#define UART_MCR_DTR        0x01
#define UART_MCR_RTS        0x02
#define UART_MCR_OUT1       0x04
#define UART_MCR_OUT2       0x08 /* on a PC: lets the interrupt out */
#define UART_MCR_LOOP       0x10

#define UART_LSR_DR         0x01
#define UART_LSR_OE         0x02
#define UART_LSR_BI         0x10
#define UART_LSR_THRE       0x20
#define UART_LSR_TEMT       0x40
#define UART_LSR_FIFO_ERROR 0x80

#define UART_MSR_TERI       0x04 /* 3:0 tell of changes, TERI only of RI's fall */
#define UART_MSR_CTS        0x10
#define UART_MSR_DSR        0x20
#define UART_MSR_RI         0x40
#define UART_MSR_DCD        0x80

struct uart {
    uint8_t ier;
    uint8_t fcr; /* ENABLE and TRIGGER */
    uint8_t lcr;
    uint8_t mcr;
    uint8_t scr;
    uint8_t divisor[2];           /* low, high */
    uint8_t delta;                /* MSR 3:0 */
    uint8_t head;                 /* index of the oldest character */
    uint8_t count;                /* characters in the receive FIFO */
    bool overrun;                 /* LSR.OE */
    bool thre;                    /* THRE interrupt not yet read from IIR */
    uint16_t breaks;              /* bit i: fifo[i] came with a BREAK */
    uint8_t fifo[UART_FIFO_SIZE]; /* one used while FIFOs are disabled */
};

/* Power-on state. The divisor is 1 (115200 baud), for guests that ask. */
void uart_reset(struct uart *u);

/* The guest reads register reg (0-7; higher bits are ignored). */
uint8_t uart_read(struct uart *u, unsigned reg);

/* The guest writes register reg (0-7; higher bits are ignored). True: it sent
 * the character *sent. In loopback mode nothing is sent; a character that
 * finds the receiver full there is lost and sets LSR.OE. */
bool uart_write(struct uart *u, unsigned reg, uint8_t value, uint8_t *sent);

/* A character arrives. False: not taken, since the FIFO is full or the guest
 * has the port in loopback mode; keep it and try again later. */
bool uart_receive(struct uart *u, uint8_t c);

/* A BREAK arrives: a NUL character flagged with LSR.BI. With a full FIFO it is
 * lost and sets LSR.OE; in loopback mode it is not seen at all. */
void uart_break(struct uart *u);

/* The level of the interrupt output: an enabled interrupt is pending, OUT2
 * lets it out, and the port is not in loopback mode (which turns OUT2 off). */
bool uart_irq(const struct uart *u);

#endif
