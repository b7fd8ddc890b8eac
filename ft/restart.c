/* SPDX-License-Identifier: BSD-2-Clause */
#include "ft/restart.h"

#include "kernel/errno.h"
#include "kernel/log.h"
#include "kernel/time.h"
#include "vmm/guest.h"

enum restart_stage { RESTART_BEGIN, RESTART_CLEAR };

/* Neither written since the newest generation, nor ever copied. */
static bool is_known_zero(const struct snapshot *s, uint64_t page)
{
    return !page_set_has(s->dirty, page) &&
           !(s->copies[page].slot & (COPY_WRITTEN | COPY_LOST));
}

static int clear(struct guest *guest, struct snapshot *s, uint8_t *ram,
                 struct work *work)
{
    const uint64_t pages = guest->top >> 12;

    for (uint64_t page = work->next; page < pages; page++) {
        if (s ? !is_known_zero(s, page) : guest_has_page(guest, page << 12)) {
            page_zero(ram + (page << 12));
            page_set_add(guest->dirty_bits, page);
            work->pages++;
        }
        if (page % WORK_CHUNK == 0 && time_now() >= work->until) {
            work->next = page + 1;
            return -EAGAIN;
        }
    }
    return 0;
}

static int load(struct guest *guest, struct work *work)
{
    char why[96] = "";
    int error = guest_load(guest, why);

    if (error) {
        work->why = "the images cannot be loaded";
        log_error("%s: %s: %s", guest->vm->config->name, work->why, why);
    }
    return error;
}

static int begin(struct guest *guest, struct snapshot *s)
{
    if (s) {
        guest_dirty_collect(guest);
        snapshot_drop(s);
    }
    return 0;
}

int restart(struct guest *guest, struct snapshot *s, uint8_t *ram,
            struct work *work)
{
    int error = 0;

    if (work->stage == RESTART_BEGIN) {
        error = work_step(work, begin(guest, s));
    }
    if (!error && work->stage == RESTART_CLEAR) {
        error = work_step(work, clear(guest, s, ram, work));
    }
    return error ? error : load(guest, work);
}
