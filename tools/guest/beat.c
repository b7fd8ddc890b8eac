/* SPDX-License-Identifier: BSD-2-Clause */
#include "beat.h"

#include <stdlib.h>

enum {
    PAGE_WORDS = 4096 / sizeof(uint64_t),
    CHANGED_PAGES = 16, /* in each beat */
};

/* splitmix64: every state gives another number. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t value = *state += 0x9E3779B97F4A7C15;

    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
    value = (value ^ value >> 27) * 0x94D049BB133111EB;
    return value ^ value >> 31;
}

static void put_word(struct beat *beat, size_t i, uint64_t value)
{
    uint64_t change = value - beat->words[i];

    beat->sum += change;
    beat->moment += change * (beat->count - i);
    beat->words[i] = value;
}

bool beat_start(struct beat *beat, uint64_t seed, size_t mib)
{
    *beat = (struct beat){.count = mib * 256 * PAGE_WORDS, .random = seed};
    beat->words = calloc(beat->count, sizeof(uint64_t));
    if (!beat->words)
        return false;
    for (size_t i = 0; i < beat->count; i++)
        put_word(beat, i, next_random(&beat->random));
    return true;
}

/* The sum of all partial sums weighs word i by count - i: one addition in
 * place of a multiplication. */
static bool check_words(const struct beat *beat)
{
    const uint64_t *words = beat->words;
    uint64_t sum = 0;
    uint64_t moment = 0;

    for (size_t i = 0; i < beat->count; i += 8) {
        moment += sum += words[i];
        moment += sum += words[i + 1];
        moment += sum += words[i + 2];
        moment += sum += words[i + 3];
        moment += sum += words[i + 4];
        moment += sum += words[i + 5];
        moment += sum += words[i + 6];
        moment += sum += words[i + 7];
    }
    return sum == beat->sum && moment == beat->moment;
}

bool beat_next(struct beat *beat)
{
    size_t pages = beat->count / PAGE_WORDS - CHANGED_PAGES + 1;
    size_t first = next_random(&beat->random) % pages * PAGE_WORDS;
    uint64_t mixed;

    for (size_t i = 0; i < CHANGED_PAGES * PAGE_WORDS; i++)
        put_word(beat, first + i, next_random(&beat->random));
    beat->number++;
    mixed = beat->digest ^ beat->sum ^ (beat->moment << 1) ^ beat->number;
    beat->digest = next_random(&mixed);
    return check_words(beat);
}
