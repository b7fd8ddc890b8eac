/* SPDX-License-Identifier: BSD-2-Clause */
/* The attempts of an incident, and its end. At safe points, as incident.c. */
#include "ft/ft_vm.h"
#include "kernel/log.h"

/* The entry of the present attempt: the first one is that of the fault. */
static struct journal_entry *present_entry(struct ft_vm *ft)
{
    struct incident *incident = &ft->incident;

    if (!incident->entry) {
        incident->entry = incident_open_entry(ft, incident->kind)->number;
    }
    return journal_find(incident->entry);
}

static void close_entry(struct ft_vm *ft, bool ok, const char *why,
                        uint64_t now)
{
    struct incident *incident = &ft->incident;
    struct journal_entry *entry = present_entry(ft);

    if (!entry) {
        return;
    }
    entry->decision = incident->decision;
    entry->ok = ok;
    entry->why = why;
    entry->pages = ft->work.pages;
    entry->ticks = now - incident->fault.tsc;
    entry->work = ft->work.began ? now - ft->work.began : 0;
    entry->valid |= JOURNAL_DECISION | JOURNAL_OUTCOME;
    if (incident->verify.pages) {
        entry->verify = incident->verify;
        entry->valid |= JOURNAL_VERIFY;
    }
    keep_entry(entry);
}

/* The next attempt will have an entry of its own. */
static void fail_attempt(struct ft_vm *ft, const char *why, uint64_t now)
{
    struct incident *incident = &ft->incident;
    const struct decision *decision = &incident->decision;

    close_entry(ft, false, why, now);
    incident->entry = 0;
    incident->verify.pages = 0;
    incident->ordered = false;
    if (decision->action != ACTION_RESTORE) {
        incident->failed_actions |= (uint8_t)(1u << decision->action);
        return;
    }
    incident->failed_generations |= (uint8_t)(1u << decision->generation);
    /* The newest is gone once the older one was begun. */
    if (decision->generation == GENERATION_OLDER) {
        incident->failed_generations |= 1u << GENERATION_NEWEST;
    }
}

static bool is_end(enum action action)
{
    return action == ACTION_HALT || action == ACTION_PRESERVE;
}

/* It can go on where it was cut off, once: what it is about is the older
 * generation still, or the newest by now. */
static void allow_older_again(struct incident *incident,
                              const struct decision *was)
{
    if (was->action == ACTION_RESTORE && was->generation == GENERATION_OLDER &&
        !incident->older_cut_off) {
        incident->older_cut_off = true;
        incident->failed_generations = 0;
    }
}

void incident_abandoned(struct ft_vm *ft, uint64_t now)
{
    struct incident *incident = &ft->incident;
    const struct decision was = incident->decision;

    if (incident->stage == INCIDENT_ACT) {
        fail_attempt(ft, "abandoned", now);
        allow_older_again(incident, &was);
    } else {
        incident->contain_failed = true;
    }
    incident_again(ft, now);
}

bool incident_must_end(struct ft_vm *ft)
{
    struct incident *incident = &ft->incident;
    bool hopeless = incident->beyond_why && incident->contain_failed;

    if (incident->rounds <= ROUNDS_MAX && !hopeless) {
        return false;
    }
    if (!is_end(incident->decision.action)) {
        incident->decision =
            (struct decision){ACTION_HALT, GENERATION_NONE, REASON_EXHAUSTED};
    }
    incident->ordered = false;
    return true;
}

static const char *reason_of(const struct incident *incident)
{
    if (incident->ordered) {
        return "ordered";
    }
    return incident->beyond_why && is_end(incident->decision.action)
               ? incident->beyond_why
               : policy_reason_name(incident->decision.reason);
}

static void end_vm(struct ft_vm *ft)
{
    const struct decision *decision = &ft->incident.decision;

    if (decision->action == ACTION_PRESERVE) {
        vm_end(ft->vm, VM_PRESERVED, "preserved");
    } else {
        vm_end(ft->vm, VM_HALTED,
               decision->reason == REASON_BUDGET ? "budget" : "halted");
    }
}

/* A timed snapshot waits until it is known whether the guest lives: it would
 * push the older generation out. */
static void snapshot_again_later(struct ft_vm *ft)
{
    if (ft->vm->config->snapshot == SNAPSHOT_EVERY) {
        ft->snapshot_due = SNAPSHOT_NOT_TIMED;
    }
}

static void note_recovery(struct ft_vm *ft, enum action action)
{
    if (action == ACTION_RESTORE) {
        ft->last_generation = GENERATION_NEWEST;
        ft->ticks_at_restore = ft->vm->vcpu[0].ticks;
        ft->restored_for = ft->incident.fault;
        snapshot_again_later(ft);
    } else if (action == ACTION_RESTART) {
        ft->last_generation = GENERATION_NONE;
        ft->snapshots = 0;
        ft->snapshot_due = SNAPSHOT_NOT_TIMED;
    } else {
        return;
    }
    /* What it had asked for, it has not asked for any more. */
    ft->vm->snapshot_wanted = false;
    ft->vm->reset_wanted = false;
}

/* A guest that runs again has its turn first. One that starts from its image
 * has nobody who waits for it. */
static void report(struct ft_vm *ft)
{
    const struct incident *incident = &ft->incident;
    enum action action = incident->decision.action;
    bool first_try = incident->entry == incident->first_entry;

    if (action == ACTION_RESTORE && first_try && !report_may_tell_restore(ft)) {
        return;
    }
    if (ft->vm->state == VM_RUNNING && action != ACTION_RESTART) {
        report_incident_later(ft);
    } else {
        report_incident(ft);
    }
}

static void end_incident(struct ft_vm *ft)
{
    enum action action = ft->incident.decision.action;
    bool goes_on = !is_end(action);

    note_recovery(ft, action);
    if (goes_on) {
        vm_go_on(ft->vm);
    }
    report(ft);
    if (ft->snapshot_lost) {
        ft->snapshot_lost = false;
        log_warn("%s: a snapshot was abandoned and could not be undone: no "
                 "generation is left of those before",
                 ft->vm->config->name);
    }
    if (!goes_on) {
        end_vm(ft);
    }
}

bool incident_result(struct ft_vm *ft, uint64_t now)
{
    if (ft->result < 0) {
        fail_attempt(ft, ft->work.why ? ft->work.why : "?", now);
        incident_again(ft, now);
        return false;
    }
    close_entry(ft, true, reason_of(&ft->incident), now);
    end_incident(ft);
    return true;
}
