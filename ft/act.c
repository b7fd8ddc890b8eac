/* SPDX-License-Identifier: BSD-2-Clause */
/* What is done about an incident, in the VM's own turns and in its cell. */
#include "ft/ft_vm.h"
#include "ft/mirror.h"
#include "ft/restart.h"
#include "kernel/errno.h"
#include "kernel/time.h"

void incident_evidence(struct ft_vm *ft, struct guest *guest)
{
    struct journal_entry *entry = journal_find(ft->incident.entry);

    if (ft->incident.evidence_tried || !entry) {
        return;
    }
    ft->incident.evidence_tried = true;
    guest_registers(guest, 0, ft->scratch);
    journal_evidence(entry, ft->scratch, &guest->vcpu[0]);
}

/* Hardware is asked for what was written, and a snapshot that was under way
 * is undone, before anything looks at a copy. */
static void settle(struct ft_vm *ft, struct guest *guest)
{
    if (!ft->snapshot) {
        return;
    }
    guest_dirty_collect(guest);
    if (guest->call_pending) {
        ft->vm->snapshot_wanted = true; /* it still waits */
    }
    if (!snapshot_abandon(ft->snapshot)) {
        ft->snapshot_lost = true;
    }
}

static bool holds_content(const struct bad_frame *frame)
{
    return frame->role == ROLE_RAM || frame->is_copy;
}

/* All bad pages together, as the policy wants to know it. */
static void describe_frames(const struct incident *incident,
                            struct policy_state *state)
{
    state->page_clean = state->copy_good = state->spare = true;
    for (unsigned i = 0; i < incident->frame_count; i++) {
        const struct bad_frame *frame = &incident->frames[i];

        if (holds_content(frame)) {
            state->page_clean = state->page_clean && frame->page_clean;
            state->copy_good = state->copy_good && frame->copy_good;
            state->spare = state->spare && frame->contained;
        }
    }
}

static bool is_same(const struct fault *a, const struct fault *b)
{
    return a->kind == b->kind && a->rip == b->rip && a->address == b->address &&
           a->detail == b->detail;
}

static uint64_t progress_ticks(const struct ft_vm *ft)
{
    return time_per_ms() * (is_same(&ft->incident.fault, &ft->restored_for)
                                ? PROGRESS_SAME_MS
                                : PROGRESS_MS);
}

static struct policy_state describe(const struct ft_vm *ft, uint64_t now)
{
    const struct incident *incident = &ft->incident;
    struct policy_state state = {
        .verdict = incident->verdict,
        .vm = ft->vm->id,
        .failed_actions = incident->failed_actions,
        .failed_generations = incident->failed_generations,
        .generations = ft->generations,
        .last_generation = ft->last_generation,
        .images = !ft->images_bad,
        .budget_used = incident->spent ? 0 : budget_used(&ft->budget, now),
        .budget_limit = incident->spent ? 1 : ft->budget.limit,
        .run_ticks = ft->vm->vcpu[0].ticks - ft->ticks_at_restore,
        .progress_ticks = progress_ticks(ft),
    };

    describe_frames(incident, &state);
    return state;
}

static bool is_over_anyway(const struct incident *incident)
{
    return incident->decision.action == ACTION_HALT ||
           incident->decision.action == ACTION_PRESERVE;
}

/* One incident costs one of the budget, however many attempts it takes; what
 * was ordered costs nothing. */
static void decide(struct ft_vm *ft)
{
    struct incident *incident = &ft->incident;
    const uint64_t now = time_now();
    struct policy_state state = describe(ft, now);
    enum action action;

    if (incident->ordered &&
        (!incident->beyond_why || is_over_anyway(incident))) {
        return;
    }
    incident->ordered = false;
    incident->decision =
        policy_next(ft->vm->config->on[incident->fault.kind], &state);
    action = incident->decision.action;
    if ((action == ACTION_RESTORE || action == ACTION_RESTART) &&
        !incident->spent) {
        incident->spent = true;
        budget_spend(&ft->budget, now);
    }
}

static int heal(struct ft_vm *ft)
{
    const struct incident *incident = &ft->incident;

    for (unsigned i = 0; i < incident->frame_count; i++) {
        const struct bad_frame *frame = &incident->frames[i];

        if (frame->role != ROLE_RAM) {
            continue;
        }
        if (mirror_put(ft->snapshot, frame->page, true)) {
            ft->work.why = "the page's copy is damaged";
            return -EIO;
        }
        ft->work.pages++;
    }
    ft->work.pages += incident_heal_copies(ft);
    return 0;
}

/* What was restored is the newest now. */
static void count_restore(struct ft_vm *ft, const struct snapshot *s,
                          bool complete)
{
    if (s->verify.pages) {
        ft->record.verified++;
        ft->record.differed += s->verify.mismatches != 0;
    }
    if (!complete) {
        return;
    }
    ft->moments = moments_of(s->generations[s->newest].state);
    moments_count(ft->record.restored, ft->moments);
}

static int restore(struct ft_vm *ft, struct guest *guest)
{
    struct incident *incident = &ft->incident;
    struct snapshot *s = ft->snapshot;
    unsigned generation = incident->decision.generation;
    int error;

    if (!s || ft->no_snapshots) {
        ft->work.why = "there are no snapshots";
        return -ENOENT;
    }
    if (ft->work.stage == 0) {
        incident_heal_copies(ft);
    }
    error = snapshot_restore(guest, s, generation, ft->vm->config->verify,
                             &ft->work);
    if (error == -EAGAIN) {
        return error;
    }
    incident->verify = s->verify;
    count_restore(ft, s, !error);
    /* The older generation is no way out if it has the same copy. */
    if (error && s->damaged != NO_PAGE &&
        !snapshot_older_differs(s, s->damaged)) {
        incident->failed_generations |= 1u << GENERATION_OLDER;
    }
    return error;
}

static int act(struct ft_vm *ft, struct guest *guest)
{
    switch (ft->incident.decision.action) {
    case ACTION_HEAL:
        return heal(ft);
    case ACTION_RESTORE:
        return restore(ft, guest);
    case ACTION_RESTART:
        return restart(guest, ft->snapshot, ft->ram, &ft->work);
    default:
        return 0; /* a change of the VM's state, or nothing */
    }
}

int incident_work(struct ft_vm *ft, struct guest *guest)
{
    struct incident *incident = &ft->incident;

    if (incident->stage == INCIDENT_CONTAIN) {
        settle(ft, guest);
        incident_evidence(ft, guest);
        incident_contain(ft, guest);
        ft_note_generations(ft);
        incident->stage = INCIDENT_DECIDE;
    }
    if (incident->stage == INCIDENT_DECIDE) {
        decide(ft);
        ft->work.began = time_now();
        incident->stage = INCIDENT_ACT;
    }
    return act(ft, guest);
}
