/* SPDX-License-Identifier: BSD-2-Clause */
#include "ft/pages.h"

/* Most words are 0, and a VM of 1 GiB has 4,096: eight at a time. */
uint64_t page_set_skip(const uint64_t *bits, uint64_t word, uint64_t words)
{
    while (word + 8 <= words) {
        const uint64_t *w = bits + word;

        if (w[0] | w[1] | w[2] | w[3] | w[4] | w[5] | w[6] | w[7]) {
            break;
        }
        word += 8;
    }
    while (word < words && !bits[word]) {
        word++;
    }
    return word;
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
