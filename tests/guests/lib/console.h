/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's console: a 16550 at COM1, polled. */
#ifndef GUESTS_LIB_CONSOLE_H
#define GUESTS_LIB_CONSOLE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#define UART_DATA     0x3F8u
#define UART_IER      0x3F9u
#define UART_IIR      0x3FAu
#define UART_FCR      0x3FAu
#define UART_LCR      0x3FBu
#define UART_MCR      0x3FCu
#define UART_LSR      0x3FDu
#define UART_MSR      0x3FEu
#define UART_SCRATCH  0x3FFu

#define UART_LSR_DR   0x01u
#define UART_LSR_THRE 0x20u
#define UART_LSR_TEMT 0x40u

/* 115200 8N1, FIFO on, no interrupts, DTR, RTS and OUT2 up. */
void console_init(void);

/* printf with %s %c %u %x (also 0 and a width), %llu and %llx. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void print_list(const char *format, va_list list);

/* Wait until everything printed has left. */
void console_flush(void);

/*
 * Collect what arrived; give a whole line (without its end) when there is
 * one, else a null pointer. The line stands until the next call.
 */
const char *console_line(void);

#endif
