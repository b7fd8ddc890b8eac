/* SPDX-License-Identifier: BSD-2-Clause */
#include "ft/pages.h"

bool page_copy_by_bytes;

/* Most words are 0, and a VM of 1 GiB has 4,096. */
uint64_t page_set_skip(const uint64_t *bits, uint64_t word, uint64_t words)
{
    const uint64_t *at = bits + word;
    uint64_t left = words - word;

    if (word >= words) {
        return words;
    }
    asm volatile("repe scasq" /* stops behind the first that is not 0 */
                 : "+D"(at), "+c"(left)
                 : "a"(0ul)
                 : "cc", "memory");
    word = words - left;
    return at[-1] ? word - 1 : words;
}

uint64_t page_set_count(const uint64_t *bits, uint64_t words)
{
    uint64_t count = 0;

    for (uint64_t i = page_set_skip(bits, 0, words); i < words;
         i = page_set_skip(bits, i + 1, words)) {
        for (uint64_t word = bits[i]; word; word &= word - 1) {
            count++;
        }
    }
    return count;
}
