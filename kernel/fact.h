/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The start-up log: one line a fact, each under a subject, in the same order
 * on every machine: what was found, what is used, what is missing and what
 * that costs. README.md lists the subjects.
 */
#ifndef KERNEL_FACT_H
#define KERNEL_FACT_H

#include "kernel/log.h"

#define FACT_COLUMNS 80 /* of a line: the callers keep to it */

/* Logs "subject: text" and sends the event {"event":"fact","subject":...,
 * "level":"info"|"warn"|"error","text":...}. The event goes out whatever
 * loglevel= drops. What is missing is a warning when it costs anything, an
 * error when it ends the start. */
void fact(enum log_level level, const char *subject, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define fact_info(...)  fact(LOG_INFO, __VA_ARGS__)
#define fact_warn(...)  fact(LOG_WARN, __VA_ARGS__)
#define fact_error(...) fact(LOG_ERROR, __VA_ARGS__)

#endif
