/* SPDX-License-Identifier: BSD-2-Clause */
#include "ft/page_copy.h"

#include "ft/pages.h"
#include "kernel/time.h"

#define TRIES 16

static uint8_t pages[2][PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));

/* The best, since whatever disturbs it only adds. */
static uint64_t best(void (*copy)(void *to, const void *from))
{
    uint64_t least = UINT64_MAX;

    for (unsigned i = 0; i < TRIES; i++) {
        uint64_t start = time_now(), ticks;

        copy(pages[0], pages[1]);
        ticks = time_now() - start;
        least = ticks < least ? ticks : least;
    }
    return least;
}

struct page_copy_ticks page_copy_measure(void)
{
    return (struct page_copy_ticks){.words = best(page_copy_words),
                                    .bytes = best(page_copy_bytes)};
}

struct page_copy_ticks page_copy_choose(bool erms)
{
    struct page_copy_ticks ticks = page_copy_measure();

    page_copy_by_bytes = erms && ticks.bytes <= ticks.words;
    return ticks;
}
