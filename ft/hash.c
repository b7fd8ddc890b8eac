/* SPDX-License-Identifier: BSD-2-Clause */
/* hash VM: what a VM is made of, in numbers: to compare one run with another,
 * or with itself. */
#include "ft/ft_vm.h"
#include "ft/mirror.h"
#include "ft/verify.h"
#include "kernel/crc32c.h"
#include "kernel/errno.h"
#include "kernel/event.h"
#include "kernel/monitor.h"
#include "vmm/guest.h"

/* All others wait. */
#define HASH_MEMORY_MAX (64ul << 20)

struct hash {
    struct ft_vm *ft;
    uint64_t next;        /* page */
    uint64_t ram, copies; /* all pages, in order */
    uint32_t parts[16];   /* CRC32C of each part of the state */
};

/* The next few pages, so that the watchdog is content. */
static int hash_pages(void *argument)
{
    struct hash *hash = argument;
    const struct snapshot *s = hash->ft->snapshot;
    const uint64_t end = hash->next + WORK_CHUNK;

    for (; hash->next < s->pages && hash->next < end; hash->next++) {
        const uint64_t page = hash->next;

        if (guest_has_page(hash->ft->vm->guest, page << 12)) {
            hash->ram = verify_mix(hash->ram, mirror_ram(s, page));
            hash->copies =
                verify_mix(hash->copies, mirror_slot(s, s->copies[page].slot));
        }
    }
    return hash->next < s->pages ? -EAGAIN : 0;
}

static int hash_state(void *argument)
{
    struct hash *hash = argument;
    struct guest_state *state = hash->ft->snapshot->scratch;

    guest_save(hash->ft->vm->guest, state);
    for (unsigned i = 0; i < guest_state_part_count; i++) {
        const struct state_part *part = &guest_state_parts[i];

        hash->parts[i] =
            crc32c(0, (const uint8_t *)state + part->offset, part->size);
    }
    return 0;
}

static int hash_all(struct hash *hash)
{
    struct cell *cell = &hash->ft->vm->cell;
    int error;

    do {
        error = run_in_cell(cell, hash_pages, hash);
    } while (error == -EAGAIN);
    return error ? error : run_in_cell(cell, hash_state, hash);
}

static void tell(struct monitor *monitor, const struct hash *hash)
{
    const char *name = hash->ft->vm->config->name;
    struct event event;

    event_begin(&event, "hash");
    event_text(&event, "vm", name);
    event_number(&event, "ram", hash->ram);
    event_number(&event, "copies", hash->copies);
    for (unsigned i = 0; i < guest_state_part_count; i++) {
        event_number(&event, guest_state_parts[i].name, hash->parts[i]);
    }
    event_end(&event);
    if (monitor->to_events) {
        return;
    }
    monitor_print(monitor, "%s: RAM %lx, copies %lx", name, hash->ram,
                  hash->copies);
    for (unsigned i = 0; i < guest_state_part_count; i++) {
        monitor_print(monitor, "  %s %x", guest_state_parts[i].name,
                      hash->parts[i]);
    }
}

static int hash(struct monitor *monitor, unsigned count, char **words)
{
    struct hash result = {0};
    int error;

    if (count != 2) {
        return -EINVAL;
    }
    result.ft = ft_named(monitor, words[1]);
    if (!result.ft) {
        return -ENOENT;
    }
    if (!ft_can_snapshot(result.ft) || result.ft->job != JOB_NONE ||
        vm_has_ended(result.ft->vm)) {
        monitor_print(monitor, "%s: not now, or not with snapshot=off",
                      words[1]);
        return -EBUSY;
    }
    if (result.ft->vm->config->memory > HASH_MEMORY_MAX) {
        monitor_print(monitor, "%s: too big: all others would wait", words[1]);
        return -EINVAL;
    }
    error = hash_all(&result);
    if (!error) {
        tell(monitor, &result);
    }
    return error;
}

static const struct monitor_command command = {
    "hash", "VM", "of its RAM, its copies and each part of its state", hash};

void ft_hash_register(void)
{
    monitor_register(&command);
}
