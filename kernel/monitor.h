/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The monitor: commands are registered by whoever can carry them out, never
 * called by name. A command runs at a safe point.
 */
#ifndef KERNEL_MONITOR_H
#define KERNEL_MONITOR_H

#include <stdbool.h>

#define MONITOR_WORDS_MAX 12
#define MONITOR_LINE_SIZE 256

/* Where a command's output goes. */
struct monitor {
    bool to_events; /* it came over COM2: answer with events */
};

struct monitor_command {
    const char *name;
    const char *usage; /* "VM [TEXT]", or "" */
    const char *help;  /* one line */
    /* words[0] is the command's name, the word MONITOR_WORDS_MAX - 1 all of
     * the line that is left. 0; -EINVAL prints the usage; any other
     * negative errno: the command has said why. */
    int (*run)(struct monitor *monitor, unsigned count, char **words);
};

/* During start-up; the struct must last. -ENOSPC. */
int monitor_register(const struct monitor_command *command);

/* Prints a line (no newline in the format) to whoever asked. */
void monitor_print(struct monitor *monitor, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Carries out one line. */
int monitor_execute(struct monitor *monitor, const char *line);

/* Registers help; before any other command. */
void monitor_start(void);

/* "123", "0x7b", with K, M or G. 0; -EINVAL, also above 64 bits. */
int monitor_number(const char *text, unsigned long *value);

#endif
