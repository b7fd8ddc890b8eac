/* SPDX-License-Identifier: BSD-2-Clause */
#include "ft/policy.h"

static bool bit(uint8_t set, unsigned n)
{
    return (set & (1u << n)) != 0;
}

static bool is_lost(const struct policy_state *state)
{
    return state->verdict.lost == state->vm;
}

static bool is_victim(const struct policy_state *state)
{
    return state->verdict.victim == state->vm;
}

/* Its memory or state has to be repaired before it may run again. */
static bool needs_repair(const struct policy_state *state)
{
    enum verdict_scope scope = state->verdict.scope;

    return is_victim(state) && state->verdict.frame_bad &&
           (scope == SCOPE_PAGE || scope == SCOPE_VM);
}

static bool is_guest_hit(const struct policy_state *state)
{
    return is_lost(state) || needs_repair(state) ||
           (is_victim(state) && state->verdict.scope == SCOPE_VM);
}

bool policy_can_heal(const struct policy_state *state)
{
    enum verdict_scope scope = state->verdict.scope;

    return is_victim(state) && !is_lost(state) && state->verdict.frame_bad &&
           (scope == SCOPE_PAGE || scope == SCOPE_MIRROR) &&
           state->page_clean && state->copy_good && state->spare &&
           bit(state->generations, GENERATION_NEWEST);
}

static bool has_no_progress(const struct policy_state *state)
{
    return state->last_generation < GENERATIONS &&
           state->run_ticks < state->progress_ticks;
}

/* The newest generation worth a try, or GENERATION_NONE. */
static uint8_t pick_generation(const struct policy_state *state)
{
    uint8_t first = GENERATION_NEWEST;

    if (has_no_progress(state))
        first = (uint8_t)(state->last_generation + 1);
    for (uint8_t i = first; i < GENERATIONS; i++)
        if (bit(state->generations, i) && !bit(state->failed_generations, i))
            return i;
    return GENERATION_NONE;
}

static struct decision decide(enum action action, enum policy_reason reason)
{
    return (struct decision){action, GENERATION_NONE, reason};
}

static struct decision try_restart(const struct policy_state *state,
                                   enum policy_reason reason)
{
    if (!state->images || bit(state->failed_actions, ACTION_RESTART))
        return decide(ACTION_NONE, reason);
    return decide(ACTION_RESTART, reason);
}

static struct decision try_restore(const struct policy_state *state)
{
    struct decision decision = decide(ACTION_RESTORE, REASON_LADDER);

    if (has_no_progress(state))
        decision.reason = REASON_NO_PROGRESS;
    decision.generation = pick_generation(state);
    if (decision.generation != GENERATION_NONE)
        return decision;
    if (has_no_progress(state))
        return try_restart(state, REASON_NO_PROGRESS);
    return decide(ACTION_NONE, REASON_LADDER);
}

/* What a rung comes to; ACTION_NONE: pass it over. */
static struct decision try_rung(enum action rung,
                                const struct policy_state *state)
{
    bool possible;

    switch (rung) {
    case ACTION_RESTORE:
        return try_restore(state);
    case ACTION_RESTART:
        return try_restart(state, REASON_LADDER);
    case ACTION_LOG:
        possible = !is_lost(state) && !needs_repair(state);
        break;
    case ACTION_HEAL:
        possible = policy_can_heal(state);
        break;
    default:
        possible = rung == ACTION_HALT || rung == ACTION_PRESERVE;
        break;
    }
    return decide(possible ? rung : ACTION_NONE, REASON_LADDER);
}

static struct decision check_budget(struct decision decision,
                                    const struct policy_state *state)
{
    bool costs =
        decision.action == ACTION_RESTORE || decision.action == ACTION_RESTART;

    if (costs && state->budget_used >= state->budget_limit)
        return decide(ACTION_HALT, REASON_BUDGET);
    return decision;
}

static struct decision climb(const enum action ladder[LADDER_MAX],
                             const struct policy_state *state)
{
    for (unsigned i = 0; i < LADDER_MAX && ladder[i] != ACTION_NONE; i++) {
        struct decision decision;

        if (ladder[i] >= ACTION_KINDS || bit(state->failed_actions, ladder[i]))
            continue;
        decision = try_rung(ladder[i], state);
        if (decision.action != ACTION_NONE)
            return check_budget(decision, state);
    }
    return decide(ACTION_HALT, REASON_EXHAUSTED);
}

static bool ladder_has(const enum action ladder[LADDER_MAX], enum action rung)
{
    for (unsigned i = 0; i < LADDER_MAX && ladder[i] != ACTION_NONE; i++)
        if (ladder[i] == rung)
            return true;
    return false;
}

static struct decision harmless(const enum action ladder[LADDER_MAX],
                                const struct policy_state *state)
{
    if (!is_victim(state) && state->verdict.severity != SEVERITY_CORRECTED)
        return decide(ACTION_NONE, REASON_HARMLESS);
    if (policy_can_heal(state) && ladder_has(ladder, ACTION_HEAL) &&
        !bit(state->failed_actions, ACTION_HEAL))
        return decide(ACTION_HEAL, REASON_LADDER);
    return decide(ACTION_LOG, REASON_HARMLESS);
}

struct decision policy_next(const enum action ladder[LADDER_MAX],
                            const struct policy_state *state)
{
    if (state->verdict.severity == SEVERITY_NONE || state->vm == FAULT_NO_VM)
        return decide(ACTION_NONE, REASON_HARMLESS);
    if (!is_guest_hit(state))
        return harmless(ladder, state);
    return climb(ladder, state);
}

static const char *const reason_names[REASON_KINDS] = {
    [REASON_HARMLESS] = "harmless",       [REASON_LADDER] = "ladder",
    [REASON_NO_PROGRESS] = "no-progress", [REASON_BUDGET] = "budget",
    [REASON_EXHAUSTED] = "exhausted",
};

const char *policy_reason_name(enum policy_reason reason)
{
    return reason < REASON_KINDS ? reason_names[reason] : "?";
}
