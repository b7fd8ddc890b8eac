/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/run.h"

#include <stddef.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/interrupt.h"
#include "arch/x86_64/percpu.h"
#include "arch/x86_64/timer.h"
#include "kernel/cell.h"
#include "kernel/errno.h"
#include "kernel/fault.h"
#include "kernel/watchdog.h"

#define RUNNABLES_MAX (3 * VM_MAX) /* the vCPU, ft, the scrubber */
#define HOOKS_MAX     8
#define STAY_SLICES   8 /* the longest turn; the root watchdog waits for it */

struct queue {
    struct runnable *runnables[RUNNABLES_MAX];
    unsigned count, last;
    const struct cell *turn_of; /* whose turn it is, or was last */
    uint64_t turn_end;
};

uint64_t run_slice;

static struct queue queues[CPU_MAX];
static uint64_t (*hooks[HOOKS_MAX])(uint64_t now);
static unsigned hook_count;

int run_add(struct runnable *runnable, unsigned on)
{
    struct queue *queue = &queues[on];

    /* A VM that was refused leaves its place, and what it had queued. */
    for (unsigned i = 0; on < CPU_MAX && i < queue->count; i++) {
        if (queue->runnables[i] == runnable) {
            return 0;
        }
    }
    if (on >= CPU_MAX || queue->count == RUNNABLES_MAX) {
        return -ENOSPC;
    }
    queue->runnables[queue->count++] = runnable;
    return 0;
}

void run_wake(struct runnable *runnable)
{
    runnable->wake = 0;
}

/* One pCPU takes turns, and whoever calls this is on it and between turns,
 * so the runnable is not running. A second pCPU needs an IPI here, and the
 * wait for its acknowledgement. */
void run_stop(struct runnable *runnable)
{
    runnable->stopped = true;
}

void run_start(struct runnable *runnable)
{
    runnable->stopped = false;
}

int run_at_safe_point(uint64_t (*hook)(uint64_t now))
{
    if (hook_count == HOOKS_MAX) {
        return -ENOSPC;
    }
    hooks[hook_count++] = hook;
    return 0;
}

/* Has this cell just had its turn? Others go first then. */
static bool had_its_turn(const struct queue *queue, const struct cell *cell,
                         uint64_t now)
{
    return queue->turn_of == cell && now >= queue->turn_end;
}

/* The next runnable in turn that is due; NULL, and the time at which the
 * first will be due. Turns go round the cells: two runnables of one cell do
 * not have one each. */
static struct runnable *next_due(struct queue *queue, uint64_t *first)
{
    struct runnable *again = NULL;
    uint64_t now = rdtsc();

    for (unsigned i = 1; i <= queue->count; i++) {
        unsigned index = (queue->last + i) % queue->count;
        struct runnable *runnable = queue->runnables[index];

        if (runnable->stopped) {
            continue;
        }
        if (runnable->wake > now) {
            *first = runnable->wake < *first ? runnable->wake : *first;
        } else if (had_its_turn(queue, runnable->cell, now)) {
            again = again ? again : runnable;
        } else {
            queue->last = index;
            return runnable;
        }
    }
    return again;
}

/* Until when nobody but this one wants anything. first: when a hook does. */
static uint64_t alone_until(const struct queue *queue,
                            const struct runnable *alone, uint64_t first)
{
    for (unsigned i = 0; i < queue->count && alone->stays; i++) {
        const struct runnable *other = queue->runnables[i];

        if (other != alone && !other->stopped && other->wake < first) {
            first = other->wake;
        }
    }
    return alone->stays && !fault_waiting() ? first : 0;
}

struct turn {
    struct runnable *runnable;
    uint64_t end;
};

static void take_turn(void *argument)
{
    const struct turn *turn = argument;

    turn->runnable->run(turn->runnable, turn->end);
}

/* A turn is the cell's: when another runnable of the same cell comes next
 * (ft's work on a VM that was stopped in its turn), it gets what is left, so
 * that other cells do not wait longer. Nobody else wants one before alone. */
static uint64_t turn_end(struct queue *queue, const struct runnable *runnable,
                         uint64_t now, uint64_t alone)
{
    uint64_t end = now + STAY_SLICES * run_slice;

    if (queue->turn_of != runnable->cell || now >= queue->turn_end) {
        queue->turn_of = runnable->cell;
        queue->turn_end = now + run_slice;
    }
    end = alone < end ? alone : end;
    return end > queue->turn_end ? end : queue->turn_end;
}

uint64_t run_slice_end(void)
{
    return queues[this_cpu()->index].turn_end;
}

static void serve(struct queue *queue, struct runnable *runnable,
                  uint64_t alone)
{
    struct percpu *self = this_cpu();
    uint64_t start = rdtsc();
    struct turn turn = {runnable, turn_end(queue, runnable, start, alone)};

    if (cell_current() != runnable->cell) {
        cell_put();
    }
    self->served_vm = runnable->cell->id;
    self->served_vcpu = runnable->vcpu;
    if (watchdog_catch(take_turn, &turn, turn.end, runnable->cell)) {
        cell_forget();
    }
    self->served_vm = FAULT_NO_VM;
    runnable->turns++;
    runnable->ticks += rdtsc() - start;
}

static void idle(uint64_t until)
{
    cell_put();
    cell_switch(NULL, NULL);
    timer_arm(until == RUN_NEVER ? 0 : until);
    if (!fault_waiting()) {
        idle_wait();
    }
    timer_arm(0);
}

void run_loop(void)
{
    struct queue *queue = &queues[this_cpu()->index];

    for (;;) {
        uint64_t first = RUN_NEVER;
        struct runnable *runnable;

        watchdog_core_begins();
        for (unsigned i = 0; i < hook_count; i++) {
            uint64_t again = hooks[i](rdtsc());

            first = again < first ? again : first;
        }
        runnable = next_due(queue, &first);
        if (runnable) {
            first = alone_until(queue, runnable, first);
        }
        watchdog_core_ends();
        if (runnable) {
            serve(queue, runnable, first);
        } else {
            idle(first);
        }
    }
}
