/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/fact.h"

#include <stdarg.h>

#include "kernel/event.h"
#include "kernel/format.h"

void fact(enum log_level level, const char *subject, const char *fmt, ...)
{
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    char text[2 * FACT_COLUMNS];
    struct event event;
    va_list args;

    va_start(args, fmt);
    vformat(text, sizeof(text), fmt, args);
    va_end(args);
    log_line(level, "%s: %s", subject, text);
    event_begin(&event, "fact");
    event_text(&event, "subject", subject);
    event_text(&event, "level", levels[level]);
    event_text(&event, "text", text);
    event_end(&event);
}
