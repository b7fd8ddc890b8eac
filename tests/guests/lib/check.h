/* SPDX-License-Identifier: BSD-2-Clause */
/* Results on the console: ok NAME, not ok NAME: detail, done OK FAILED. */
#ifndef GUESTS_LIB_CHECK_H
#define GUESTS_LIB_CHECK_H

#include <stdbool.h>
#include <stdint.h>

/* Count and print one result; gives ok back. */
bool check(bool ok, const char *name);

/* The same with both values shown when they differ. */
bool check_equal(const char *name, uint64_t got, uint64_t wanted);

/* A failure with its reason. */
void check_failed(const char *name, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Something that this machine does not offer; not counted. */
void check_skip(const char *name, const char *why);

/* Print `done OK FAILED` and power off. */
_Noreturn void check_done(void);

#endif
