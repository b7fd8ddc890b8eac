/* SPDX-License-Identifier: BSD-2-Clause */
#include "ft/snapshot.h"

#include "ft/mirror.h"
#include "ft/undo.h"
#include "ft/verify.h"
#include "kernel/errno.h"
#include "kernel/time.h"
#include "vmm/guest.h"

enum take_stage { TAKE_BEGIN, TAKE_COPY, TAKE_HASH };

static struct generation *newest(struct snapshot *s)
{
    return &s->generations[s->newest];
}

static struct generation *other(struct snapshot *s)
{
    return &s->generations[1 - s->newest];
}

void snapshot_drop_older(struct snapshot *s)
{
    other(s)->valid = false;
    s->undo.count = 0;
}

void snapshot_drop(struct snapshot *s)
{
    s->taking = false;
    newest(s)->valid = false;
    snapshot_drop_older(s);
}

uint8_t snapshot_generations(const struct snapshot *s)
{
    uint8_t set = 0;

    if (s->generations[s->newest].valid) {
        set |= 1u << GENERATION_NEWEST;
    }
    if (s->generations[1 - s->newest].valid) {
        set |= 1u << GENERATION_OLDER;
    }
    return set;
}

bool snapshot_older_differs(const struct snapshot *s, uint64_t page)
{
    return s->generations[1 - s->newest].valid && undo_has(s, page);
}

bool snapshot_abandon(struct snapshot *s)
{
    undo_settle(s);
    if (!s->taking) {
        return true;
    }
    s->taking = false;
    if (!s->undoable) {
        newest(s)->valid = false;
        return false;
    }
    while (s->undo.count) {
        undo_back(s);
    }
    return true;
}

/* The state is saved into the place of the older generation, which is not
 * valid from here on. All that is overwritten is kept, or nothing. */
static int take_begin(struct guest *guest, struct snapshot *s)
{
    guest_dirty_collect(guest);
    snapshot_drop_older(s);
    s->undoable = newest(s)->valid &&
                  page_set_count(s->dirty, s->pages / 64) <= s->undo.capacity;
    s->taking = true;
    guest_save(guest, other(s)->state);
    return 0;
}

static int take_copy(struct snapshot *s, struct work *work)
{
    const uint64_t words = s->pages / 64;
    uint64_t page = work->next;

    for (unsigned chunk = 1;; chunk++, page++) {
        page = page_set_next(s->dirty, words, page);
        if (page == NO_PAGE) {
            return 0;
        }
        mirror_take(s, page);
        work->pages++;
        if (chunk % WORK_CHUNK == 0 && time_now() >= work->until) {
            work->next = page + 1;
            return -EAGAIN;
        }
    }
}

/* Published before the dirty set is cleared: whatever stops us in between,
 * a page that is marked dirty without need does no harm. */
static void take_commit(struct guest *guest, struct snapshot *s)
{
    struct generation *fresh = other(s);

    fresh->crc = verify_state_crc(fresh->state);
    fresh->restored = 0;
    newest(s)->valid = newest(s)->valid && s->undoable;
    s->newest = 1 - s->newest;
    fresh->valid = true;
    s->taking = false;
    guest_dirty_rearm(guest);
    if (guest->call_pending) {
        guest_call_result(guest, 0);
    }
}

int snapshot_take(struct guest *guest, struct snapshot *s, struct work *work)
{
    int error = 0;

    if (work->stage == TAKE_BEGIN) {
        error = work_step(work, take_begin(guest, s));
    }
    if (!error && work->stage == TAKE_COPY) {
        error = work_step(work, take_copy(s, work));
    }
    if (!error && work->stage == TAKE_HASH) {
        error = work_step(work, verify_hash(guest, s, other(s), work));
    }
    if (!error) {
        take_commit(guest, s);
    }
    return error;
}
