/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Long work on a stopped VM, in preemptible pieces. A function that does a
 * piece returns 0 when all is done, -EAGAIN when the turn is over and it
 * wants to be called again, any other negative errno when it failed (why
 * then says what).
 */
#ifndef FT_WORK_H
#define FT_WORK_H

#include <stdint.h>

#define WORK_CHUNK 16 /* pages between two looks at the clock */

struct work {
    unsigned stage;  /* where to go on; 0: at the beginning */
    uint64_t next;   /* page to go on with, within a stage */
    uint64_t pages;  /* pages copied or cleared so far */
    uint64_t until;  /* host TSC at which this turn ends */
    uint64_t began;  /* host TSC at which an incident's action began, or 0 */
    const char *why; /* of a failure; a constant */
};

/* Result of a stage: when it is done, the next one is due. */
static inline int work_step(struct work *work, int error)
{
    if (!error) {
        work->stage++;
        work->next = 0;
    }
    return error;
}

#endif
