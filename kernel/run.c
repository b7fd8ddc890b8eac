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
#include "kernel/run_queue.h"
#include "kernel/watchdog.h"

#define HOOKS_MAX 8

uint64_t run_slice;

static struct run_queue queues[CPU_MAX];
static uint64_t (*hooks[HOOKS_MAX])(uint64_t now);
static unsigned hook_count;

int run_add(struct runnable *runnable, unsigned on)
{
    struct run_queue *queue = &queues[on];

    /* A VM that was refused leaves its place, and what it had queued. */
    for (unsigned i = 0; on < CPU_MAX && i < queue->count; i++) {
        if (queue->runnables[i] == runnable) {
            return 0;
        }
    }
    if (on >= CPU_MAX || queue->count == RUN_QUEUE_MAX) {
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

struct turn {
    struct runnable *runnable;
    uint64_t end;
};

static void take_turn(void *argument)
{
    const struct turn *turn = argument;

    turn->runnable->run(turn->runnable, turn->end);
}

uint64_t run_slice_end(void)
{
    return queues[this_cpu()->index].turn_end;
}

static void serve(struct run_queue *queue, struct runnable *runnable,
                  uint64_t alone)
{
    struct percpu *self = this_cpu();
    uint64_t start = rdtsc();
    struct turn turn = {
        runnable, run_queue_turn_end(queue, runnable, start, run_slice, alone)};

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
    struct run_queue *queue = &queues[this_cpu()->index];

    for (;;) {
        uint64_t first = RUN_NEVER;
        struct runnable *runnable;

        watchdog_core_begins();
        for (unsigned i = 0; i < hook_count; i++) {
            uint64_t again = hooks[i](rdtsc());

            first = again < first ? again : first;
        }
        runnable = run_queue_next(queue, rdtsc(), &first);
        if (runnable) {
            first = fault_waiting()
                        ? 0
                        : run_queue_alone_until(queue, runnable, first);
        }
        watchdog_core_ends();
        if (runnable) {
            serve(queue, runnable, first);
        } else {
            idle(first);
        }
    }
}
