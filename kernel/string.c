/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/string.h"

#include <stdint.h>

/* Compilers emit calls to these four; -fno-builtin keeps them from turning a
 * loop below into a call to itself. */
void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    void *d = to;
    size_t words = n / 8, bytes = n % 8;

    asm volatile("rep movsq" : "+D"(d), "+S"(from), "+c"(words)::"memory");
    asm volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(bytes)::"memory");
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    char *d = to;
    const char *s = from;

    if (d <= s || d >= s + n) {
        return memcpy(to, from, n);
    }
    while (n--) {
        d[n] = s[n];
    }
    return to;
}

void *memset(void *to, int byte, size_t n)
{
    void *d = to;
    uint64_t word = 0x0101010101010101ul * (uint8_t)byte;
    size_t words = n / 8, bytes = n % 8;

    asm volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(word) : "memory");
    asm volatile("rep stosb" : "+D"(d), "+c"(bytes) : "a"(word) : "memory");
    return to;
}

typedef uint64_t __attribute__((aligned(1), may_alias)) unaligned_u64;

static uint64_t word_at(const uint8_t *p)
{
    return *(const unaligned_u64 *)p;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;
    size_t i = 0;

    for (; i + 8 <= n && word_at(x + i) == word_at(y + i); i += 8) {
    }
    for (; i < n; i++) {
        if (x[i] != y[i]) {
            return x[i] - y[i];
        }
    }
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;

    while (s[n]) {
        n++;
    }
    return n;
}

size_t strnlen(const char *s, size_t max)
{
    size_t n = 0;

    while (n < max && s[n]) {
        n++;
    }
    return n;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (a[i] != b[i] || !a[i]) {
            return (uint8_t)a[i] - (uint8_t)b[i];
        }
    }
    return 0;
}

char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c) {
            return (char *)(uintptr_t)s;
        }
        if (!*s) {
            return NULL;
        }
    }
}
