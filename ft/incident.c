/* SPDX-License-Identifier: BSD-2-Clause */
/* How an incident begins and grows. All of this happens at safe points; what
 * touches the cell is done in its VM's own turns, by act.c and contain.c. */
#include "ft/ft_vm.h"
#include "kernel/errno.h"
#include "kernel/string.h"

static uint32_t incidents;

/* ---- frames ---- */

static uint64_t take_spare(struct ft_vm *ft, const struct frame *entry)
{
    uint64_t spare;

    if (!ft->spare_count) {
        return 0;
    }
    spare = ft->spares[--ft->spare_count];
    frame_assign(spare, *entry);
    return spare;
}

static void drop_spare(struct ft_vm *ft, uint64_t bad)
{
    for (unsigned i = 0; i < ft->spare_count; i++) {
        if (ft->spares[i] == bad) {
            ft->spares[i] = ft->spares[--ft->spare_count];
            return;
        }
    }
}

static bool is_replaceable(uint8_t role)
{
    return role == ROLE_RAM || role == ROLE_MIRROR || role == ROLE_UNDO;
}

void incident_give_up(struct ft_vm *ft, const char *why)
{
    struct incident *incident = &ft->incident;

    incident->beyond_why = why;
    incident->failed_actions |= 1u << ACTION_LOG | 1u << ACTION_HEAL |
                                1u << ACTION_RESTORE | 1u << ACTION_RESTART;
    incident->verdict.victim = ft->vm->id;
    incident->verdict.scope = SCOPE_VM;
}

/* Out of use from now on; its place is filled in the VM's own turn. */
static void take_frame_away(struct ft_vm *ft, uint64_t bad,
                            const struct frame *entry)
{
    struct incident *incident = &ft->incident;
    struct bad_frame *frame = &incident->frames[incident->frame_count];

    bad &= ~(uint64_t)(PAGE_BYTES - 1);
    frame_quarantine(bad);
    ft->quarantined++;
    if (!is_replaceable(entry->role)) {
        incident_give_up(ft, "a frame of its tables or state is bad");
        return;
    }
    if (incident->frame_count == BAD_FRAMES) {
        incident_give_up(ft, "too many bad frames");
        return;
    }
    memset(frame, 0, sizeof(*frame));
    frame->frame = bad;
    frame->role = entry->role;
    frame->page = entry->page;
    frame->spare = take_spare(ft, entry);
    incident->frame_count++;
}

/* ---- journal ---- */

struct journal_entry *incident_open_entry(struct ft_vm *ft, const char *kind)
{
    struct journal_entry *entry = journal_open(ft->vm->id, kind);

    entry->incident = ft->incident.number;
    return entry;
}

static struct journal_entry *journal_fault(struct ft_vm *ft,
                                           const struct fault *fault,
                                           const struct verdict *verdict)
{
    struct journal_entry *entry =
        incident_open_entry(ft, fault_kind_name(fault->kind));

    entry->fault = *fault;
    entry->verdict = *verdict;
    entry->valid = JOURNAL_FAULT | JOURNAL_VERDICT;
    keep_entry(entry);
    return entry;
}

/* A fault that needs no work: noted, with what was done. */
static void note(struct ft_vm *ft, const struct fault *fault,
                 const struct verdict *verdict)
{
    struct journal_entry *entry;

    ft->incident.number = 0;
    entry = journal_fault(ft, fault, verdict);
    entry->decision =
        (struct decision){ACTION_LOG, GENERATION_NONE, REASON_HARMLESS};
    entry->why = policy_reason_name(REASON_HARMLESS);
    entry->ok = true;
    entry->valid |= JOURNAL_DECISION | JOURNAL_OUTCOME;
    keep_entry(entry);
    report_fault(entry);
    report_action(entry);
}

/* ---- opening ---- */

static void open_incident(struct ft_vm *ft)
{
    memset(&ft->incident, 0, sizeof(ft->incident));
    ft->incident.number = ++incidents;
}

static enum verdict_scope wider(enum verdict_scope a, enum verdict_scope b)
{
    static const uint8_t rank[SCOPE_KINDS] = {
        [SCOPE_SPARE] = 1,  [SCOPE_IMAGE] = 1, [SCOPE_UNDO] = 2,
        [SCOPE_MIRROR] = 3, [SCOPE_PAGE] = 4,  [SCOPE_VM] = 5,
    };

    return rank[a] > rank[b] ? a : b;
}

/* The worst of both, as far as this VM is concerned. */
static void merge(struct verdict *into, const struct verdict *more, uint16_t vm)
{
    if (more->victim == vm) {
        into->victim = vm;
        into->scope = wider(into->scope, more->scope);
        into->frame_bad = into->frame_bad || more->frame_bad;
    }
    if (more->lost == vm) {
        into->lost = vm;
    }
    if (more->severity > into->severity) {
        into->severity = more->severity;
    }
}

void incident_again(struct ft_vm *ft, uint64_t now)
{
    struct incident *incident = &ft->incident;

    incident->stage = INCIDENT_CONTAIN;
    if (++incident->rounds >= ROUNDS_MAX) {
        incident_give_up(ft, "it never ends");
    }
    ft_start(ft, JOB_INCIDENT, now);
}

static bool has_ended(const struct ft_vm *ft)
{
    return !ft->vm || vm_has_ended(ft->vm);
}

/* Nothing has to be done in the VM's cell. */
static bool is_simple(const struct ft_vm *ft, uint64_t bad,
                      const struct frame *entry)
{
    return has_ended(ft) || (bad != NO_FRAME && entry->role == ROLE_SPARE);
}

/* A wide fault is one in the journal, too, and does not push the others out. */
static void add_simple(struct ft_vm *ft, const struct fault *fault,
                       const struct verdict *verdict, uint64_t bad)
{
    bool again_the_same = ft->noted_tsc == fault->tsc;

    ft->noted_tsc = fault->tsc;
    if (bad != NO_FRAME) {
        bad &= ~(uint64_t)(PAGE_BYTES - 1);
        frame_quarantine(bad);
        drop_spare(ft, bad);
        ft->quarantined++;
    }
    if (again_the_same) {
        return;
    }
    if (ft->vm && ft->job != JOB_INCIDENT) {
        note(ft, fault, verdict);
    } else if (ft->vm) {
        journal_fault(ft, fault, verdict);
    }
}

static void note_mapping(struct incident *incident, const struct fault *fault)
{
    if ((fault->kind == FAULT_MISCONFIG || fault->kind == FAULT_EPT) &&
        fault->has_address && incident->mapping_count < MAPPINGS) {
        incident->mappings[incident->mapping_count++] =
            fault->address & ~(uint64_t)(PAGE_BYTES - 1);
    }
}

static void add_first(struct ft_vm *ft, const struct fault *fault,
                      const struct verdict *verdict)
{
    open_incident(ft);
    ft->incident.fault = *fault;
    ft->incident.verdict = *verdict;
    ft->incident.kind = fault_kind_name(fault->kind);
    ft->incident.entry = journal_fault(ft, fault, verdict)->number;
    ft->incident.first_entry = ft->incident.entry;
}

void incident_add(struct ft_vm *ft, const struct fault *fault,
                  const struct verdict *verdict, uint64_t bad,
                  const struct frame *entry, uint64_t now)
{
    /* A wide fault comes once for each of its frames. */
    bool again_the_same =
        ft->job == JOB_INCIDENT && ft->incident.last_tsc == fault->tsc;

    if (is_simple(ft, bad, entry)) {
        add_simple(ft, fault, verdict, bad);
        return;
    }
    if (ft->job == JOB_SNAPSHOT) {
        ft->snapshot_due = SNAPSHOT_NOT_TIMED; /* it was not taken */
    }
    if (ft->job != JOB_INCIDENT) {
        add_first(ft, fault, verdict);
    } else if (!again_the_same) {
        journal_fault(ft, fault, verdict);
    }
    note_mapping(&ft->incident, fault);
    merge(&ft->incident.verdict, verdict, ft->vm->id);
    if (bad != NO_FRAME) {
        take_frame_away(ft, bad, entry);
    }
    ft->incident.last_tsc = fault->tsc;
    if (!again_the_same) {
        incident_again(ft, now);
    }
}

int incident_order(struct ft_vm *ft, enum action action, uint8_t generation,
                   const char *kind, uint64_t now)
{
    struct incident *incident = &ft->incident;

    if (ft->job != JOB_NONE || has_ended(ft)) {
        return -EBUSY;
    }
    open_incident(ft);
    incident->kind = kind;
    incident->entry = incident_open_entry(ft, kind)->number;
    incident->first_entry = incident->entry;
    incident->fault = (struct fault){.kind = FAULT_RESTORE, .tsc = now};
    incident->verdict = (struct verdict){.victim = ft->vm->id,
                                         .lost = ft->vm->id,
                                         .scope = SCOPE_VM,
                                         .severity = SEVERITY_ACTION};
    incident->ordered = true;
    incident->decision = (struct decision){action, generation, REASON_LADDER};
    incident_again(ft, now);
    return 0;
}
