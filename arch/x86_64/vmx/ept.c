/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86_64/vmx/ept.h"

#include "arch/x86_64/paging.h"
#include "arch/x86_64/vmx/vmx.h"
#include "kernel/errno.h"
#include "kernel/frame.h"

/* EPTP (SDM vol. 3, 24.6.11). */
#define EPTP_WRITE_BACK 6ul
#define EPTP_WALK_4     (3ul << 3)
#define EPTP_DIRTY      (1ul << 6)

#define LEAF            (EPT_WRITE_BACK | EPT_IGNORE_PAT)
#define LINK            EPT_ALL

unsigned ept_index(uint64_t gpa, unsigned level)
{
    return gpa >> (12 + 9 * (level - 1)) & (EPT_ENTRIES - 1);
}

static uint64_t *entry_of(uint64_t table, uint64_t gpa, unsigned level)
{
    return (uint64_t *)temp_map(TEMP_STAGE2, table) + ept_index(gpa, level);
}

/* A table all of whose entries are value; 0 when there is no frame. */
static uint64_t make_table(struct stage2 *s2, uint64_t value)
{
    uint64_t frame = frame_alloc(OWNER_VM, ROLE_TABLE, s2->vm, 0);
    uint64_t *entries;

    if (!frame) {
        return 0;
    }
    s2->tables++;
    entries = temp_map(TEMP_STAGE2, frame);
    for (unsigned i = 0; i < EPT_ENTRIES; i++) {
        entries[i] = value;
    }
    return frame;
}

/* A private table in place of none, or of a shared one, whose entries are
 * all alike. */
static uint64_t own_link(struct stage2 *s2, uint64_t former)
{
    uint64_t value = 0;
    uint64_t frame;

    if (former & EPT_SHARED) {
        value = *(uint64_t *)temp_map(TEMP_STAGE2, former & EPT_ADDRESS);
    }
    frame = make_table(s2, value);
    return frame ? frame | LINK : 0;
}

/* The link below table on the way to gpa. */
static uint64_t link_at(struct stage2 *s2, uint64_t table, uint64_t gpa,
                        unsigned level, bool own)
{
    uint64_t link = *entry_of(table, gpa, level);

    if (!own) {
        return link & EPT_LARGE ? 0 : link;
    }
    if (link & EPT_LARGE) {
        return ept_large_split(s2, gpa);
    }
    if (!link || (link & EPT_SHARED)) {
        uint64_t made = own_link(s2, link);

        if (made) {
            *entry_of(table, gpa, level) = made;
            s2->generation++;
        }
        return made;
    }
    return link;
}

uint64_t ept_table(struct stage2 *s2, uint64_t gpa, unsigned level, bool own)
{
    uint64_t table = s2->root;

    if (gpa >= EPT_GPA_LIMIT) {
        return 0;
    }
    for (unsigned at = 4; at > level; at--) {
        uint64_t link = link_at(s2, table, gpa, at, own);

        if (!link) {
            return 0;
        }
        table = link & EPT_ADDRESS;
    }
    return table;
}

int ept_create(struct stage2 *s2, uint16_t vm, uint64_t memory_top,
               bool tracked, uint64_t *dirty_bits)
{
    *s2 = (struct stage2){
        .vm = vm,
        .engine = vmx_choose_engine(tracked),
        .memory_top = memory_top,
        .generation = 1,
        .dirty_bits = dirty_bits,
    };
    s2->root = make_table(s2, 0);
    if (!s2->root) {
        return -ENOMEM;
    }
    s2->token = s2->root | EPTP_WRITE_BACK | EPTP_WALK_4;
    if (s2->engine == DIRTY_LOG || s2->engine == DIRTY_BITS) {
        s2->token |= EPTP_DIRTY;
    }
    for (uint64_t gpa = 0; gpa < memory_top; gpa += EPT_TABLE_SPAN) {
        if (!ept_table(s2, gpa, 1, true)) {
            return -ENOMEM;
        }
    }
    return tracked ? 0 : ept_large_create(s2);
}

/* A page counts as clean when it is mapped: the copy that it is compared
 * with is equal then. */
int ept_map(struct stage2 *s2, uint64_t gpa, uint64_t hpa, unsigned protection)
{
    uint64_t table = ept_table(s2, gpa, 1, true);
    uint64_t leaf = (hpa & EPT_ADDRESS) | LEAF | (protection & EPT_ALL);

    if (!table) {
        return -ENOMEM;
    }
    if (leaf & STAGE2_WRITE) {
        leaf |= EPT_MAY_WRITE;
    }
    if (s2->engine == DIRTY_WRITE && gpa < s2->memory_top) {
        leaf &= ~(uint64_t)STAGE2_WRITE;
    }
    *entry_of(table, gpa, 1) = leaf;
    s2->generation++;
    return 0;
}

/* Replaces what is empty in a private table. */
static void fill_table(uint64_t table, uint64_t value)
{
    uint64_t *entries = temp_map(TEMP_STAGE2, table);

    for (unsigned i = 0; i < EPT_ENTRIES; i++) {
        if (!entries[i]) {
            entries[i] = value;
        }
    }
}

/* Tables of the given level on the way to RAM. */
static void fill_level(struct stage2 *s2, unsigned level, uint64_t value)
{
    uint64_t former = 0;

    for (uint64_t gpa = 0; gpa < s2->memory_top; gpa += EPT_TABLE_SPAN) {
        uint64_t table = ept_table(s2, gpa, level, false);

        if (table && table != former) {
            fill_table(table, value);
            former = table;
        }
    }
}

static int make_holes(struct stage2 *s2, const uint64_t *holes, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t table = ept_table(s2, holes[i], 1, true);

        if (!table) {
            return -ENOMEM;
        }
        *entry_of(table, holes[i], 1) = 0;
    }
    return 0;
}

/* One page table, one directory and one directory of directories stand for
 * all that is empty; they exist once and are shared. */
int ept_fill(struct stage2 *s2, uint64_t ones_hpa, const uint64_t *holes,
             unsigned hole_count)
{
    uint64_t value = (ones_hpa & EPT_ADDRESS) | LEAF | STAGE2_READ | EPT_ONES;

    for (unsigned level = 1; level <= 4; level++) {
        uint64_t shared;

        fill_level(s2, level, value);
        if (level == 4) {
            fill_table(s2->root, value);
            break;
        }
        shared = make_table(s2, value);
        if (!shared) {
            return -ENOMEM;
        }
        value = shared | LINK | EPT_SHARED;
    }
    s2->generation++;
    if (s2->engine == DIRTY_NONE) {
        ept_large_merge(s2);
    }
    return make_holes(s2, holes, hole_count);
}

uint64_t ept_lookup(struct stage2 *s2, uint64_t gpa)
{
    uint64_t table = ept_table(s2, gpa, 1, false);
    uint64_t directory;
    uint64_t leaf;

    if (table) {
        leaf = *entry_of(table, gpa, 1);
    } else {
        directory = ept_table(s2, gpa, 2, false);
        leaf = directory ? *entry_of(directory, gpa, 2) : 0;
        leaf += leaf ? gpa & (EPT_TABLE_SPAN - 1) & EPT_ADDRESS : 0;
    }
    if (leaf & EPT_MAY_WRITE) {
        leaf |= STAGE2_WRITE;
    }
    return leaf & (EPT_ADDRESS | EPT_ALL);
}

/* Writable but not readable is a misconfiguration (SDM vol. 3, 28.2.3.1). */
int ept_corrupt(struct stage2 *s2, uint64_t gpa)
{
    uint64_t table;

    if (!ept_lookup(s2, gpa)) {
        return -EFAULT;
    }
    table = ept_table(s2, gpa, 1, true);
    if (!table) {
        return -ENOMEM;
    }
    *entry_of(table, gpa, 1) &= ~EPT_ALL;
    *entry_of(table, gpa, 1) |= STAGE2_WRITE;
    s2->generation++;
    return 0;
}
