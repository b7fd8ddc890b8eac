/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/lib/console.h"

#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/util.h"

#define SPINS     10000000u
#define LINE_SIZE 80u

static char line[LINE_SIZE];
static uint32_t line_length;

void console_init(void)
{
    outb(UART_IER, 0);
    outb(UART_LCR, 0x83);
    outb(UART_DATA, 1);
    outb(UART_IER, 0);
    outb(UART_LCR, 0x03);
    outb(UART_FCR, 0x07);
    outb(UART_MCR, 0x0B);
}

static void wait_for(uint8_t bits)
{
    for (uint32_t i = 0; i < SPINS; i++) {
        if ((inb(UART_LSR) & bits) == bits)
            return;
    }
}

void console_flush(void)
{
    wait_for(UART_LSR_TEMT);
}

static void put(char c)
{
    if (c == '\n')
        put('\r');
    wait_for(UART_LSR_THRE);
    outb(UART_DATA, (uint8_t)c);
}

static void put_number(uint64_t value, uint32_t base, uint32_t width, char pad)
{
    char digits[24];
    uint32_t n = 0;

    do {
        uint32_t digit;

        value = divide(value, base, &digit);
        digits[n++] = "0123456789abcdef"[digit];
    } while (value != 0);
    for (uint32_t i = n; i < width; i++)
        put(pad);
    while (n > 0)
        put(digits[--n]);
}

static const char *put_item(const char *format, va_list *list)
{
    char pad = ' ';
    uint32_t width = 0;
    bool wide = false;

    if (*format == '0')
        pad = *format++;
    while (*format >= '0' && *format <= '9')
        width = width * 10 + (uint32_t)(*format++ - '0');
    for (; *format == 'l'; format++)
        wide = format[1] == 'l' || wide;
    if (*format == 's') {
        for (const char *s = va_arg(*list, const char *); *s != 0; s++)
            put(*s);
    } else if (*format == 'c') {
        put((char)va_arg(*list, int));
    } else {
        uint64_t v = wide ? va_arg(*list, uint64_t) : va_arg(*list, uint32_t);

        put_number(v, *format == 'x' ? 16 : 10, width, pad);
    }
    return format + 1;
}

void print_list(const char *format, va_list list)
{
    va_list copy;

    va_copy(copy, list);
    while (*format != 0) {
        if (*format == '%')
            format = put_item(format + 1, &copy);
        else
            put(*format++);
    }
    va_end(copy);
}

void print(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    print_list(format, list);
    va_end(list);
}

const char *console_line(void)
{
    while ((inb(UART_LSR) & UART_LSR_DR) != 0) {
        char c = (char)inb(UART_DATA);

        if (c != '\r' && c != '\n') {
            if (line_length < LINE_SIZE - 1)
                line[line_length++] = c;
        } else if (line_length > 0) {
            line[line_length] = 0;
            line_length = 0;
            return line;
        }
    }
    return NULL;
}
