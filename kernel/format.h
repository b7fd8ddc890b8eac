/* SPDX-License-Identifier: BSD-2-Clause */
/* Formatted text without <stdio.h>. */
#ifndef KERNEL_FORMAT_H
#define KERNEL_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/*
 * As snprintf(): writes at most size bytes including the NUL (none at all
 * when size is 0) and returns the length that the whole text has.
 *
 * Knows %s %c %d %u %x %p and %%, the sizes l, ll and z, a width (a number or
 * *), the flags 0 and -, and a precision for %s. %p is 0x and hexadecimal; a
 * NULL string is "(null)". Any other conversion is copied as it stands.
 */
int format(char *buf, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int vformat(char *buf, size_t size, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));

/* What format(buf, size, "%s", text) writes, without its detours: for what is
 * noted amid a recovery. size is not 0. */
void format_text(char *buf, size_t size, const char *text);

#endif
