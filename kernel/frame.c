/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/frame.h"

#include "arch/x86_64/paging.h"
#include "kernel/errno.h"
#include "kernel/fault.h"
#include "kernel/frame_init.h"

#define RANGES_MAX 64

static struct memory_range usable[RANGES_MAX];
static struct reserved_range reserved[RANGES_MAX];
static unsigned usable_count, reserved_count;

static struct frame *table; /* NULL until frame_table_init() */
static uint64_t table_frames;
static uint64_t counts[OWNER_KINDS];
static bool sealed;

/* The bump allocator: frames are handed out upward, once. What a block left
 * out below its boundary is handed out before anything else. */
static unsigned next_range;
static uint64_t next_frame;
static uint64_t left_out, left_out_end;

void frame_add_memory(uint64_t start, uint64_t end)
{
    start = (start + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    end &= ~(PAGE_SIZE - 1);
    if (start >= end || usable_count == RANGES_MAX) {
        return;
    }
    usable[usable_count++] = (struct memory_range){start, end};
    if (end >> PAGE_SHIFT > table_frames) {
        table_frames = end >> PAGE_SHIFT;
    }
}

void frame_reserve(uint64_t start, uint64_t end, enum frame_owner owner)
{
    if (reserved_count < RANGES_MAX && start < end) {
        reserved[reserved_count++] = (struct reserved_range){
            start & ~(PAGE_SIZE - 1), (end + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1),
            owner};
    }
}

/* Moves address past a reserved range that it lies in; false if in none. */
static bool skip_reserved(uint64_t *address)
{
    for (unsigned i = 0; i < reserved_count; i++) {
        if (*address >= reserved[i].start && *address < reserved[i].end) {
            *address = reserved[i].end;
            return true;
        }
    }
    return false;
}

static uint64_t take_next(void)
{
    if (left_out < left_out_end) {
        left_out += PAGE_SIZE;
        return left_out - PAGE_SIZE;
    }
    while (next_range < usable_count) {
        const struct memory_range *range = &usable[next_range];

        if (next_frame < range->start) {
            next_frame = range->start;
        }
        while (next_frame < range->end && skip_reserved(&next_frame)) {
        }
        if (next_frame < range->end) {
            uint64_t frame = next_frame;

            next_frame += PAGE_SIZE;
            return frame;
        }
        next_range++;
        next_frame = 0;
    }
    return 0;
}

static struct frame *entry_of(uint64_t address)
{
    uint64_t number = address >> PAGE_SHIFT;

    return table && number < table_frames ? &table[number] : NULL;
}

static void set_entry(struct frame *entry, struct frame value)
{
    counts[entry->owner]--;
    counts[value.owner]++;
    *entry = value;
}

uint64_t frame_alloc(enum frame_owner owner, enum frame_role role, uint16_t vm,
                     uint32_t page)
{
    uint64_t frame = sealed ? 0 : take_next();
    struct frame *entry = entry_of(frame);

    if (frame && entry) {
        set_entry(entry, (struct frame){.owner = (uint8_t)owner,
                                        .role = (uint8_t)role,
                                        .vm = vm,
                                        .page = page});
    }
    return frame;
}

/* Does the next range hold a whole block at start? */
static bool block_fits(uint64_t start)
{
    const uint64_t end = start + BLOCK_FRAMES * PAGE_SIZE;

    if (next_range >= usable_count || start < usable[next_range].start ||
        end > usable[next_range].end) {
        return false;
    }
    for (unsigned i = 0; i < reserved_count; i++) {
        if (reserved[i].start < end && reserved[i].end > next_frame) {
            return false;
        }
    }
    return true;
}

uint64_t frame_alloc_block(enum frame_owner owner, enum frame_role role,
                           uint16_t vm, uint32_t page)
{
    const uint64_t size = BLOCK_FRAMES * PAGE_SIZE;
    uint64_t start = (next_frame + size - 1) & ~(size - 1);

    if (sealed || !table || !block_fits(start) ||
        (left_out < left_out_end && start != next_frame)) {
        return 0;
    }
    if (start != next_frame) {
        left_out = next_frame;
        left_out_end = start;
    }
    next_frame = start + size;
    for (uint32_t i = 0; i < BLOCK_FRAMES; i++) {
        frame_assign(start + i * PAGE_SIZE,
                     (struct frame){.owner = (uint8_t)owner,
                                    .role = (uint8_t)role,
                                    .vm = vm,
                                    .page = page + i});
    }
    return start;
}

static void mark(uint64_t start, uint64_t end, enum frame_owner owner)
{
    for (uint64_t at = start; at < end; at += PAGE_SIZE) {
        struct frame *entry = entry_of(at);

        if (entry) {
            set_entry(entry, (struct frame){.owner = (uint8_t)owner,
                                            .vm = FAULT_NO_VM});
        }
    }
}

int frame_table_init(void)
{
    struct frame *built = core_alloc(table_frames * sizeof(struct frame));

    if (!built) {
        return -ENOMEM;
    }
    table = built;
    counts[0] = table_frames; /* as cleared memory says */
    mark(0, table_frames << PAGE_SHIFT, OWNER_FIRMWARE);
    for (unsigned i = 0; i < usable_count; i++) {
        mark(usable[i].start, usable[i].end, OWNER_FREE);
    }
    /* What was handed out before there was a table belongs to the core. */
    for (unsigned i = 0; i <= next_range && i < usable_count; i++) {
        mark(usable[i].start, i < next_range ? usable[i].end : next_frame,
             OWNER_CORE);
    }
    for (unsigned i = 0; i < reserved_count; i++) {
        mark(reserved[i].start, reserved[i].end, reserved[i].owner);
    }
    return 0;
}

struct frame frame_lookup(uint64_t address)
{
    const struct frame *entry = entry_of(address);

    return entry ? *entry
                 : (struct frame){.owner = OWNER_FIRMWARE, .vm = FAULT_NO_VM};
}

int frame_assign(uint64_t address, struct frame value)
{
    struct frame *entry = entry_of(address);

    if (!entry || value.owner >= OWNER_KINDS) {
        return -EFAULT;
    }
    set_entry(entry, value);
    return 0;
}

void frame_quarantine(uint64_t address)
{
    frame_assign(address,
                 (struct frame){.owner = OWNER_QUARANTINED, .vm = FAULT_NO_VM});
}

void frame_disown(uint16_t vm)
{
    for (uint64_t i = 0; i < table_frames; i++) {
        if (table[i].owner == OWNER_VM && table[i].vm == vm) {
            set_entry(&table[i], (struct frame){.owner = OWNER_FIRMWARE,
                                                .vm = FAULT_NO_VM});
        }
    }
}

uint64_t frame_count(enum frame_owner owner)
{
    return counts[owner];
}

void frame_seal(void)
{
    sealed = true;
}
