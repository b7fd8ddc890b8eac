/* SPDX-License-Identifier: BSD-2-Clause */
/* Everything that ft will ever need for a VM, at start-up. */
#include "ft/ft.h"
#include "ft/ft_vm.h"
#include "kernel/errno.h"
#include "kernel/format.h"
#include "kernel/string.h"
#include "kernel/time.h"
#include "vmm/guest.h"

static void add_image(struct ft_vm *ft, const struct image *image)
{
    uint64_t start = cell_lookup(&ft->vm->cell, (uint64_t)image->data);

    /* A module lies in one piece, in memory as in the window. */
    if (image->size) {
        ft->images[ft->image_count++] =
            (struct memory_range){start, start + image->size};
    }
}

static int create_in_cell(void *argument)
{
    struct ft_vm *ft = argument;
    const struct vm_config *config = ft->vm->config;
    struct guest *guest = ft->vm->guest;

    ft->ram = (uint8_t *)CELL_RAM;
    ft->scratch = cell_alloc(&ft->vm->cell, sizeof(*ft->scratch));
    if (!ft->scratch) {
        return -ENOMEM;
    }
    if (config->snapshot != SNAPSHOT_OFF) {
        ft->snapshot = snapshot_create(&ft->vm->cell, guest,
                                       config->verify == VERIFY_FULL);
        if (!ft->snapshot) {
            return -ENOMEM;
        }
    }
    add_image(ft, &guest->kernel);
    for (unsigned i = 0; i < config->module_count; i++) {
        add_image(ft, &guest->modules[i]);
    }
    return 0;
}

static int take_spares(struct ft_vm *ft)
{
    while (ft->spare_count < SPARES) {
        uint64_t frame = frame_alloc(OWNER_VM, ROLE_SPARE, ft->vm->id, 0);

        if (!frame) {
            return -ENOMEM;
        }
        ft->spares[ft->spare_count++] = frame;
    }
    return 0;
}

int ft_vm_create(struct vm *vm, char why[96])
{
    struct ft_vm *ft = &ft_vms[vm->id];
    int error;

    memset(ft, 0, sizeof(*ft));
    ft->vm = vm;
    ft->last_generation = GENERATION_NONE;
    ft->snapshot_due = SNAPSHOT_NOT_TIMED;
    error = budget_init(&ft->budget, vm->config->budget, vm->config->budget_ms,
                        (uint32_t)time_per_ms());
    if (error) {
        format(why, 96, "budget: at most %u in its time", BUDGET_EVENTS_MAX);
    }
    if (!error) {
        error = run_in_cell(&vm->cell, create_in_cell, ft);
        error = error ? error : take_spares(ft);
        ft_turns_init(ft);
        error = error ? error : run_add(&ft->turns, 0); /* the VM's own */
        error = error ? error : scrub_create(ft);
        if (error) {
            format(why, 96, "no memory for its snapshots (error %d)", -error);
        }
    }
    if (error) {
        ft->vm = NULL;
    }
    return error;
}
