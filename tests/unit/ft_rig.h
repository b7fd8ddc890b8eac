/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest for the tests of ft: memory, hardware that notices writes, a state
 * of one number, and a clock that goes on at each look. The snapshot's
 * structures are built by hand, in ordinary memory.
 */
#ifndef TESTS_UNIT_FT_RIG_H
#define TESTS_UNIT_FT_RIG_H

#include <stdlib.h>
#include <string.h>

#include "ft/mirror.h"
#include "ft/undo.h"
#include "kernel/crc32c.h"
#include "kernel/errno.h"
#include "kernel/time.h"
#include "vmm/guest.h"

#define RIG_PAGES 2048u /* 8 MiB */
#define RIG_WORDS (RIG_PAGES / 64)
#define RIG_BYTES (RIG_PAGES * PAGE_BYTES)

struct rig {
    struct guest *guest;
    struct vm vm;
    struct vm_config config;
    struct snapshot s;
    uint64_t hardware[RIG_WORDS]; /* written, not collected yet */
    uint64_t number;              /* the guest's whole state: RAX */
    bool tamper;                  /* restore a wrong state */
};

static struct rig rig;
static uint64_t rig_clock, rig_tick;
static uint64_t rig_seed;

static uint64_t rig_random(uint64_t below)
{
    rig_seed = rig_seed * 6364136223846793005ul + 1442695040888963407ul;
    return (rig_seed >> 33) % below;
}

static void *rig_alloc(size_t size)
{
    void *memory = aligned_alloc(PAGE_BYTES, (size + PAGE_BYTES - 1) &
                                                 ~(size_t)(PAGE_BYTES - 1));

    assert_non_null(memory);
    memset(memory, 0, size);
    return memory;
}

/* hashes: as with verify=full. */
static void rig_open(bool hashes)
{
    struct snapshot *s = &rig.s;

    memset(&rig, 0, sizeof(rig));
    crc32c_init(__builtin_cpu_supports("sse4.2"));
    rig_clock = 1000000;
    rig_tick = 0;
    rig.guest = rig_alloc(sizeof(*rig.guest));
    rig.guest->vm = &rig.vm;
    rig.vm.config = &rig.config;
    rig.guest->memory = rig.guest->top = RIG_BYTES;
    rig.guest->dirty_bits = rig_alloc(RIG_WORDS * 8);
    rig.vm.guest = rig.guest;
    s->ram = rig_alloc(RIG_BYTES);
    s->mirror = rig_alloc(RIG_BYTES);
    s->pages = RIG_PAGES;
    s->dirty = rig.guest->dirty_bits;
    s->copies = rig_alloc(RIG_PAGES * sizeof(*s->copies));
    s->undo.capacity = undo_capacity(RIG_PAGES);
    s->undo.entries = rig_alloc(s->undo.capacity * sizeof(*s->undo.entries));
    s->undo_pages = rig_alloc(s->undo.capacity * PAGE_BYTES);
    s->scratch = rig_alloc(sizeof(struct guest_state));
    for (unsigned i = 0; i < GENERATIONS; i++) {
        s->generations[i].state = rig_alloc(sizeof(struct guest_state));
        s->generations[i].hashes = hashes ? rig_alloc(RIG_PAGES * 8) : NULL;
    }
    snapshot_init(s);
}

static void rig_close(void)
{
    struct snapshot *s = &rig.s;

    for (unsigned i = 0; i < GENERATIONS; i++) {
        free(s->generations[i].state);
        free(s->generations[i].hashes);
    }
    free(s->scratch);
    free(s->undo_pages);
    free(s->undo.entries);
    free(s->copies);
    free(s->mirror);
    free(s->ram);
    free(rig.guest->dirty_bits);
    free(rig.guest);
}

/* The guest writes a number that no page has had before. */
static void rig_write(uint64_t page)
{
    static uint64_t fresh;
    uint64_t *words = (uint64_t *)mirror_ram(&rig.s, page);

    words[rig_random(PAGE_BYTES / 8)] = ++fresh;
    page_set_add(rig.hardware, page);
}

static void rig_write_some(uint64_t count)
{
    while (count--) {
        rig_write(rig_random(RIG_PAGES));
    }
}

/* ---- what ft asks of vmm and kernel ---- */

uint64_t time_now(void)
{
    return rig_clock += rig_tick;
}

uint64_t time_per_ms(void)
{
    return 1000;
}

bool guest_has_page(const struct guest *guest, uint64_t gpa)
{
    return gpa < guest->top;
}

/* Called first, when a test wants to know, or to make it fail. */
static void (*rig_on_collect)(void);

void guest_dirty_collect(struct guest *guest)
{
    if (rig_on_collect) {
        rig_on_collect();
    }
    for (unsigned i = 0; i < RIG_WORDS; i++) {
        guest->dirty_bits[i] |= rig.hardware[i];
        rig.hardware[i] = 0;
    }
}

void guest_dirty_rearm(struct guest *guest)
{
    memset(guest->dirty_bits, 0, RIG_WORDS * 8);
}

void guest_save(struct guest *guest, struct guest_state *state)
{
    memset(state, 0, sizeof(*state));
    state->vcpu[0].x86.gpr[GPR_RAX] = rig.number;
    state->tsc = guest_now(guest, time_now());
    state->call_pending = guest->call_pending;
}

void guest_registers(struct guest *guest, unsigned vcpu,
                     struct x86_state *state)
{
    (void)guest;
    (void)vcpu;
    memset(state, 0, sizeof(*state));
    state->gpr[GPR_RAX] = rig.number;
}

void guest_restore(struct guest *guest, const struct guest_state *state)
{
    rig.number = state->vcpu[0].x86.gpr[GPR_RAX] + rig.tamper;
    guest->tsc_offset = state->tsc - time_now();
    guest->call_pending = state->call_pending;
}

void guest_call_result(struct guest *guest, uint32_t result)
{
    rig.number = result;
    guest->call_pending = false;
}

#endif
