/* SPDX-License-Identifier: BSD-2-Clause */
/* Keep in step with beat_model.py. */
#include "tests/guests/beat/beat.h"

#include "tests/guests/lib/util.h"

#define MULTIPLIER 1664525u
#define FOLD       0x01000193u

static uint32_t full_sum(const struct beat *b)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < b->words; i++)
        sum += b->buffer[i] * (2 * i + 1);
    return sum;
}

void beat_start(struct beat *b, uint32_t *buffer, uint32_t words,
                uint32_t change, uint32_t seed)
{
    b->buffer = buffer;
    b->words = words;
    b->change = change;
    b->number = 0;
    b->history = 0;
    b->prng = seed == 0 ? 1 : seed;
    for (uint32_t i = 0; i < words; i++)
        buffer[i] = prng_next(&b->prng);
    b->sum = full_sum(b);
}

void beat_step(struct beat *b)
{
    b->number++;
    for (uint32_t n = 0; n < b->change; n++) {
        uint32_t r = prng_next(&b->prng);
        uint32_t i = r >> 4 & (b->words - 1);
        uint32_t old = b->buffer[i];

        b->buffer[i] = (old ^ b->number) * MULTIPLIER + r;
        b->sum += (b->buffer[i] - old) * (2 * i + 1);
    }
    b->history = ((b->history << 5 | b->history >> 27) ^ b->sum) * FOLD;
}

bool beat_intact(const struct beat *b)
{
    return full_sum(b) == b->sum;
}
