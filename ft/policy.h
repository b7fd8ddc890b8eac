/* SPDX-License-Identifier: BSD-2-Clause */
/* Which action comes next for a VM that is hit. Pure. */
#ifndef FT_POLICY_H
#define FT_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "ft/classify.h"
#include "kernel/config.h"

#define GENERATION_NEWEST 0
#define GENERATION_OLDER  1
#define GENERATIONS       2
#define GENERATION_NONE   UINT8_MAX

/* One VM in one incident. An incident ends when an action succeeded; until
 * then each failed action is added here and the policy is asked again. */
struct policy_state {
    struct verdict verdict;
    uint16_t vm; /* the VM to decide about: verdict.victim or verdict.lost */

    uint8_t failed_actions;     /* bit 1 << enum action: failed already */
    uint8_t failed_generations; /* bit 1 << generation: could not be restored */
    uint8_t generations;        /* bit 1 << generation: there is one */
    uint8_t last_generation;    /* restored last since the newest snapshot or
                                   restart; GENERATION_NONE */
    bool page_clean; /* the page of the verdict was not written since the
                        newest snapshot (dirty log drained) */
    bool copy_good;  /* its other copy (mirror for RAM, RAM for the mirror)
                        is in a good frame and its CRC32C is right */
    bool spare;      /* a spare frame is left */
    bool images;     /* all its boot images are intact */

    uint32_t budget_used; /* restores and restarts in the window so far */
    uint32_t budget_limit;
    uint64_t run_ticks;      /* TSC ticks that the guest ran since the last
                                restore */
    uint64_t progress_ticks; /* fewer ticks than that are no progress; 0: any
                                run is progress */
};

enum policy_reason {
    REASON_HARMLESS,    /* nothing of the VM is hit that needs an action */
    REASON_LADDER,      /* the next rung of the health table */
    REASON_NO_PROGRESS, /* the newest generation failed again at once */
    REASON_BUDGET,      /* restored or restarted too often */
    REASON_EXHAUSTED,   /* no rung is left */
    REASON_KINDS
};

struct decision {
    enum action action;
    uint8_t generation; /* for ACTION_RESTORE; else GENERATION_NONE */
    enum policy_reason reason;
};

/*
 * The next action for state->vm by its health table row for the kind of
 * fault. Rungs that failed or are impossible are passed over:
 *  - log: the VM cannot go on, or would go on without its page;
 *  - heal: see policy_can_heal();
 *  - restore: no generation is left;
 *  - restart: an image is damaged.
 * ACTION_NONE when the verdict does not concern this VM. A fault that leaves
 * its execution and RAM alone (a corrected error, a bad mirror, undo or
 * spare frame) is never answered by more than heal; ACTION_LOG then leaves
 * it to the caller to drop what the bad frame held.
 * A VM that failed again before progress_ticks since a restore goes to the
 * older generation, and is restarted if there is none or that was the one,
 * even when the row has no restart (a rung of restore is enough).
 * Always ends in ACTION_HALT: for REASON_BUDGET as soon as a restore or
 * restart is due and the budget is used up, or for REASON_EXHAUSTED.
 */
struct decision policy_next(const enum action ladder[LADDER_MAX],
                            const struct policy_state *state);

/* One bad page, of RAM or of the mirror, can be replaced unnoticed: its
 * other copy is the same and good, a spare frame is left, and the VM can be
 * continued where it was (decision 11). */
bool policy_can_heal(const struct policy_state *state);

/* "harmless", "ladder", "no-progress", "budget", "exhausted". */
const char *policy_reason_name(enum policy_reason reason);

#endif
