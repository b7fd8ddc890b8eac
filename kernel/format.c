/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/format.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "kernel/string.h"

#define WIDTH_MAX  4096 /* keeps the arithmetic on lengths far from overflow */
#define DIGITS_MAX 20   /* of UINT64_MAX, in decimal */

struct output {
    char *buf;
    size_t size;
    size_t length;
};

struct conversion {
    bool zero;
    bool left;
    size_t width;
    size_t precision; /* SIZE_MAX: none */
    bool wide;        /* l, ll or z: 64 bits */
};

static void put(struct output *out, char c)
{
    if (out->length + 1 < out->size)
        out->buf[out->length] = c;
    out->length++;
}

static void put_padding(struct output *out, size_t width, size_t length, char c)
{
    for (; length < width; length++)
        put(out, c);
}

static void put_text(struct output *out, const struct conversion *how,
                     const char *text, size_t length)
{
    if (!how->left)
        put_padding(out, how->width, length, ' ');
    for (size_t i = 0; i < length; i++)
        put(out, text[i]);
    if (how->left)
        put_padding(out, how->width, length, ' ');
}

static void put_string(struct output *out, const struct conversion *how,
                       const char *text)
{
    if (text == NULL)
        text = "(null)";
    put_text(out, how, text, strnlen(text, how->precision));
}

static void put_number(struct output *out, const struct conversion *how,
                       uint64_t value, unsigned base, const char *prefix)
{
    char digits[DIGITS_MAX];
    size_t count = 0;

    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);

    size_t length = count + strlen(prefix);

    if (!how->left && !how->zero)
        put_padding(out, how->width, length, ' ');
    while (*prefix != '\0')
        put(out, *prefix++);
    if (!how->left && how->zero)
        put_padding(out, how->width, length, '0');
    while (count > 0)
        put(out, digits[--count]);
    if (how->left)
        put_padding(out, how->width, length, ' ');
}

static void put_signed(struct output *out, const struct conversion *how,
                       int64_t value)
{
    if (value < 0)
        put_number(out, how, -(uint64_t)value, 10, "-");
    else
        put_number(out, how, (uint64_t)value, 10, "");
}

static size_t read_number(const char **fmt)
{
    size_t value = 0;

    for (; **fmt >= '0' && **fmt <= '9'; (*fmt)++)
        if (value < WIDTH_MAX)
            value = value * 10 + (size_t)(**fmt - '0');
    return value < WIDTH_MAX ? value : WIDTH_MAX;
}

static void read_flags(const char **fmt, struct conversion *how)
{
    for (; **fmt == '0' || **fmt == '-'; (*fmt)++) {
        how->zero |= **fmt == '0';
        how->left |= **fmt == '-';
    }
}

static void set_width(struct conversion *how, int width)
{
    how->left |= width < 0;
    how->width = width < 0 ? 0U - (unsigned)width : (unsigned)width;
    if (how->width > WIDTH_MAX)
        how->width = WIDTH_MAX;
}

static void read_size(const char **fmt, struct conversion *how)
{
    for (; **fmt == 'l' || **fmt == 'z'; (*fmt)++)
        how->wide = true;
}

/* A va_list that is an array cannot be passed on by address otherwise. */
struct arguments {
    va_list list;
};

static void read_width(const char **fmt, struct conversion *how,
                       struct arguments *args)
{
    if (**fmt != '*') {
        how->width = read_number(fmt);
        return;
    }
    set_width(how, va_arg(args->list, int));
    (*fmt)++;
}

static void read_precision(const char **fmt, struct conversion *how,
                           struct arguments *args)
{
    if (**fmt != '.')
        return;
    (*fmt)++;
    if (**fmt != '*') {
        how->precision = read_number(fmt);
        return;
    }
    int precision = va_arg(args->list, int);

    how->precision = precision < 0 ? SIZE_MAX : (size_t)precision;
    (*fmt)++;
}

static int64_t next_signed(struct arguments *args, bool wide)
{
    return wide ? va_arg(args->list, int64_t) : va_arg(args->list, int);
}

static uint64_t next_unsigned(struct arguments *args, bool wide)
{
    return wide ? va_arg(args->list, uint64_t) : va_arg(args->list, unsigned);
}

static bool convert(struct output *out, const struct conversion *how, char kind,
                    struct arguments *args)
{
    char c;

    switch (kind) {
    case 's':
        put_string(out, how, va_arg(args->list, const char *));
        return true;
    case 'c':
        c = (char)va_arg(args->list, int);
        put_text(out, how, &c, 1);
        return true;
    case 'd':
        put_signed(out, how, next_signed(args, how->wide));
        return true;
    case 'u':
        put_number(out, how, next_unsigned(args, how->wide), 10, "");
        return true;
    case 'x':
        put_number(out, how, next_unsigned(args, how->wide), 16, "");
        return true;
    case 'p':
        put_number(out, how, (uintptr_t)va_arg(args->list, void *), 16, "0x");
        return true;
    case '%':
        put(out, '%');
        return true;
    default:
        return false;
    }
}

/* Handles what follows a '%' and returns where the plain text goes on. */
static const char *directive(struct output *out, const char *fmt,
                             struct arguments *args)
{
    struct conversion how = {.precision = SIZE_MAX};
    const char *start = fmt;

    read_flags(&fmt, &how);
    read_width(&fmt, &how, args);
    read_precision(&fmt, &how, args);
    read_size(&fmt, &how);
    if (*fmt != '\0' && convert(out, &how, *fmt, args))
        return fmt + 1;
    put(out, '%');
    return start;
}

int vformat(char *buf, size_t size, const char *fmt, va_list args)
{
    struct output out = {.buf = buf, .size = size};
    struct arguments copy;

    va_copy(copy.list, args);
    while (*fmt != '\0') {
        if (*fmt == '%')
            fmt = directive(&out, fmt + 1, &copy);
        else
            put(&out, *fmt++);
    }
    va_end(copy.list);
    if (size > 0)
        buf[out.length < size ? out.length : size - 1] = '\0';
    return out.length > INT_MAX ? INT_MAX : (int)out.length;
}

int format(char *buf, size_t size, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int length = vformat(buf, size, fmt, args);
    va_end(args);
    return length;
}

void format_text(char *buf, size_t size, const char *text)
{
    char *const end = buf + size - 1;

    while (buf < end && *text) {
        *buf++ = *text++;
    }
    *buf = '\0';
}
