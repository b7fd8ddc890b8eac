/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A program whose every answer depends on all that it ever did: a buffer of
 * pseudo-random data, a part of it changed at each beat, all of it checked.
 * The same seed and size give the same sums on every machine.
 */
#ifndef BEAT_H
#define BEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct beat {
    uint64_t *words; /* the buffer */
    size_t count;    /* words in it */
    uint64_t random; /* state of the generator */
    uint64_t number; /* beats so far */
    uint64_t sum;    /* what the words must sum up to ... */
    uint64_t moment; /* ... and weighted by their places */
    uint64_t digest; /* of all sums so far */
};

/* Fills a buffer of mib MiB, 1 to 1024, by seed; false: no memory. */
bool beat_start(struct beat *beat, uint64_t seed, size_t mib);

/* Changes 64 KiB at a random place and reads the whole buffer. False when a
 * byte of it is not what was written there. */
bool beat_next(struct beat *beat);

#endif
