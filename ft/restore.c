/* SPDX-License-Identifier: BSD-2-Clause */
#include "ft/mirror.h"
#include "ft/undo.h"
#include "ft/verify.h"
#include "kernel/errno.h"
#include "kernel/time.h"
#include "vmm/guest.h"

enum restore_stage {
    RESTORE_BEGIN,
    RESTORE_BACK,
    RESTORE_COPY,
    RESTORE_HASH,
};

#define BACK_CHUNK                                            \
    512 /* entries of the undo log between looks at the clock \
         */

static int fail(struct work *work, int error, const char *why)
{
    work->why = why;
    return error;
}

static int begin(struct guest *guest, struct snapshot *s, unsigned generation,
                 enum verify_mode mode, struct work *work)
{
    const struct generation *from;

    if (generation >= GENERATIONS ||
        !(snapshot_generations(s) >> generation & 1)) {
        return fail(work, -ENOENT, "there is no such generation");
    }
    s->damaged = NO_PAGE;
    s->verify = (struct verify_result){.first = NO_PAGE};
    from = &s->generations[generation == GENERATION_NEWEST ? s->newest
                                                           : 1 - s->newest];
    if (mode != VERIFY_SCRUB && verify_state_crc(from->state) != from->crc) {
        return fail(work, -EIO, "the saved state is damaged");
    }
    guest_dirty_collect(guest);
    return 0;
}

/* From the newest generation's copies to the older one's. From the first
 * exchange on the newest generation is no more. */
static int take_back(struct snapshot *s, struct work *work)
{
    s->generations[s->newest].valid = false;
    for (unsigned chunk = 1; s->undo.count; chunk++) {
        page_set_add(s->dirty, s->undo.entries[s->undo.count - 1].page);
        undo_back(s);
        if (chunk % BACK_CHUNK == 0 && time_now() >= work->until) {
            return -EAGAIN;
        }
    }
    s->newest = 1 - s->newest;
    return 0;
}

static int copy_back(struct snapshot *s, bool check, struct work *work)
{
    const uint64_t words = s->pages / 64;
    uint64_t page = work->next;

    for (unsigned chunk = 1;; chunk++, page++) {
        page = page_set_next(s->dirty, words, page);
        if (page == NO_PAGE) {
            return 0;
        }
        if (mirror_put(s, page, check)) {
            s->damaged = page;
            return fail(work, -EIO, "a page's copy is damaged");
        }
        work->pages++;
        if (chunk % WORK_CHUNK == 0 && time_now() >= work->until) {
            work->next = page + 1;
            return -EAGAIN;
        }
    }
}

static int finish(struct guest *guest, struct snapshot *s,
                  enum verify_mode mode, struct work *work)
{
    struct generation *from = &s->generations[s->newest];
    uint64_t back = guest_now(guest, time_now()) - from->state->tsc;

    guest_restore(guest, from->state);
    if (mode == VERIFY_FULL) {
        verify_state(guest, s, from);
        if (s->verify.mismatches) {
            return fail(work, -EIO, "what was restored differs");
        }
    }
    guest_dirty_rearm(guest);
    from->restored++;
    guest->vm->restores++;
    guest->vm->rolled_back_ms = time_to_ms(back);
    if (guest->call_pending) {
        guest_call_result(guest, from->restored);
    }
    return 0;
}

int snapshot_restore(struct guest *guest, struct snapshot *s,
                     unsigned generation, enum verify_mode mode,
                     struct work *work)
{
    int error = 0;

    if (work->stage == RESTORE_BEGIN) {
        error = work_step(work, begin(guest, s, generation, mode, work));
    }
    if (!error && work->stage == RESTORE_BACK) {
        error = work_step(
            work, generation == GENERATION_OLDER ? take_back(s, work) : 0);
    }
    if (!error && work->stage == RESTORE_COPY) {
        error = work_step(work, copy_back(s, mode != VERIFY_SCRUB, work));
    }
    if (!error && work->stage == RESTORE_HASH) {
        error = work_step(work,
                          mode == VERIFY_FULL ? verify_ram(guest, s, work) : 0);
    }
    return error ? error : finish(guest, s, mode, work);
}
