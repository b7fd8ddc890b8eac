/* SPDX-License-Identifier: BSD-2-Clause */
/* The arithmetic of the heartbeat, and the faults that it knows. */
#ifndef GUESTS_BEAT_BEAT_H
#define GUESTS_BEAT_BEAT_H

#include <stdbool.h>
#include <stdint.h>

struct beat {
    uint32_t *buffer;
    uint32_t words;  /* a power of two */
    uint32_t change; /* words changed in a beat */
    uint32_t number; /* of the last beat */
    uint32_t prng;
    uint32_t sum;     /* of buffer[i] * (2 i + 1), kept up to date */
    uint32_t history; /* folds every sum so far: what is printed */
};

/* Fill buffer from seed (0 counts as 1). */
void beat_start(struct beat *b, uint32_t *buffer, uint32_t words,
                uint32_t change, uint32_t seed);

/* Change some words and fold the new sum into the history. */
void beat_step(struct beat *b);

/* Does all of the buffer still have the sum that it should? */
bool beat_intact(const struct beat *b);

/* Commit the fault that line names; false where there is none such. */
bool beat_command(const char *line);

/* Commit the fault of the command line's cause=WORD. */
void beat_ordered(void);

#endif
