/* SPDX-License-Identifier: BSD-2-Clause */
/* Containment: bad frames out of the window and stage 2, spares into their
 * places. A page whose other copy turns out to be poisoned as well ends the
 * turn; each step says first that it was done, and is not repeated. */
#include "ft/ft_vm.h"
#include "ft/mirror.h"

static void check_mirror(struct ft_vm *ft, struct bad_frame *frame)
{
    const struct snapshot *s = ft->snapshot;

    if (frame->checked) {
        return;
    }
    frame->checked = true;
    frame->page_clean = s &&
                        snapshot_generations(s) & 1u << GENERATION_NEWEST &&
                        !page_set_has(s->dirty, frame->page);
    if (frame->page_clean) {
        frame->copy_good = mirror_is_good(s, frame->page);
    }
}

/* What the new page holds is undefined. It is marked dirty: a restore copies
 * it, a restart clears it, and healing writes it anyway. */
static void replace_ram(struct ft_vm *ft, struct guest *guest,
                        struct bad_frame *frame)
{
    uint64_t gpa = frame->page << 12;

    page_set_add(guest->dirty_bits, frame->page);
    if (!frame->spare || guest_set_frame(guest, gpa, frame->spare)) {
        incident_give_up(ft, "no spare frame is left");
        return;
    }
    frame->contained = true;
}

static void contain_ram(struct ft_vm *ft, struct guest *guest,
                        struct bad_frame *frame)
{
    uint64_t address = CELL_RAM + (frame->page << 12);

    /* Frames of a VM that was refused at start-up carry its number too. */
    if (cell_lookup(&ft->vm->cell, address) != frame->frame) {
        frame->contained = true;
        return;
    }
    check_mirror(ft, frame);
    replace_ram(ft, guest, frame);
}

static void lose_copy(struct ft_vm *ft, struct bad_frame *frame, uint64_t page)
{
    struct snapshot *s = ft->snapshot;

    frame->is_copy = true;
    frame->page = page;
    frame->page_clean = !page_set_has(s->dirty, page);
    mirror_lose(s, page);
    if (frame->page_clean) {
        frame->copy_good = mirror_matches_ram(s, page);
    }
}

static void lose_slot(struct ft_vm *ft, struct bad_frame *frame, uint32_t slot)
{
    uint64_t page;

    switch (mirror_find(ft->snapshot, slot, &page)) {
    case SLOT_COPY:
        lose_copy(ft, frame, page);
        break;
    case SLOT_OLD:
        snapshot_drop_older(ft->snapshot);
        break;
    case SLOT_FREE:
        break;
    }
}

static void contain_slot(struct ft_vm *ft, struct bad_frame *frame)
{
    struct snapshot *s = ft->snapshot;
    bool is_mirror = frame->role == ROLE_MIRROR;
    uint64_t address =
        (is_mirror ? CELL_MIRROR : CELL_UNDO) + (frame->page << 12);
    uint32_t slot =
        (uint32_t)(is_mirror ? frame->page : s->pages + frame->page);

    frame->contained = true;
    if (ft->no_snapshots ||
        cell_lookup(&ft->vm->cell, address) != frame->frame) {
        return;
    }
    if (!frame->spare || cell_set_frame(&ft->vm->cell, address, frame->spare)) {
        cell_unmap(&ft->vm->cell, address);
        snapshot_drop(s);
        ft->no_snapshots = true;
        return;
    }
    lose_slot(ft, frame, slot);
}

/* Which copies were hit is known only now: slots change hands. */
static void settle_scope(struct ft_vm *ft)
{
    struct verdict *verdict = &ft->incident.verdict;

    if (verdict->scope != SCOPE_MIRROR && verdict->scope != SCOPE_UNDO) {
        return;
    }
    verdict->scope = SCOPE_UNDO;
    for (unsigned i = 0; i < ft->incident.frame_count; i++) {
        if (ft->incident.frames[i].is_copy) {
            verdict->scope = SCOPE_MIRROR;
        }
    }
}

/* The mappings of these RAM pages were damaged: made anew. Who wrote through
 * them is not known any more. */
static void repair_mappings(struct ft_vm *ft, struct guest *guest)
{
    const struct incident *incident = &ft->incident;

    for (unsigned i = 0; i < incident->mapping_count; i++) {
        uint64_t gpa = incident->mappings[i];

        if (!guest_has_page(guest, gpa)) {
            continue;
        }
        if (guest_set_frame(guest, gpa,
                            cell_lookup(&ft->vm->cell, CELL_RAM + gpa))) {
            incident_give_up(ft, "its mapping cannot be repaired");
        }
        page_set_add(guest->dirty_bits, gpa >> 12);
    }
}

void incident_contain(struct ft_vm *ft, struct guest *guest)
{
    repair_mappings(ft, guest);
    for (unsigned i = 0; i < ft->incident.frame_count; i++) {
        struct bad_frame *frame = &ft->incident.frames[i];

        if (frame->contained) {
            continue;
        }
        if (frame->role == ROLE_RAM) {
            contain_ram(ft, guest, frame);
        } else if (ft->snapshot) {
            contain_slot(ft, frame);
        }
    }
    settle_scope(ft);
}

uint64_t incident_heal_copies(struct ft_vm *ft)
{
    uint64_t healed = 0;

    for (unsigned i = 0; i < ft->incident.frame_count; i++) {
        struct bad_frame *frame = &ft->incident.frames[i];

        /* RAM may have changed since it was looked at. */
        if (frame->is_copy && frame->copy_good && !frame->healed &&
            mirror_matches_ram(ft->snapshot, frame->page)) {
            mirror_heal(ft->snapshot, frame->page);
            frame->healed = true;
            healed++;
        }
    }
    return healed;
}
