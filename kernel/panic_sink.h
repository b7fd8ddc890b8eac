/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a panic is written to; set by whoever owns the serial lines. */
#ifndef KERNEL_PANIC_SINK_H
#define KERNEL_PANIC_SINK_H

struct panic_sink {
    void (*begin)(void);             /* flushes what was queued */
    void (*message)(void);           /* it comes now: nothing may hide it */
    void (*write)(const char *text); /* waits for the device */
    void (*end)(const char *what);   /* the event, and reboot when asked for */
};

void panic_set_sink(const struct panic_sink *sink);

#endif
