/* SPDX-License-Identifier: BSD-2-Clause */
/* What a C library would have given. */
#ifndef GUESTS_LIB_UTIL_H
#define GUESTS_LIB_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* value / by; *rest (may be null) takes the remainder; by is not 0. */
uint64_t divide(uint64_t value, uint32_t by, uint32_t *rest);

/* Are the two strings the same? */
bool same(const char *a, const char *b);

/* The compiler calls these by itself. */
void *memset(void *to, int value, size_t n);
void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
int memcmp(const void *a, const void *b, size_t n);

/* xorshift32 (Marsaglia 2003): the next number from *state, never 0. */
static inline uint32_t prng_next(uint32_t *state)
{
    uint32_t x = *state;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    *state = x;
    return x;
}

/* Where the image ends and free memory begins, page-aligned. */
extern char image_start[], image_text_end[], image_end[];

#endif
