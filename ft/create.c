/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory for a VM's snapshots, taken at start-up. */
#include "ft/undo.h"
#include "kernel/cell.h"
#include "vmm/guest.h"

static int map_page(struct cell *cell, uint64_t address, enum frame_role role,
                    uint64_t page)
{
    int error = cell_map_new(cell, address, role, (uint32_t)page);

    if (!error) {
        page_zero((void *)address);
    }
    return error;
}

static int map_pages(struct cell *cell, const struct guest *guest,
                     const struct snapshot *s)
{
    int error = 0;

    for (uint64_t page = 0; !error && page < s->pages; page++) {
        uint64_t gpa = page << 12;

        if (guest_has_page(guest, gpa)) {
            error = map_page(cell, CELL_MIRROR + gpa, ROLE_MIRROR, page);
        }
    }
    for (uint64_t i = 0; !error && i < s->undo.capacity; i++) {
        error = map_page(cell, CELL_UNDO + (i << 12), ROLE_UNDO, i);
    }
    return error;
}

static bool allocate(struct cell *cell, struct snapshot *s, bool verify_full)
{
    s->copies = cell_alloc(cell, s->pages * sizeof(*s->copies));
    s->undo.entries =
        cell_alloc(cell, s->undo.capacity * sizeof(*s->undo.entries));
    s->scratch = cell_alloc(cell, sizeof(struct guest_state));
    for (unsigned i = 0; i < GENERATIONS; i++) {
        struct generation *generation = &s->generations[i];

        generation->state = cell_alloc(cell, sizeof(struct guest_state));
        if (verify_full) {
            generation->hashes =
                cell_alloc(cell, s->pages * sizeof(*generation->hashes));
        }
        if (!generation->state || (verify_full && !generation->hashes)) {
            return false;
        }
    }
    return s->copies && s->undo.entries && s->scratch;
}

struct snapshot *snapshot_create(struct cell *cell, struct guest *guest,
                                 bool verify_full)
{
    struct snapshot *s = cell_alloc(cell, sizeof(*s));

    if (!s) {
        return NULL;
    }
    s->ram = (uint8_t *)CELL_RAM;
    s->mirror = (uint8_t *)CELL_MIRROR;
    s->undo_pages = (uint8_t *)CELL_UNDO;
    s->pages = guest->top >> 12;
    s->dirty = guest->dirty_bits;
    s->undo.capacity = undo_capacity(guest->memory >> 12);
    if (!allocate(cell, s, verify_full) || map_pages(cell, guest, s)) {
        return NULL;
    }
    snapshot_init(s);
    return s;
}
