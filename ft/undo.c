/* SPDX-License-Identifier: BSD-2-Clause */
#include "ft/undo.h"

void undo_keep(struct snapshot *s, uint64_t page)
{
    struct undo_entry *entry = &s->undo.entries[s->undo.count];
    struct page_copy *copy = &s->copies[page];
    uint32_t fresh = entry->copy.slot & COPY_SLOT;

    entry->page = (uint32_t)page;
    entry->copy = *copy;
    copy->slot = fresh;
    s->undo.count++;
}

void undo_back(struct snapshot *s)
{
    struct undo_entry *entry = &s->undo.entries[s->undo.count - 1];
    struct page_copy *copy = &s->copies[entry->page];
    struct page_copy fresh = *copy;

    *copy = entry->copy;
    entry->copy = fresh;
    s->undo.count--;
}

bool undo_has(const struct snapshot *s, uint64_t page)
{
    for (uint32_t i = 0; i < s->undo.count; i++) {
        if (s->undo.entries[i].page == page) {
            return true;
        }
    }
    return false;
}

bool undo_holds(const struct snapshot *s, uint32_t slot)
{
    for (uint32_t i = 0; i < s->undo.count; i++) {
        if ((s->undo.entries[i].copy.slot & COPY_SLOT) == slot) {
            return true;
        }
    }
    return false;
}
