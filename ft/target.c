/* SPDX-License-Identifier: BSD-2-Clause */
#include "ft/target.h"

#include "ft/ft_vm.h"
#include "ft/mirror.h"
#include "kernel/monitor.h"
#include "kernel/string.h"
#include "vmm/guest.h"

static uint64_t frame_of_page(const struct ft_vm *ft, uint64_t page)
{
    if (page >= ft->vm->guest->top >> 12 ||
        !guest_has_page(ft->vm->guest, page << 12)) {
        return NO_FRAME;
    }
    return cell_lookup(&ft->vm->cell, CELL_RAM + (page << 12));
}

static uint64_t frame_of_copy(const struct ft_vm *ft, uint64_t page)
{
    if (!ft->snapshot || page >= ft->vm->guest->top >> 12 ||
        !guest_has_page(ft->vm->guest, page << 12)) {
        return NO_FRAME;
    }
    return cell_lookup(
        &ft->vm->cell,
        (uint64_t)mirror_slot(ft->snapshot, ft->snapshot->copies[page].slot));
}

/* A page that was written since the newest snapshot, or one that was not;
 * any page where there is none of the kind. */
static uint64_t choose_page(const struct ft_vm *ft, bool dirty)
{
    struct guest *guest = ft->vm->guest;
    const uint64_t pages = guest->top >> 12;

    if (!ft->snapshot) {
        return 0;
    }
    guest_dirty_collect(guest);
    for (uint64_t page = 0; page < pages; page++) {
        if (guest_has_page(guest, page << 12) &&
            page_set_has(guest->dirty_bits, page) == dirty) {
            return page;
        }
    }
    return 0;
}

static uint64_t find_frame(const struct target *target)
{
    const struct ft_vm *ft = target->ft;

    switch (target->kind) {
    case TARGET_DIRTY:
        return frame_of_page(ft, choose_page(ft, true));
    case TARGET_CLEAN:
        return frame_of_page(ft, choose_page(ft, false));
    case TARGET_PAGE:
        return frame_of_page(ft, target->value);
    case TARGET_COPY:
        return frame_of_copy(ft, target->value);
    case TARGET_ADDRESS:
        break;
    }
    return target->value;
}

struct search {
    const struct target *target;
    uint64_t frame;
};

static int find_in_cell(void *argument)
{
    struct search *search = argument;

    search->frame = find_frame(search->target);
    return 0;
}

uint64_t target_locate(const struct target *target)
{
    struct search search = {target, NO_FRAME};

    run_in_cell(&target->ft->vm->cell, find_in_cell, &search);
    return search.frame;
}

bool target_take_word(struct target *target, const char *word)
{
    if (!strcmp(word, "dirty")) {
        target->kind = TARGET_DIRTY;
    } else if (!strcmp(word, "clean")) {
        target->kind = TARGET_CLEAN;
    } else if (!monitor_number(word, &target->value)) {
        target->kind = TARGET_ADDRESS;
    } else {
        return false;
    }
    return true;
}

bool target_take_page(struct target *target, const char *word,
                      const char *number)
{
    bool copy = !strcmp(word, "copy");

    if (!copy && strcmp(word, "page") != 0) {
        return false;
    }
    target->kind = copy ? TARGET_COPY : TARGET_PAGE;
    return number && !monitor_number(number, &target->value);
}
