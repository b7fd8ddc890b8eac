/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/log.h"

#include <stdarg.h>

#include "kernel/format.h"
#include "kernel/log_ring.h"

#define LINE_SIZE 256

enum log_level log_level = LOG_INFO;

static char text[32768];
struct ring log_ring = {.data = text, .size = sizeof(text)};

void log_line(enum log_level level, const char *fmt, ...)
{
    static const char *const marks[] = {"ERROR: ", "warning: ", "", ""};
    char line[LINE_SIZE];
    va_list args;
    int n;

    if (level > log_level) {
        return;
    }
    n = format(line, sizeof(line), "%s", marks[level]);
    va_start(args, fmt);
    n += vformat(line + n, sizeof(line) - (size_t)n, fmt, args);
    va_end(args);
    if ((size_t)n > sizeof(line) - 2) {
        n = sizeof(line) - 2;
    }
    line[n++] = '\n';
    ring_write(&log_ring, line, (size_t)n);
}
