/* SPDX-License-Identifier: BSD-2-Clause */
/* What the console's own files share. */
#ifndef KERNEL_CONSOLE_PARTS_H
#define KERNEL_CONSOLE_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/cmdline.h"
#include "kernel/ring.h"
#include "kernel/serial_lines.h"
#include "kernel/share.h"

#define CONSOLE_LINE  256
#define CONSOLE_INPUT 512 /* a power of two */

struct runnable;

struct guest_console {
    const char *name; /* NULL: no such VM */
    struct runnable *reader;
    char line[CONSOLE_LINE]; /* the line being written */
    uint32_t length, shown;  /* bytes of it, and how many are on COM1 */
    uint64_t since;          /* TSC of its last character */
    char last;               /* which was this one */
    struct share share;      /* of COM1 */
    struct ring input;
    char input_data[CONSOLE_INPUT];
    bool send_break, send_nmi;
};

struct guest_console *console_guest(uint16_t vm);

/* Safe-point hook: moves characters, shows the log, feeds the monitor. */
uint64_t console_poll(uint64_t now);
void console_first_view(const struct boot_config *config);

/* The monitor's keyboard, and the commands that come over COM2. */
void console_monitor_key(char c);
void console_command_key(char c);
void console_monitor_prompt(void);

#endif
