/* SPDX-License-Identifier: BSD-2-Clause */
/* What the fuzz targets share: reading the input, and properties. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/errno.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A property that holds for every input. */
#define require(what)                                                          \
    do {                                                                       \
        if (!(what)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
            abort();                                                           \
        }                                                                      \
    } while (0)

/* What is left of the input. */
struct input {
    const uint8_t *at;
    size_t left;
};

/* The next bytes, 1 to 8, as a little-endian number; behind the end zeroes. */
static inline uint64_t take(struct input *in, unsigned bytes)
{
    size_t n = bytes < in->left ? bytes : in->left;
    uint64_t value = 0;

    memcpy(&value, in->at, n);
    in->at += n;
    in->left -= n;
    return value;
}

/* A number below limit, which is at most 65536. */
static inline unsigned take_below(struct input *in, unsigned limit)
{
    return (unsigned)take(in, limit > 256 ? 2 : 1) % limit;
}

/* A 64-bit number in a form that finds edges fast: small, one or two bits,
 * the negative of these, or anything. */
static inline uint64_t take_number(struct input *in)
{
    unsigned form = (unsigned)take(in, 1);

    switch (form % 8) {
    case 0:
        return take(in, 1);
    case 1:
        return 1ull << take_below(in, 64);
    case 2:
        return ~(1ull << take_below(in, 64));
    case 3:
        return (1ull << take_below(in, 64)) - 1;
    case 4:
        return -take(in, 1);
    case 5:
        return take(in, 4);
    case 6:
        return 1ull << take_below(in, 64) | 1ull << take_below(in, 64);
    default:
        return take(in, 8);
    }
}

/* A copy of exactly that size, so that the sanitizer sees every byte that is
 * read behind it. To be freed. */
static inline void *exact_copy(const void *data, size_t size)
{
    void *copy = malloc(size);

    require(copy != NULL);
    memcpy(copy, data, size);
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
