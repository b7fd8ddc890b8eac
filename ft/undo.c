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

static void exchange(struct snapshot *s, const struct undo_step *step)
{
    s->undo.step = *step;
    asm volatile("" ::: "memory");
    s->undo.step.pending = true;
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
    const struct page_copy copy = s->copies[page];
    struct undo_step step = {.place = place,
                             .count = place + 1,
                             .entry = {(uint32_t)page, copy},
                             .copy = copy};

    CHECK(place < s->undo.capacity);
    step.copy.slot = s->undo.entries[place].copy.slot & COPY_SLOT;
    exchange(s, &step);
}

void undo_back(struct snapshot *s)
{
    const uint32_t place = s->undo.count - 1;
    const struct undo_entry entry = s->undo.entries[place];
    const struct undo_step step = {.place = place,
                                   .count = place,
                                   .entry = {entry.page, s->copies[entry.page]},
                                   .copy = entry.copy};

    CHECK(place < s->undo.capacity);
    exchange(s, &step);
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
