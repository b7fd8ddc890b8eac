/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/run_queue.h"

#include <stddef.h>

/* Has this cell just had its turn? Others go first then. */
static bool had_its_turn(const struct run_queue *queue, const struct cell *cell,
                         uint64_t now)
{
    return queue->turn_of == cell && now >= queue->turn_end;
}

struct runnable *run_queue_next(struct run_queue *queue, uint64_t now,
                                uint64_t *first)
{
    struct runnable *again = NULL;

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

uint64_t run_queue_alone_until(const struct run_queue *queue,
                               const struct runnable *alone, uint64_t first)
{
    for (unsigned i = 0; i < queue->count && alone->stays; i++) {
        const struct runnable *other = queue->runnables[i];

        if (other != alone && !other->stopped && other->wake < first) {
            first = other->wake;
        }
    }
    return alone->stays ? first : 0;
}

uint64_t run_queue_turn_end(struct run_queue *queue,
                            const struct runnable *runnable, uint64_t now,
                            uint64_t slice, uint64_t alone)
{
    uint64_t end = now + RUN_STAY_SLICES * slice;

    if (queue->turn_of != runnable->cell || now >= queue->turn_end) {
        queue->turn_of = runnable->cell;
        queue->turn_end = now + slice;
    }
    end = alone < end ? alone : end;
    return end > queue->turn_end ? end : queue->turn_end;
}
