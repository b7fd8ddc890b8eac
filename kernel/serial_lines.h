/* SPDX-License-Identifier: BSD-2-Clause */
/* The two serial lines, for the console and the event stream. */
#ifndef KERNEL_SERIAL_LINES_H
#define KERNEL_SERIAL_LINES_H

#include "drivers/uart.h"

extern struct uart_line com1, com2;

#endif
