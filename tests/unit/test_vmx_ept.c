/* sources: arch/x86_64/vmx/ept*.c arch/x86_64/vmx/engine.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* Stage 2 in an imaginary physical memory: a walk of its own reads what the
 * code under test wrote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/vmx/ept.h"
#include "arch/x86_64/vmx/vmx.h"
#include "kernel/errno.h"
#include "kernel/frame.h"

#define FRAMES 64
#define BASE   0x100000ul /* host-physical, of the first table frame */
#define ONES   0x7f000ul
#define RAM    0x40000000ul /* host-physical, of guest page 0 */
#define MEMORY (6ul << 20)

static uint8_t memory[FRAMES][4096] __attribute__((aligned(4096)));
static unsigned frames_used, frames_left;
static uint64_t arch_capabilities;
static uint64_t bits[MEMORY / 4096 / 64];

struct vmx_caps vmx_caps;

uint64_t frame_alloc(enum frame_owner owner, enum frame_role role, uint16_t vm,
                     uint32_t page)
{
    (void)page;
    assert_int_equal(owner, OWNER_VM);
    assert_int_equal(role, ROLE_TABLE);
    assert_int_equal(vm, 3);
    if (frames_left == 0) {
        return 0;
    }
    frames_left--;
    memset(memory[frames_used], 0xa5, 4096); /* frames come as they are */
    return BASE + 4096ul * frames_used++;
}

uint64_t vmx_frame(uint16_t vm, bool state)
{
    uint64_t frame = frame_alloc(OWNER_VM, ROLE_TABLE, vm, 0);

    assert_false(state);
    if (frame) {
        memset(memory[(frame - BASE) / 4096], 0, 4096);
    }
    return frame;
}

void *temp_map(enum temp_slot slot, uint64_t physical)
{
    assert_int_equal(slot, TEMP_STAGE2);
    assert_in_range(physical, BASE, BASE + 4096ul * frames_used - 1);
    return (uint8_t *)memory + (physical - BASE);
}

int msr_read(uint32_t msr, uint64_t *value)
{
    assert_int_equal(msr, 0x10a);
    *value = arch_capabilities;
    return arch_capabilities ? 0 : -ENODEV;
}

/* The leaf of gpa by the book; *level says where it was found. */
static uint64_t walk(const struct stage2 *s2, uint64_t gpa, unsigned *level)
{
    uint64_t table = s2->root;

    for (*level = 4;; (*level)--) {
        uint64_t entry;

        memcpy(&entry,
               (uint8_t *)memory + (table - BASE) +
                   8 * (gpa >> (12 + 9 * (*level - 1)) & 511),
               8);
        if (*level == 1 || (entry & 7) == 0 || (entry & 0x80)) {
            return entry;
        }
        assert_int_equal(entry & 0x78, 0); /* reserved in a link */
        table = entry & 0x000ffffffffff000;
    }
}

static uint64_t leaf(const struct stage2 *s2, uint64_t gpa)
{
    unsigned level;

    return walk(s2, gpa, &level);
}

static uint64_t *leaf_at(const struct stage2 *s2, uint64_t gpa)
{
    uint64_t table = ept_table((struct stage2 *)s2, gpa, 1, false);

    return (uint64_t *)temp_map(TEMP_STAGE2, table) + (gpa >> 12 & 511);
}

static void offer(uint64_t ept, uint64_t proc2)
{
    memset(&vmx_caps, 0, sizeof(vmx_caps));
    vmx_caps.may[VMX_EPT] = ept;
    vmx_caps.may[VMX_PROC2] = proc2;
}

static void force(enum dirty_engine_kind kind)
{
    struct cpu_missing missing;

    assert_int_equal(vmx_force_engine(kind, &missing), 0);
}

static int setup(void **state)
{
    (void)state;
    frames_used = 0;
    frames_left = FRAMES;
    arch_capabilities = 0;
    force(DIRTY_NONE);
    memset(bits, 0, sizeof(bits));
    offer(EPT_CAP_DIRTY | EPT_CAP_2M, PROC2_PML);
    return 0;
}

static void map_ram(struct stage2 *s2, bool tracked)
{
    assert_int_equal(ept_create(s2, 3, MEMORY, tracked, bits), 0);
    for (uint64_t gpa = 0; gpa < MEMORY; gpa += 4096) {
        assert_int_equal(ept_map(s2, gpa, RAM + gpa, EPT_ALL), 0);
    }
}

static void test_create_takes_all_frames(void **state)
{
    struct stage2 s2;
    unsigned after;

    (void)state;
    assert_int_equal(ept_create(&s2, 3, MEMORY, true, bits), 0);
    after = frames_used;
    assert_int_equal(after, 3 + 3); /* root, two directories, 3 tables */
    assert_int_equal(s2.tables, after);
    frames_left = 0;
    for (uint64_t gpa = 0; gpa < MEMORY; gpa += 4096) {
        assert_int_equal(ept_map(&s2, gpa, RAM + gpa, EPT_ALL), 0);
    }
    assert_int_equal(frames_used, after);
    assert_int_equal(ept_map(&s2, 1ul << 32, RAM, EPT_ALL), -ENOMEM);
}

static void test_create_out_of_frames(void **state)
{
    struct stage2 s2;

    (void)state;
    for (unsigned n = 0; n < 6; n++) {
        frames_used = 0;
        frames_left = n;
        assert_int_equal(ept_create(&s2, 3, MEMORY, true, bits), -ENOMEM);
    }
}

static void test_map(void **state)
{
    struct stage2 s2;
    unsigned level;
    uint64_t before;

    (void)state;
    map_ram(&s2, true);
    for (uint64_t gpa = 0; gpa < MEMORY; gpa += 4096) {
        uint64_t entry = walk(&s2, gpa, &level);

        assert_int_equal(level, 1);
        assert_int_equal(entry & 0xfffffffff000, RAM + gpa);
        assert_int_equal(entry & 0xfff, 0x77); /* WB, no PAT, RWX, clean */
        assert_int_equal(ept_lookup(&s2, gpa + 5), (RAM + gpa) | 7);
    }
    assert_int_equal(leaf(&s2, MEMORY), 0);
    assert_int_equal(ept_lookup(&s2, MEMORY), 0);
    assert_int_equal(ept_lookup(&s2, 1ul << 48), 0);
    assert_int_equal(ept_map(&s2, 1ul << 48, RAM, EPT_ALL), -ENOMEM);

    before = s2.generation;
    assert_int_equal(ept_map(&s2, 0x3000, 0x5555000, STAGE2_READ), 0);
    assert_true(s2.generation != before); /* the TLB has to forget */
    assert_int_equal(ept_lookup(&s2, 0x3000), 0x5555001);
    assert_int_equal(ept_lookup(&s2, 0x4000), (RAM + 0x4000) | 7);
}

static void check_ones(const struct stage2 *s2, uint64_t gpa)
{
    unsigned level;
    uint64_t entry = walk(s2, gpa, &level);

    assert_int_equal(level, 1);
    assert_int_equal(entry & 0x000fffffffffffff, ONES | 0x71); /* read only */
}

static void test_fill_and_holes(void **state)
{
    static const uint64_t holes[] = {0xfec00000, 0xfee00000, MEMORY + 0x1000};
    struct stage2 s2;

    (void)state;
    map_ram(&s2, true);
    assert_int_equal(ept_fill(&s2, ONES, holes, 3), 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(leaf(&s2, holes[i]), 0);
        check_ones(&s2, holes[i] - 4096);
        check_ones(&s2, holes[i] + 4096);
    }
    check_ones(&s2, MEMORY);
    check_ones(&s2, (1ul << 30) - 4096);
    check_ones(&s2, 1ul << 30);
    check_ones(&s2, 0xfebff000);
    check_ones(&s2, (512ul << 30) - 4096);
    check_ones(&s2, 512ul << 30);
    check_ones(&s2, (1ul << 48) - 4096);
    for (uint64_t gpa = 0; gpa < MEMORY; gpa += 4096) {
        assert_int_equal(ept_lookup(&s2, gpa), (RAM + gpa) | 7);
    }
    assert_int_equal(ept_lookup(&s2, 0xd0000000), ONES | 1);
}

/* A later mapping among the ones must not show up elsewhere. */
static void test_map_after_fill(void **state)
{
    struct stage2 s2;

    (void)state;
    map_ram(&s2, true);
    assert_int_equal(ept_fill(&s2, ONES, NULL, 0), 0);
    assert_int_equal(ept_map(&s2, 5ul << 30, 0x123000, STAGE2_READ), 0);
    assert_int_equal(ept_lookup(&s2, 5ul << 30), 0x123001);
    check_ones(&s2, (5ul << 30) + 4096);
    check_ones(&s2, (5ul << 30) + (2ul << 20));
    check_ones(&s2, 6ul << 30);
    check_ones(&s2, 600ul << 30);
}

static void test_engines(void **state)
{
    static const struct {
        uint64_t ept, proc2;
        enum dirty_engine_kind force, expect;
        uint64_t eptp;
    } cases[] = {
        {EPT_CAP_DIRTY, PROC2_PML, DIRTY_NONE, DIRTY_LOG, 0x5e},
        {EPT_CAP_DIRTY, 0, DIRTY_NONE, DIRTY_BITS, 0x5e},
        {0, PROC2_PML, DIRTY_NONE, DIRTY_WRITE, 0x1e},
        {EPT_CAP_DIRTY, PROC2_PML, DIRTY_BITS, DIRTY_BITS, 0x5e},
        {EPT_CAP_DIRTY, PROC2_PML, DIRTY_WRITE, DIRTY_WRITE, 0x1e},
        {EPT_CAP_DIRTY, PROC2_PML, DIRTY_LOG, DIRTY_LOG, 0x5e},
        {0, 0, DIRTY_WRITE, DIRTY_WRITE, 0x1e},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct stage2 s2;

        setup(state);
        offer(cases[i].ept, cases[i].proc2);
        force(cases[i].force);
        assert_int_equal(ept_create(&s2, 3, MEMORY, true, bits), 0);
        assert_int_equal(s2.engine, cases[i].expect);
        assert_int_equal(s2.token, s2.root | cases[i].eptp);
        setup(state);
        assert_int_equal(ept_create(&s2, 3, MEMORY, false, bits), 0);
        assert_int_equal(s2.engine, DIRTY_NONE);
        assert_int_equal(s2.token, s2.root | 0x1e);
    }
}

static void test_engine_that_the_cpu_lacks(void **state)
{
    struct cpu_missing missing;

    (void)state;
    offer(EPT_CAP_DIRTY, 0);
    assert_int_equal(vmx_force_engine(DIRTY_LOG, &missing), -ENODEV);
    assert_string_equal(missing.name, "PML");
    assert_int_equal(vmx_force_engine(DIRTY_BITS, &missing), 0);
    offer(0, PROC2_PML); /* which is of no use alone */
    assert_int_equal(vmx_force_engine(DIRTY_LOG, &missing), -ENODEV);
    assert_int_equal(vmx_force_engine(DIRTY_BITS, &missing), -ENODEV);
    assert_string_equal(missing.name, "EPT accessed/dirty bits");
    assert_int_equal(vmx_force_engine(DIRTY_WRITE, &missing), 0);
}

static bool is_marked(uint64_t gpa)
{
    return bits[gpa >> 18] >> (gpa >> 12 & 63) & 1;
}

static unsigned marked(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < sizeof(bits) / 8; i++) {
        n += (unsigned)__builtin_popcountl(bits[i]);
    }
    return n;
}

static const uint64_t written[] = {0,        0x1000,   0x3f000,      0x40000,
                                   0x1ff000, 0x200000, MEMORY - 4096};
#define WRITTEN (sizeof(written) / sizeof(written[0]))

static void test_dirty_bits(void **state)
{
    struct stage2 s2;
    uint64_t before;

    (void)state;
    force(DIRTY_BITS);
    map_ram(&s2, true);
    ept_collect(&s2);
    assert_int_equal(marked(), 0);
    for (unsigned i = 0; i < WRITTEN; i++) {
        *leaf_at(&s2, written[i]) |= EPT_DIRTY | EPT_ACCESSED;
    }
    ept_collect(&s2);
    assert_int_equal(marked(), WRITTEN);
    for (unsigned i = 0; i < WRITTEN; i++) {
        assert_true(is_marked(written[i]));
    }
    before = s2.generation;
    ept_rearm(&s2);
    assert_int_equal(s2.generation, before + 1);
    assert_int_equal(marked(), 0);
    for (unsigned i = 0; i < WRITTEN; i++) {
        assert_int_equal(leaf(&s2, written[i]) & EPT_DIRTY, 0);
        assert_int_equal(leaf(&s2, written[i]) & 7, 7);
    }
    ept_collect(&s2);
    assert_int_equal(marked(), 0);
}

static void test_write_protection(void **state)
{
    struct stage2 s2;

    (void)state;
    force(DIRTY_WRITE);
    map_ram(&s2, true);
    assert_int_equal(ept_fill(&s2, ONES, NULL, 0), 0);
    assert_int_equal(leaf(&s2, 0x2000) & 7, 5);
    assert_int_equal(ept_lookup(&s2, 0x2000) & 7, 7);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < WRITTEN; i++) {
            assert_true(ept_note_write(&s2, written[i] + 123));
            assert_int_equal(leaf(&s2, written[i]) & 7, 7);
        }
        assert_int_equal(marked(), WRITTEN);
        assert_int_equal(leaf(&s2, 0x2000) & 7, 5);
        ept_rearm(&s2);
        assert_int_equal(marked(), 0);
        for (unsigned i = 0; i < WRITTEN; i++) {
            assert_int_equal(leaf(&s2, written[i]) & 7, 5);
        }
    }
}

/* Only tracking is lifted, never a protection. */
static void test_real_protection(void **state)
{
    struct stage2 s2;

    (void)state;
    force(DIRTY_WRITE);
    map_ram(&s2, true);
    assert_int_equal(ept_fill(&s2, ONES, NULL, 0), 0);
    assert_int_equal(ept_map(&s2, 0x5000, 0x9000, STAGE2_READ), 0);
    assert_false(ept_note_write(&s2, 0x5000));
    assert_false(ept_note_write(&s2, MEMORY));
    assert_false(ept_note_write(&s2, 0xfee00000));
    assert_false(ept_note_write(&s2, 1ul << 50));
    assert_int_equal(ept_corrupt(&s2, 0x6000), 0);
    assert_false(ept_note_write(&s2, 0x6000));
    assert_int_equal(marked(), 0);
}

static void test_mark_dirty_bounds(void **state)
{
    struct stage2 s2;

    (void)state;
    map_ram(&s2, true);
    ept_mark_dirty(&s2, MEMORY);
    ept_mark_dirty(&s2, UINT64_MAX);
    assert_int_equal(marked(), 0);
    ept_mark_dirty(&s2, MEMORY - 1);
    assert_int_equal(marked(), 1);
}

static void test_corrupt(void **state)
{
    struct stage2 s2;
    uint64_t before;

    (void)state;
    map_ram(&s2, true);
    before = s2.generation;
    assert_int_equal(ept_corrupt(&s2, 0x7000), 0);
    assert_int_equal(leaf(&s2, 0x7000) & 7, 2); /* writable only */
    assert_true(s2.generation != before);
    assert_int_equal(ept_corrupt(&s2, MEMORY), -EFAULT);
    assert_int_equal(ept_map(&s2, 0x7000, RAM + 0x7000, EPT_ALL), 0);
    assert_int_equal(ept_lookup(&s2, 0x7000), (RAM + 0x7000) | 7);
}

static void test_large_leaves(void **state)
{
    struct stage2 s2;
    unsigned level;
    uint64_t entry;

    (void)state;
    map_ram(&s2, false);
    /* the second 2 MiB do not lie in a row */
    assert_int_equal(ept_map(&s2, 0x2ff000, 0x9000, EPT_ALL), 0);
    assert_int_equal(ept_fill(&s2, ONES, NULL, 0), 0);
    entry = walk(&s2, 0x1234, &level);
    assert_int_equal(level, 2);
    assert_int_equal(entry & 0x000fffffffffffff, RAM | 0xf3); /* no fetch */
    walk(&s2, 0x200000, &level);
    assert_int_equal(level, 1);
    walk(&s2, 0x400000, &level);
    assert_int_equal(level, 2);
    assert_int_equal(ept_lookup(&s2, 0x401000), (RAM + 0x401000) | 3);

    assert_false(ept_large_fetch(&s2, 0x200000));
    assert_true(ept_large_fetch(&s2, 0x401000));
    entry = walk(&s2, 0x401000, &level);
    assert_int_equal(level, 1);
    assert_int_equal(entry & 0x000fffffffffffff, (RAM + 0x401000) | 0x77);
    assert_false(ept_large_fetch(&s2, 0x401000));

    /* a new frame behind a large leaf splits it */
    assert_int_equal(ept_map(&s2, 0x3000, 0x9000, EPT_ALL), 0);
    assert_int_equal(ept_lookup(&s2, 0x3000), 0x9007);
    assert_int_equal(ept_lookup(&s2, 0x4000), (RAM + 0x4000) | 7);
}

/* In a row, but not on a boundary. */
static void test_large_leaves_need_alignment(void **state)
{
    struct stage2 s2;
    unsigned level;

    (void)state;
    assert_int_equal(ept_create(&s2, 3, MEMORY, false, bits), 0);
    for (uint64_t gpa = 0; gpa < MEMORY; gpa += 4096) {
        assert_int_equal(ept_map(&s2, gpa, RAM + 4096 + gpa, EPT_ALL), 0);
    }
    assert_int_equal(ept_fill(&s2, ONES, NULL, 0), 0);
    walk(&s2, 0, &level);
    assert_int_equal(level, 1);
}

static void test_large_leaves_that_execute(void **state)
{
    struct stage2 s2;
    unsigned level;

    (void)state;
    arch_capabilities = 1 << 6; /* PSCHANGE_MC_NO */
    map_ram(&s2, false);
    assert_int_equal(ept_fill(&s2, ONES, NULL, 0), 0);
    assert_int_equal(walk(&s2, 0, &level) & 0xfff, 0xf7);
    assert_int_equal(level, 2);
}

static void test_no_large_leaves(void **state)
{
    struct stage2 s2;
    unsigned level;

    (void)state;
    offer(0, 0);
    map_ram(&s2, false);
    assert_int_equal(ept_fill(&s2, ONES, NULL, 0), 0);
    assert_int_equal(walk(&s2, 0, &level) & 0xfff, 0x77);
    assert_int_equal(level, 1);
    assert_false(ept_large_fetch(&s2, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_create_takes_all_frames, setup),
        cmocka_unit_test_setup(test_create_out_of_frames, setup),
        cmocka_unit_test_setup(test_map, setup),
        cmocka_unit_test_setup(test_fill_and_holes, setup),
        cmocka_unit_test_setup(test_map_after_fill, setup),
        cmocka_unit_test_setup(test_engines, setup),
        cmocka_unit_test_setup(test_engine_that_the_cpu_lacks, setup),
        cmocka_unit_test_setup(test_dirty_bits, setup),
        cmocka_unit_test_setup(test_write_protection, setup),
        cmocka_unit_test_setup(test_real_protection, setup),
        cmocka_unit_test_setup(test_mark_dirty_bounds, setup),
        cmocka_unit_test_setup(test_corrupt, setup),
        cmocka_unit_test_setup(test_large_leaves, setup),
        cmocka_unit_test_setup(test_large_leaves_need_alignment, setup),
        cmocka_unit_test_setup(test_large_leaves_that_execute, setup),
        cmocka_unit_test_setup(test_no_large_leaves, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
