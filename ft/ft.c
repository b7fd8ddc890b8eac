/* SPDX-License-Identifier: BSD-2-Clause */
/* Safe points, and the turns in which ft works on a VM. */
#include "ft/ft.h"

#include "ft/ft_vm.h"
#include "kernel/cell.h"
#include "kernel/errno.h"
#include "kernel/fault.h"
#include "kernel/string.h"
#include "kernel/time.h"
#include "vmm/guest.h"

struct ft_vm ft_vms[VM_MAX];

struct ft_vm *ft_find(const char *name)
{
    const struct vm *vm = vm_find(name);

    return vm && ft_vms[vm->id].vm ? &ft_vms[vm->id] : NULL;
}

void ft_note_generations(struct ft_vm *ft)
{
    ft->generations =
        ft_can_snapshot(ft) ? snapshot_generations(ft->snapshot) : 0;
}

/* A guest whose request cannot be met is told so. */
static int snapshot_work(struct ft_vm *ft, struct guest *guest)
{
    struct snapshot *s = ft->snapshot;
    int error;

    if (ft_can_snapshot(ft)) {
        error = snapshot_take(guest, s, &ft->work);
        if (!error) {
            ft->moments = moments_of(s->generations[s->newest].state);
            moments_count(ft->record.taken, ft->moments);
        }
        return error;
    }
    if (guest->call_pending) {
        guest_call_result(guest, UINT32_MAX);
    }
    return -ENOENT;
}

/* A turn of the VM, used by ft. If it is abandoned, in_work stays set. */
static void take_turn(struct runnable *self, uint64_t slice_end)
{
    struct ft_vm *ft = &ft_vms[self->cell->id];
    struct guest *guest = ft->vm->guest;
    int result;

    ft->in_work = true;
    if (ft->job == JOB_INCIDENT && incident_must_end(ft)) {
        ft->result = 0;
        ft->finished = true;
        ft->in_work = false;
        return;
    }
    if (cell_current() != self->cell) {
        cell_switch(self->cell, NULL);
    }
    ft->work.until = slice_end;
    result = ft->job == JOB_SNAPSHOT ? snapshot_work(ft, guest)
                                     : incident_work(ft, guest);
    ft_note_generations(ft);
    if (result != -EAGAIN) {
        ft->result = result;
        ft->finished = true;
    }
    ft->in_work = false;
}

void ft_start(struct ft_vm *ft, enum ft_job job, uint64_t now)
{
    vm_stop(ft->vm);
    ft->job = job;
    ft->began = now;
    ft->work = (struct work){.stage = 0};
    ft->finished = false;
    run_wake(&ft->turns);
    run_start(&ft->turns);
}

static void stop(struct ft_vm *ft)
{
    ft->job = JOB_NONE;
    ft->finished = false;
    run_stop(&ft->turns);
}

static void end_snapshot(struct ft_vm *ft)
{
    uint64_t ticks = time_now() - ft->began;

    vm_go_on(ft->vm);
    if (ft->result == 0) {
        /* What was restored last is the older one now, or gone. */
        if (ft->last_generation == GENERATION_NEWEST) {
            ft->last_generation = GENERATION_OLDER;
        }
        ft->snapshots++;
        report_snapshot(ft, ticks);
    }
    stop(ft);
}

/* A snapshot did not come back. What it ran into has been posted, as a rule;
 * if that got lost, or concerned nobody, this is a fault in itself. */
static void snapshot_abandoned(struct ft_vm *ft, uint64_t now)
{
    const struct fault fault = {.kind = FAULT_RESTORE,
                                .severity = SEVERITY_ACTION,
                                .context = CONTEXT_SERVING,
                                .vm = ft->vm->id,
                                .detail = ft->work.stage,
                                .tsc = now};

    ft_detect(&fault, now);
}

static void look_at_work(struct ft_vm *ft, uint64_t now)
{
    if (ft->in_work && ft->job == JOB_INCIDENT) {
        incident_abandoned(ft, now);
    }
    if (!ft->finished) {
        return;
    }
    ft->finished = false;
    if (ft->job == JOB_SNAPSHOT) {
        end_snapshot(ft);
    } else if (ft->job == JOB_INCIDENT && incident_result(ft, now)) {
        stop(ft);
    }
}

static uint64_t look_at_requests(struct ft_vm *ft, uint64_t now)
{
    if (ft->in_work && ft->job == JOB_SNAPSHOT) {
        snapshot_abandoned(ft, now);
    }
    ft->in_work = false;
    return ft_requests(ft, now);
}

/* Work first: its result must not be mixed up with a fault that was posted
 * since, and what it was abandoned for is its failure. */
static uint64_t safe_point(uint64_t now)
{
    uint64_t next = RUN_NEVER;
    struct fault fault;

    report_owed();
    for (unsigned i = 0; i < vm_count; i++) {
        look_at_work(&ft_vms[i], now);
    }
    while (fault_take(&fault)) {
        report_owed(); /* the journal may come round */
        ft_detect(&fault, now);
    }
    for (unsigned i = 0; i < vm_count; i++) {
        uint64_t due = look_at_requests(&ft_vms[i], now);

        next = due < next ? due : next;
    }
    return next;
}

void ft_init(void)
{
    run_at_safe_point(safe_point);
    ft_commands_register();
    ft_health_register();
    ft_bench_register();
    ft_hash_register();
    ft_inject_register();
}

void ft_turns_init(struct ft_vm *ft)
{
    ft->turns = (struct runnable){.name = ft->vm->config->name,
                                  .cell = &ft->vm->cell,
                                  .run = take_turn,
                                  .wake = RUN_NEVER,
                                  .stopped = true};
}
