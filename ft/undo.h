/* SPDX-License-Identifier: BSD-2-Clause */
/* The undo log: the copies that the newest generation replaced. */
#ifndef FT_UNDO_H
#define FT_UNDO_H

#include "ft/snapshot.h"

/* Entries that a VM of so many RAM pages has. */
#define UNDO_SHARE 16 /* one for so many pages of RAM ... */
#define UNDO_LEAST 64 /* ... but at least so many */
static inline uint32_t undo_capacity(uint64_t ram_pages)
{
    uint64_t share = ram_pages / UNDO_SHARE;

    return share < UNDO_LEAST ? UNDO_LEAST : (uint32_t)share;
}

/* The copy of page stays where it is, for the older generation; the page
 * gets a free slot for its new copy. There must be room. */
void undo_keep(struct snapshot *s, uint64_t page);

/* Takes the last one back: the page's copy is the former one again. */
void undo_back(struct snapshot *s);

/* After either of them may have been cut off, before anything looks at slots:
 * completes it. */
void undo_settle(struct snapshot *s);

/* Does the log keep a copy of this page; is this slot one that it keeps? */
bool undo_has(const struct snapshot *s, uint64_t page);
bool undo_holds(const struct snapshot *s, uint32_t slot);

#endif
