/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The human's serial line: the guests' consoles, the monitor and the log on
 * one line, and the key chord that moves between them. COM2 carries events
 * out and commands in.
 */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/cmdline.h"

struct runnable;

/* Takes panics and events: these wait until the lines are open. */
void console_open(const struct boot_config *config);

/* UARTs that were found by scanning, in the order in which they are taken. */
struct serial_spares {
    const struct uart_place *places;
    unsigned count;
};

/* Opens the lines that the boot words name: see README.md, com1=. */
void console_open_lines(const struct boot_config *config,
                        struct serial_spares spare);

/* Routes the interrupts of those at a PC's own ports, once there is an I/O
 * APIC; the others are looked at each ms and between turns. */
void console_enable_interrupts(const uint32_t irq_gsi[16], uint32_t apic_id);

/* A VM gets a console; reader is woken when there is input. */
void console_add_guest(uint16_t vm, const char *name, struct runnable *reader);

/* Shows the first view and tells the key chord; the monitor listens. */
void console_start(const struct boot_config *config);

/* A guest sent a character. */
void console_guest_put(uint16_t vm, uint8_t c);
/* The guest's next input character; false when there is none. */
bool console_guest_get(uint16_t vm, uint8_t *c);
/* Takes a waiting BREAK, or NMI; false when there is none. */
bool console_guest_break(uint16_t vm);
bool console_guest_nmi(uint16_t vm);
bool console_guest_has_input(uint16_t vm);

/* Input for a guest from the monitor. -ENOSPC when it does not fit. */
int console_send(uint16_t vm, const char *text, unsigned length);
void console_send_break(uint16_t vm);
void console_send_nmi(uint16_t vm);

/* Text for people, in the monitor's name. */
void console_print(const char *text);

/* Waits until everything queued has left: for panics and the last words. */
void console_flush(void);

#endif
