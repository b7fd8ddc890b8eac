/* SPDX-License-Identifier: BSD-2-Clause */
/* What an address space leads to, table by table. */
#include "arch/x86_64/paging.h"

#define PTE_PRESENT 0x001ul
#define PTE_ADDRESS 0x000ffffffffff000ul
#define ENTRIES     512
#define LEVELS      4

/* One temporary mapping for each level; there are no large pages. */
_Static_assert(TEMP_SLOTS == LEVELS, "a table of each level is mapped at once");

static uint64_t count_in(uint64_t frame, unsigned level,
                         bool (*counts)(uint64_t frame, uint16_t vm),
                         uint16_t vm)
{
    const uint64_t *table = temp_map((enum temp_slot)(level - 1), frame);
    uint64_t found = 0;

    for (unsigned i = 0; i < ENTRIES; i++) {
        if (!(table[i] & PTE_PRESENT)) {
            continue;
        }
        if (level == 1) {
            found += counts(table[i] & PTE_ADDRESS, vm);
        } else {
            found += count_in(table[i] & PTE_ADDRESS, level - 1, counts, vm);
        }
    }
    temp_unmap((enum temp_slot)(level - 1));
    return found;
}

uint64_t root_count(uint64_t root, bool (*counts)(uint64_t frame, uint16_t vm),
                    uint16_t vm)
{
    return count_in(root, LEVELS, counts, vm);
}
