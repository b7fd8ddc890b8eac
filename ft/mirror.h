/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies of RAM pages and the slots that they lie in. */
#ifndef FT_MIRROR_H
#define FT_MIRROR_H

#include "ft/snapshot.h"

/* The page that a slot is. */
static inline uint8_t *mirror_slot(const struct snapshot *s, uint32_t slot)
{
    slot &= COPY_SLOT;
    return slot < s->pages ? s->mirror + ((uint64_t)slot << 12)
                           : s->undo_pages + ((slot - s->pages) << 12);
}

static inline uint8_t *mirror_ram(const struct snapshot *s, uint64_t page)
{
    return s->ram + (page << 12);
}

/* RAM to copy; the former copy goes to the undo log if s->undoable. */
void mirror_take(struct snapshot *s, uint64_t page);

/* Copy to RAM; -EIO when it is lost or, with check, damaged. */
int mirror_put(const struct snapshot *s, uint64_t page, bool check);

/* Is the copy there, with the right CRC32C? Reads it. */
bool mirror_is_good(const struct snapshot *s, uint64_t page);
/* Is the RAM page what its copy's CRC32C says? Reads it. */
bool mirror_matches_ram(const struct snapshot *s, uint64_t page);

/* What uses a slot; *page: of the newest copy, else left alone. */
enum slot_use {
    SLOT_FREE,
    SLOT_COPY, /* the newest generation */
    SLOT_OLD,  /* the older one */
};
enum slot_use mirror_find(const struct snapshot *s, uint32_t slot,
                          uint64_t *page);

/* The newest copy of page is gone, its frame was replaced. The page counts as
 * dirty from now on, so that the next snapshot copies it. */
void mirror_lose(struct snapshot *s, uint64_t page);

/* Makes a lost copy anew from RAM, which mirror_matches_ram(). */
void mirror_heal(struct snapshot *s, uint64_t page);

#endif
