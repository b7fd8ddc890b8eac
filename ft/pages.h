/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole pages, and sets of page numbers as bitmaps. */
#ifndef FT_PAGES_H
#define FT_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE_BYTES 4096u
#define NO_PAGE    UINT64_MAX

/* Two ways to copy a page; which one is faster depends on the processor. */
static inline void page_copy_words(void *to, const void *from)
{
    uint64_t words = PAGE_BYTES / 8;

    asm volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words)::"memory");
}

static inline void page_copy_bytes(void *to, const void *from)
{
    uint64_t bytes = PAGE_BYTES;

    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes)::"memory");
}

/* Set once, at start-up, by page_copy_choose(). */
extern bool page_copy_by_bytes;

/* Copies one page. A machine check in it cannot be continued (the fast
 * string instructions are not restartable on all CPUs): read what may be
 * poisoned by crc32c_page() first. */
static inline void page_copy(void *to, const void *from)
{
    if (page_copy_by_bytes) {
        page_copy_bytes(to, from);
    } else {
        page_copy_words(to, from);
    }
}

static inline void page_zero(void *page)
{
    uint64_t words = PAGE_BYTES / 8;

    asm volatile("rep stosq" : "+D"(page), "+c"(words) : "a"(0ul) : "memory");
}

static inline bool page_set_has(const uint64_t *bits, uint64_t page)
{
    return bits[page / 64] >> page % 64 & 1;
}

static inline void page_set_add(uint64_t *bits, uint64_t page)
{
    bits[page / 64] |= 1ul << page % 64;
}

/* The first word from `word` on that is not 0; words if there is none. */
uint64_t page_set_skip(const uint64_t *bits, uint64_t word, uint64_t words);

/* Pages in the set. */
uint64_t page_set_count(const uint64_t *bits, uint64_t words);

/* The first page of the set from `page` on, or NO_PAGE. */
static inline uint64_t page_set_next(const uint64_t *bits, uint64_t words,
                                     uint64_t page)
{
    uint64_t word = page / 64, rest;

    if (word >= words) {
        return NO_PAGE;
    }
    rest = bits[word] >> page % 64;
    if (rest) {
        return page + (uint64_t)__builtin_ctzl(rest);
    }
    word = page_set_skip(bits, word + 1, words);
    return word == words ? NO_PAGE
                         : word * 64 + (uint64_t)__builtin_ctzl(bits[word]);
}

#endif
