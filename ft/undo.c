/* SPDX-License-Identifier: BSD-2-Clause */
#include "ft/undo.h"

#include "kernel/check.h"

static void carry_out(struct snapshot *s)
{
    struct undo_step *step = &s->undo.step;

    s->undo.entries[step->place] = step->entry;
    s->copies[step->entry.page] = step->copy;
    s->undo.count = step->count;
    asm volatile("" ::: "memory");
    step->pending = false;
}

/* Whoever is abandoned amid it is settled later: it is begun once all of it
 * is said. */
static inline void exchange(struct snapshot *s, uint32_t place, uint32_t count,
                            struct undo_entry entry, struct page_copy copy)
{
    struct undo_step *step = &s->undo.step;

    step->place = place;
    step->count = count;
    step->entry = entry;
    step->copy = copy;
    asm volatile("" ::: "memory");
    step->pending = true;
    asm volatile("" ::: "memory");
    carry_out(s);
}

void undo_settle(struct snapshot *s)
{
    if (s->undo.step.pending) {
        carry_out(s);
    }
}

void undo_keep(struct snapshot *s, uint64_t page)
{
    const uint32_t place = s->undo.count;
    const struct page_copy old = s->copies[page];
    struct page_copy fresh = old;

    CHECK(place < s->undo.capacity);
    fresh.slot = s->undo.entries[place].copy.slot & COPY_SLOT;
    exchange(s, place, place + 1, (struct undo_entry){(uint32_t)page, old},
             fresh);
}

void undo_back(struct snapshot *s)
{
    const uint32_t place = s->undo.count - 1;
    const struct undo_entry entry = s->undo.entries[place];

    CHECK(place < s->undo.capacity);
    exchange(s, place, place,
             (struct undo_entry){entry.page, s->copies[entry.page]},
             entry.copy);
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
