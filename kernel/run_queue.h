/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose turn is next on a pCPU, and how long it is. Pure: times are told. */
#ifndef KERNEL_RUN_QUEUE_H
#define KERNEL_RUN_QUEUE_H

#include <stdint.h>

#include "kernel/cell.h"
#include "kernel/run.h"

#define RUN_QUEUE_MAX   (3 * VM_MAX) /* the vCPU, ft, the scrubber */
#define RUN_STAY_SLICES 8 /* the longest turn; the root watchdog waits for it \
                           */

struct run_queue {
    struct runnable *runnables[RUN_QUEUE_MAX];
    unsigned count, last;
    const struct cell *turn_of; /* whose turn it is, or was last */
    uint64_t turn_end;
};

/* The next runnable in turn that is due now, a host TSC. NULL when none is;
 * *first becomes the time at which the first will be due, if it was later.
 * Turns go round the cells: two runnables of one cell do not have one each. */
struct runnable *run_queue_next(struct run_queue *queue, uint64_t now,
                                uint64_t *first);

/* Until when nobody but this one wants anything, and not after first; 0: its
 * turns do not outlast their slice. */
uint64_t run_queue_alone_until(const struct run_queue *queue,
                               const struct runnable *alone, uint64_t first);

/* The host TSC at which its turn ends that begins now: after its slice, or,
 * where nobody else wants one before alone, then, after RUN_STAY_SLICES at
 * the latest. A turn is the cell's: when another runnable of the same cell
 * comes next (ft's work on a VM that was stopped in its turn), it gets what
 * is left of the slice, so that other cells do not wait longer. */
uint64_t run_queue_turn_end(struct run_queue *queue,
                            const struct runnable *runnable, uint64_t now,
                            uint64_t slice, uint64_t alone);

#endif
