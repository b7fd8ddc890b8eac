/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scrubber: reads all copies of a VM within a given time, a few pages at
 * a time, in turns of the VM's own, while it runs. It only detects: a copy
 * that fails its checksum is posted as a fault of its frame.
 */
#include "ft/ft_vm.h"
#include "ft/mirror.h"
#include "ft/verify.h"
#include "kernel/crc32c.h"
#include "kernel/fault.h"
#include "kernel/time.h"
#include "vmm/guest.h"

#define CHUNK 16 /* copies in a turn: some 9,000 instructions */

/* Copies of the newest generation come first, then those that the undo log
 * keeps for the older one. NULL: there is nothing to check at this place. */
static const struct page_copy *copy_at(const struct guest *guest,
                                       const struct snapshot *s, uint64_t place)
{
    const uint64_t entry = place - s->pages;

    if (place < s->pages) {
        return guest_has_page(guest, place << 12) ? &s->copies[place] : NULL;
    }
    return entry < s->undo.count ? &s->undo.entries[entry].copy : NULL;
}

static bool is_damaged(const struct snapshot *s, const struct page_copy *copy)
{
    return !(copy->slot & COPY_LOST) &&
           crc32c_page(mirror_slot(s, copy->slot)) != copy->crc;
}

static void post(const struct ft_vm *ft, const struct page_copy *copy)
{
    const uint64_t address = (uint64_t)mirror_slot(ft->snapshot, copy->slot);
    const struct fault fault = {.kind = FAULT_COPY,
                                .severity = SEVERITY_DEFERRED,
                                .context = CONTEXT_SERVING,
                                .vm = ft->vm->id,
                                .lsb = PAGE_SHIFT,
                                .has_address = true,
                                .restartable = true,
                                .address = cell_lookup(&ft->vm->cell, address),
                                .detail = copy->crc,
                                .tsc = time_now()};

    fault_post(&fault);
}

/* A saved state has no second copy to be healed from: the generation goes. */
static void check_states(struct ft_vm *ft)
{
    struct snapshot *s = ft->snapshot;

    for (unsigned i = 0; i < GENERATIONS; i++) {
        struct generation *generation = &s->generations[i];
        const struct fault fault = {.kind = FAULT_COPY,
                                    .severity = SEVERITY_DEFERRED,
                                    .context = CONTEXT_SERVING,
                                    .vm = ft->vm->id,
                                    .restartable = true,
                                    .detail = generation->crc,
                                    .tsc = time_now()};

        if (generation->valid && !s->taking &&
            verify_state_crc(generation->state) != generation->crc) {
            generation->valid = false;
            ft_note_generations(ft);
            ft->scrub.damaged++;
            fault_post(&fault);
        }
    }
}

static void end_pass(struct ft_vm *ft, uint64_t now)
{
    struct scrub *scrub = &ft->scrub;

    check_states(ft);
    scrub->place = 0;
    scrub->passes++;
    scrub->last_ticks = now - scrub->began;
    scrub->began = now;
}

/* Copies that a pass visits, and how long it may take for each chunk. */
static uint64_t places(const struct snapshot *s)
{
    return s->pages + s->undo.capacity;
}

static uint64_t interval(const struct ft_vm *ft)
{
    const uint64_t ticks = ft->vm->config->scrub_ms * time_per_ms();

    return ticks / (places(ft->snapshot) / CHUNK + 1);
}

static void check_chunk(struct ft_vm *ft)
{
    const struct snapshot *s = ft->snapshot;
    struct scrub *scrub = &ft->scrub;

    for (unsigned i = 0; i < CHUNK && scrub->place < places(s); i++) {
        const struct page_copy *copy =
            copy_at(ft->vm->guest, s, scrub->place++);

        if (copy && is_damaged(s, copy)) {
            scrub->damaged++;
            post(ft, copy);
            return; /* what is done about it may move copies */
        }
    }
}

/* While ft works on the VM its copies change hands: later then. A pass that
 * fell behind goes on at once. */
static void take_turn(struct runnable *self, uint64_t slice_end)
{
    struct ft_vm *ft = &ft_vms[self->cell->id];
    const uint64_t now = time_now();

    (void)slice_end;
    if (cell_current() != self->cell) {
        cell_switch(self->cell, NULL);
    }
    if (vm_has_ended(ft->vm) || !ft_can_snapshot(ft)) {
        self->wake = RUN_NEVER;
        return;
    }
    self->wake = self->wake ? self->wake + interval(ft) : now + interval(ft);
    if (ft->job != JOB_NONE || !ft->generations) {
        self->wake = now + interval(ft);
        return;
    }
    check_chunk(ft);
    if (ft->scrub.place >= places(ft->snapshot)) {
        end_pass(ft, now);
    }
}

int scrub_create(struct ft_vm *ft)
{
    if (!ft->vm->config->scrub_ms || !ft->snapshot) {
        return 0;
    }
    ft->scrub.began = time_now();
    ft->scrub.turns = (struct runnable){
        .name = "scrub", .cell = &ft->vm->cell, .run = take_turn};
    return run_add(&ft->scrub.turns, 0);
}
