/* SPDX-License-Identifier: BSD-2-Clause */
/* 2 MiB leaves. Page tables stay allocated behind them, found through
 * s2->split: a page that names, for each GiB, a page with the links. */
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/vmx/ept.h"
#include "arch/x86_64/vmx/vmx.h"
#include "kernel/errno.h"
#include "kernel/frame.h"

#define PSCHANGE_MC_NO (1ul << 6) /* IA32_ARCH_CAPABILITIES */

static uint64_t *word_at(uint64_t frame, uint64_t index)
{
    return (uint64_t *)temp_map(TEMP_STAGE2, frame) + index;
}

static uint64_t kept_links(const struct stage2 *s2, uint64_t gpa)
{
    uint64_t gib = gpa >> 30;

    return s2->split && gib < EPT_ENTRIES ? *word_at(s2->split, gib) : 0;
}

int ept_large_create(struct stage2 *s2)
{
    if (!(vmx_caps.may[VMX_EPT] & EPT_CAP_2M)) {
        return 0;
    }
    s2->split = vmx_frame(s2->vm, false);
    if (!s2->split) {
        return -ENOMEM;
    }
    s2->tables++;
    for (uint64_t gib = 0; gib < EPT_ENTRIES && gib << 30 < s2->memory_top;
         gib++) {
        uint64_t frame = vmx_frame(s2->vm, false);

        if (!frame) {
            return -ENOMEM;
        }
        s2->tables++;
        *word_at(s2->split, gib) = frame;
    }
    return 0;
}

static bool safe_to_execute(void)
{
    uint64_t capabilities = 0;

    return msr_read(MSR_ARCH_CAPS, &capabilities) == 0 &&
           (capabilities & PSCHANGE_MC_NO);
}

/* The leaf that can stand for a page table; 0 when there is none. */
static uint64_t merged(uint64_t table, uint64_t drop)
{
    const uint64_t *leaves = word_at(table, 0);

    if ((leaves[0] & EPT_ALL) != EPT_ALL ||
        (leaves[0] & EPT_ADDRESS & (EPT_TABLE_SPAN - 1))) {
        return 0;
    }
    for (unsigned i = 1; i < EPT_ENTRIES; i++) {
        if (leaves[i] != leaves[0] + i * PAGE_SIZE) {
            return 0;
        }
    }
    return (leaves[0] | EPT_LARGE) & ~drop;
}

void ept_large_merge(struct stage2 *s2)
{
    uint64_t drop = safe_to_execute() ? 0 : STAGE2_EXEC;

    for (uint64_t gpa = 0; gpa < s2->memory_top; gpa += EPT_TABLE_SPAN) {
        uint64_t links = kept_links(s2, gpa);
        uint64_t table = ept_table(s2, gpa, 1, false);
        uint64_t leaf = table && links ? merged(table, drop) : 0;

        if (leaf) {
            unsigned index = ept_index(gpa, 2);

            *word_at(links, index) = table | EPT_ALL;
            *word_at(ept_table(s2, gpa, 2, false), index) = leaf;
            s2->large++;
        }
    }
    s2->generation++;
}

uint64_t ept_large_split(struct stage2 *s2, uint64_t gpa)
{
    uint64_t links = kept_links(s2, gpa);
    uint64_t directory = ept_table(s2, gpa, 2, false);
    unsigned index = ept_index(gpa, 2);
    uint64_t link;

    if (!links || !directory) {
        return 0;
    }
    link = *word_at(links, index);
    *word_at(directory, index) = link;
    s2->generation++;
    return link;
}

bool ept_large_fetch(struct stage2 *s2, uint64_t gpa)
{
    uint64_t directory = ept_table(s2, gpa, 2, false);

    if (!directory || !(*word_at(directory, ept_index(gpa, 2)) & EPT_LARGE)) {
        return false;
    }
    return ept_large_split(s2, gpa) != 0;
}
