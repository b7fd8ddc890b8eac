/* SPDX-License-Identifier: BSD-2-Clause */
#include "ft/mirror.h"

#include "ft/undo.h"
#include "kernel/crc32c.h"
#include "kernel/errno.h"

void snapshot_init(struct snapshot *s)
{
    static const uint8_t zero[PAGE_BYTES] __attribute__((aligned(8)));
    uint32_t crc = crc32c_page(zero);

    for (uint64_t i = 0; i < s->pages; i++) {
        s->copies[i] = (struct page_copy){.slot = (uint32_t)i, .crc = crc};
    }
    for (uint32_t i = 0; i < s->undo.capacity; i++) {
        s->undo.entries[i].copy.slot = (uint32_t)s->pages + i;
    }
    s->damaged = NO_PAGE;
}

void mirror_take(struct snapshot *s, uint64_t page)
{
    struct page_copy *copy = &s->copies[page];
    const uint8_t *ram = mirror_ram(s, page);
    uint32_t crc = crc32c_page(ram); /* first: see page_copy() */

    if (s->undoable) {
        undo_keep(s, page);
    }
    page_copy(mirror_slot(s, copy->slot), ram);
    copy->crc = crc;
    copy->slot = (copy->slot & COPY_SLOT) | COPY_WRITTEN;
}

int mirror_put(const struct snapshot *s, uint64_t page, bool check)
{
    const struct page_copy *copy = &s->copies[page];
    const uint8_t *from = mirror_slot(s, copy->slot);

    if (copy->slot & COPY_LOST || (check && crc32c_page(from) != copy->crc)) {
        return -EIO;
    }
    page_copy(mirror_ram(s, page), from);
    return 0;
}

bool mirror_is_good(const struct snapshot *s, uint64_t page)
{
    const struct page_copy *copy = &s->copies[page];

    return !(copy->slot & COPY_LOST) &&
           crc32c_page(mirror_slot(s, copy->slot)) == copy->crc;
}

bool mirror_matches_ram(const struct snapshot *s, uint64_t page)
{
    return crc32c_page(mirror_ram(s, page)) == s->copies[page].crc;
}

enum slot_use mirror_find(const struct snapshot *s, uint32_t slot,
                          uint64_t *page)
{
    for (uint64_t i = 0; i < s->pages; i++) {
        if ((s->copies[i].slot & COPY_SLOT) == slot) {
            *page = i;
            return SLOT_COPY;
        }
    }
    return undo_holds(s, slot) ? SLOT_OLD : SLOT_FREE;
}

void mirror_lose(struct snapshot *s, uint64_t page)
{
    s->copies[page].slot |= COPY_LOST;
    page_set_add(s->dirty, page);
}

void mirror_heal(struct snapshot *s, uint64_t page)
{
    struct page_copy *copy = &s->copies[page];

    page_copy(mirror_slot(s, copy->slot), mirror_ram(s, page));
    copy->slot = (copy->slot & COPY_SLOT) | COPY_WRITTEN;
}
