/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest with page tables for the tests of walk(). */
#ifndef TESTS_UNIT_WALK_GUEST_H
#define TESTS_UNIT_WALK_GUEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/errno.h"
#include "vmm/walk.h"

#define PAGES           6
#define BEYOND          (PAGES * 4096ULL) /* the first address without memory */

#define P               0x1ULL
#define W               0x2ULL
#define U               0x4ULL
#define PS              0x80ULL
#define NX              (1ULL << 63)
#define FULL            (P | W | U)

#define WP              (1ULL << 16)
#define PG              (1ULL << 31)
#define PSE             (1ULL << 4)
#define PAE             (1ULL << 5)
#define SMEP            (1ULL << 20)
#define SMAP            (1ULL << 21)
#define LMA             (1ULL << 10)
#define NXE             (1ULL << 11)

#define ONES(high, low) ((~0ULL >> (63 - (high))) & (~0ULL << (low)))

enum mode { MODE_32, MODE_PAE, MODE_LONG, MODES };

static const struct {
    unsigned levels;
    unsigned shift[4];
    unsigned size; /* of an entry */
    uint64_t root;
    uint64_t cr3; /* the root, and bits that are no address */
    uint64_t cr4, efer;
} modes[MODES] = {
    {2, {22, 12}, 4, 0x1000, 0x1FFF, PSE, 0},
    {3, {30, 21, 12}, 8, 0x1020, 0x103F, PAE, NXE},
    {4, {39, 30, 21, 12}, 8, 0x1000, 0x1FFF, PAE, LMA | NXE},
};

/* Tables in pages 1 to 4; page 0 stays empty, page 5 is for what a test adds.
 */
struct guest {
    uint8_t memory[PAGES * 4096];
    struct walk_state state;
    uint64_t at[4]; /* where the entry of each level is */
    unsigned entry_size;
    unsigned reads;
};

static inline int read_memory(void *context, uint64_t gpa, uint64_t *value,
                              unsigned size)
{
    struct guest *guest = context;

    guest->reads++;
    assert_true(size == 4 || size == 8);
    assert_int_equal(gpa % size, 0);
    *value = 0;
    if (gpa >= BEYOND)
        return -EFAULT;
    memcpy(value, guest->memory + gpa, size);
    return 0;
}

static inline void put(struct guest *guest, unsigned level, uint64_t entry)
{
    memcpy(guest->memory + guest->at[level], &entry, guest->entry_size);
}

static inline uint64_t get(const struct guest *guest, unsigned level)
{
    uint64_t entry = 0;

    memcpy(&entry, guest->memory + guest->at[level], guest->entry_size);
    return entry;
}

/* Tables that map the page of 1 << shift bytes around gva to frame, with all
 * rights. Returns the level of its entry. */
static inline unsigned build(struct guest *guest, enum mode mode, uint64_t gva,
                             unsigned shift, uint64_t frame)
{
    uint64_t table = modes[mode].root;
    uint64_t mask = mode == MODE_32 ? 1023 : mode == MODE_PAE ? 3 : 511;
    unsigned level;

    memset(guest, 0, sizeof(*guest));
    guest->entry_size = modes[mode].size;
    guest->state = (struct walk_state){.cr0 = PG | WP | 1,
                                       .cr3 = modes[mode].cr3,
                                       .cr4 = modes[mode].cr4,
                                       .efer = modes[mode].efer};
    for (level = 0;; level++) {
        unsigned entry_shift = modes[mode].shift[level];
        uint64_t rights = mode == MODE_PAE && level == 0 ? P : FULL;

        guest->at[level] =
            table + (gva >> entry_shift & mask) * modes[mode].size;
        if (entry_shift == shift) {
            put(guest, level, frame | FULL | (shift > 12 ? PS : 0));
            return level;
        }
        table = 0x1000 * (level + 2);
        put(guest, level, table | rights);
        mask = mode == MODE_32 ? 1023 : 511;
    }
}

static inline int do_walk(struct guest *guest, uint64_t gva, unsigned access,
                          struct walk_result *result)
{
    static uint8_t before[sizeof(guest->memory)];
    int error;

    memset(result, 0xA5, sizeof(*result));
    memcpy(before, guest->memory, sizeof(before));
    guest->reads = 0;
    error = walk(&guest->state, gva, access, read_memory, guest, result);
    assert_memory_equal(before, guest->memory, sizeof(before));
    assert_in_range(guest->reads, 0, 4);
    return error;
}

#endif
