/* SPDX-License-Identifier: BSD-2-Clause */
/* inject VM flip: a bit changes silently, as in memory without ECC. Nobody is
 * told; that is the point. */
#include "ft/ft_vm.h"
#include "ft/mirror.h"
#include "kernel/errno.h"
#include "kernel/monitor.h"
#include "kernel/string.h"
#include "vmm/guest.h"

enum place { FLIP_PAGE, FLIP_COPY, FLIP_OLD, FLIP_STATE };

struct flip {
    struct ft_vm *ft;
    enum place place;
    unsigned long page;
};

static uint8_t *old_copy(const struct snapshot *s, uint64_t page)
{
    for (uint32_t i = 0; i < s->undo.count; i++) {
        if (s->undo.entries[i].page == page) {
            return mirror_slot(s, s->undo.entries[i].copy.slot);
        }
    }
    return NULL;
}

static uint8_t *find(const struct flip *flip)
{
    const struct snapshot *s = flip->ft->snapshot;

    if (flip->place == FLIP_STATE) {
        return s ? (uint8_t *)s->generations[s->newest].state : NULL;
    }
    if (flip->page >= flip->ft->vm->guest->top >> 12 ||
        !guest_has_page(flip->ft->vm->guest, flip->page << 12)) {
        return NULL;
    }
    switch (flip->place) {
    case FLIP_COPY:
        return s ? mirror_slot(s, s->copies[flip->page].slot) : NULL;
    case FLIP_OLD:
        return s ? old_copy(s, flip->page) : NULL;
    default:
        return flip->ft->ram + (flip->page << 12);
    }
}

#define FLIP_BYTE 100 /* any one; in a saved state it is a device's */
#define FLIP_BIT  3

static int flip_in_cell(void *argument)
{
    uint8_t *bytes = find(argument);

    if (!bytes) {
        return -EFAULT;
    }
    bytes[FLIP_BYTE] ^= 1u << FLIP_BIT;
    return 0;
}

static bool take_words(struct flip *flip, unsigned count, char **words)
{
    static const char *const names[] = {
        [FLIP_PAGE] = "page", [FLIP_COPY] = "copy", [FLIP_OLD] = "old"};

    if (count == 1 && !strcmp(words[0], "state")) {
        flip->place = FLIP_STATE;
        return true;
    }
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (count == 2 && !strcmp(words[0], names[i])) {
            flip->place = (enum place)i;
            return monitor_number(words[1], &flip->page) == 0;
        }
    }
    return false;
}

int inject_flip(struct monitor *monitor, struct ft_vm *ft, unsigned count,
                char **words)
{
    struct flip flip = {.ft = ft};
    int error;

    if (!take_words(&flip, count, words)) {
        return -EINVAL;
    }
    error = run_in_cell(&ft->vm->cell, flip_in_cell, &flip);
    if (error) {
        monitor_print(monitor, "%s: it has no such page or state",
                      ft->vm->config->name);
    }
    return error;
}
