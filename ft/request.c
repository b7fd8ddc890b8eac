/* SPDX-License-Identifier: BSD-2-Clause */
/* Snapshots by the clock or by the guest's wish, and its resets. */
#include "ft/ft_vm.h"
#include "kernel/time.h"

/* A guest that resets itself in a loop is carried out no oftener: each writes
 * to the journal and to the serial lines, which all VMs share. */
#define RESET_MS 100

static bool is_timed(const struct vm_config *config)
{
    return config->snapshot == SNAPSHOT_ONCE ||
           config->snapshot == SNAPSHOT_EVERY;
}

static uint64_t period(const struct vm_config *config)
{
    uint64_t ticks = config->snapshot_ms * time_per_ms();

    return ticks ? ticks : 1;
}

bool ft_can_snapshot(const struct ft_vm *ft)
{
    return ft->snapshot && !ft->no_snapshots;
}

static bool is_due(const struct ft_vm *ft, uint64_t now)
{
    return ft->snapshot_due != SNAPSHOT_NOT_TIMED && ft->snapshot_due <= now;
}

/* After one that is due. The next period begins when the VM runs again, so
 * that a snapshot that takes longer than the period does not starve it. */
static uint64_t next_due(const struct ft_vm *ft)
{
    return ft->vm->config->snapshot == SNAPSHOT_EVERY ? SNAPSHOT_NOT_TIMED
                                                      : RUN_NEVER;
}

static void start_snapshot(struct ft_vm *ft, uint64_t now)
{
    if (is_due(ft, now)) {
        ft->snapshot_due = next_due(ft);
    }
    ft->vm->snapshot_wanted = false;
    ft_start(ft, JOB_SNAPSHOT, now);
}

/* A guest that waits for an answer gets one even when there is no mirror. */
static void start_what_is_due(struct ft_vm *ft, uint64_t now)
{
    const struct vm *vm = ft->vm;
    bool due = is_due(ft, now) && ft_can_snapshot(ft);

    if (vm->reset_wanted && now >= ft->reset_from) {
        ft->reset_from = now + RESET_MS * time_per_ms();
        incident_order(ft, ft->images_bad ? ACTION_HALT : ACTION_RESTART,
                       GENERATION_NONE, "reset", now);
    } else if (vm->reset_wanted) {
        return;
    } else if (vm->snapshot_wanted || (due && vm->state == VM_RUNNING)) {
        start_snapshot(ft, now);
    }
}

/* A VM that does not run yet, or is paused, has no clock to go by. */
static void set_timer(struct ft_vm *ft, uint64_t now)
{
    const struct vm_config *config = ft->vm->config;

    if (ft->snapshot_due == SNAPSHOT_NOT_TIMED && ft->vm->state == VM_RUNNING) {
        ft->snapshot_due = is_timed(config) ? now + period(config) : RUN_NEVER;
    }
}

uint64_t ft_requests(struct ft_vm *ft, uint64_t now)
{
    if (vm_has_ended(ft->vm) || ft->job != JOB_NONE) {
        return RUN_NEVER;
    }
    set_timer(ft, now);
    start_what_is_due(ft, now);
    return ft->vm->state == VM_RUNNING && ft_can_snapshot(ft) ? ft->snapshot_due
                                                              : RUN_NEVER;
}
