/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/crash/crash.h"

#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/util.h"

#define PAGE_WORDS  1024u
#define SPOIL_EVERY 3u /* pages; the others stay as they were */

static uint32_t *const buffer = (uint32_t *)image_end;
static uint32_t words, noted;

static uint32_t sum(void)
{
    uint32_t value = 0;

    for (uint32_t i = 0; i < words; i++)
        value += buffer[i] * (2 * i + 1);
    return value;
}

void memory_fill(uint32_t kib, uint32_t flavour)
{
    uint32_t prng = flavour * 2 + 1;
    uint32_t room = (machine_ram_end() - (uint32_t)buffer) / 4;

    words = kib * 256 < room ? kib * 256 : room;
    for (uint32_t i = 0; i < words; i++)
        buffer[i] = prng_next(&prng);
    noted = sum();
}

void memory_spoil(void)
{
    for (uint32_t i = 0; i < words; i += SPOIL_EVERY * PAGE_WORDS)
        memset(&buffer[i], 0xA5, PAGE_WORDS * 4);
}

bool memory_intact(void)
{
    return sum() == noted;
}
