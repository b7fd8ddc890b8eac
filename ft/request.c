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

/* The next period begins when the VM runs again, so that a snapshot that takes
 * longer than the period does not starve it; and whoever asked for this one,
 * since two in a row would leave two generations that are the same. */
static void set_next_due(struct ft_vm *ft, uint64_t now)
{
    if (ft->vm->config->snapshot == SNAPSHOT_EVERY) {
        ft->snapshot_due = SNAPSHOT_NOT_TIMED;
    } else if (is_due(ft, now)) {
        ft->snapshot_due = RUN_NEVER;
    }
}

static void start_snapshot(struct ft_vm *ft, uint64_t now)
{
    set_next_due(ft, now);
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

/* A VM that does not run yet, or is paused, has no clock to go by. What has
 * just been restored must first run for as long as tells whether it lives;
 * else a snapshot of it would push the older generation out. */
static void set_timer(struct ft_vm *ft, uint64_t now)
{
    const struct vm_config *config = ft->vm->config;
    const uint64_t proof = PROGRESS_SAME_MS * time_per_ms();
    uint64_t wait = period(config);

    if (ft->snapshot_due != SNAPSHOT_NOT_TIMED || ft->vm->state != VM_RUNNING) {
        return;
    }
    if (ft->last_generation == GENERATION_NEWEST && wait < proof) {
        wait = proof;
    }
    ft->snapshot_due = is_timed(config) ? now + wait : RUN_NEVER;
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
