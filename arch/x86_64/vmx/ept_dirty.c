/* SPDX-License-Identifier: BSD-2-Clause */
/* Which pages were written: the leaves' side of all three engines. */
#include "arch/x86_64/paging.h"
#include "arch/x86_64/vmx/ept.h"
#include "kernel/frame.h"

#define WORD_BITS   64
#define TABLE_WORDS (EPT_ENTRIES / WORD_BITS)

static uint64_t *leaves_of(struct stage2 *s2, uint64_t gpa)
{
    uint64_t table = ept_table(s2, gpa, 1, false);

    return table ? temp_map(TEMP_STAGE2, table) : NULL;
}

void ept_mark_dirty(struct stage2 *s2, uint64_t gpa)
{
    uint64_t page = gpa >> PAGE_SHIFT;

    if (gpa < s2->memory_top) {
        __atomic_fetch_or(&s2->dirty_bits[page / WORD_BITS],
                          1ul << page % WORD_BITS, __ATOMIC_RELAXED);
    }
}

bool ept_note_write(struct stage2 *s2, uint64_t gpa)
{
    uint64_t *leaves = gpa < s2->memory_top ? leaves_of(s2, gpa) : NULL;
    uint64_t *leaf;

    if (!leaves) {
        return false;
    }
    leaf = &leaves[ept_index(gpa, 1)];
    if (!(*leaf & EPT_MAY_WRITE) || !(*leaf & STAGE2_READ)) {
        return false;
    }
    __atomic_fetch_or(leaf, STAGE2_WRITE, __ATOMIC_RELAXED);
    ept_mark_dirty(s2, gpa);
    return true;
}

void ept_collect(struct stage2 *s2)
{
    for (uint64_t gpa = 0; gpa < s2->memory_top; gpa += EPT_TABLE_SPAN) {
        uint64_t *leaves = leaves_of(s2, gpa);

        for (unsigned i = 0; leaves && i < EPT_ENTRIES; i++) {
            if (leaves[i] & EPT_DIRTY) {
                ept_mark_dirty(s2, gpa + i * PAGE_SIZE);
            }
        }
    }
}

/* The leaves of one word of the bitmap become clean. */
static void rearm_word(struct stage2 *s2, uint64_t *leaves, uint64_t *word)
{
    uint64_t forget = s2->engine == DIRTY_WRITE ? STAGE2_WRITE : EPT_DIRTY;

    for (uint64_t bits = *word; bits; bits &= bits - 1) {
        leaves[__builtin_ctzl(bits)] &= ~forget;
    }
    *word = 0;
}

static void rearm_table(struct stage2 *s2, uint64_t gpa, uint64_t *words,
                        unsigned count)
{
    uint64_t *leaves = NULL;

    for (unsigned i = 0; i < count; i++) {
        if (!words[i]) {
            continue;
        }
        if (!leaves) {
            leaves = leaves_of(s2, gpa);
        }
        if (leaves) {
            rearm_word(s2, leaves + (uint64_t)i * WORD_BITS, &words[i]);
        }
    }
}

/* Most tables have nothing dirty. */
static bool any_of_eight(const uint64_t *words)
{
    _Static_assert(TABLE_WORDS == 8, "as many are looked at");
    return words[0] | words[1] | words[2] | words[3] | words[4] | words[5] |
           words[6] | words[7];
}

/* memory_top need not be a multiple of what a word or a table stands for;
 * the bitmap has whole words. */
void ept_rearm(struct stage2 *s2)
{
    const uint64_t word_span = WORD_BITS * PAGE_SIZE;

    if (s2->engine == DIRTY_NONE) {
        return;
    }
    for (uint64_t gpa = 0; gpa < s2->memory_top; gpa += EPT_TABLE_SPAN) {
        uint64_t left = (s2->memory_top - gpa + word_span - 1) / word_span;
        unsigned count = left < TABLE_WORDS ? (unsigned)left : TABLE_WORDS;
        uint64_t *words = &s2->dirty_bits[gpa / word_span];

        if (count < TABLE_WORDS || any_of_eight(words)) {
            rearm_table(s2, gpa, words, count);
        }
    }
    s2->generation++;
}
