/* SPDX-License-Identifier: BSD-2-Clause */
/* What happened, for programs and people: after the decision to go on, since
 * all of this takes longer than most recoveries. */
#include "ft/ft_vm.h"
#include "kernel/event.h"
#include "kernel/log.h"
#include "kernel/string.h"
#include "kernel/time.h"

static const char *vm_name(uint16_t vm)
{
    return vm < VM_MAX && ft_vms[vm].vm ? ft_vms[vm].vm->config->name : "";
}

static const char *outcome(const struct journal_entry *entry)
{
    return entry->ok ? "ok" : "failed";
}

void report_fault(const struct journal_entry *entry)
{
    const struct fault *fault = &entry->fault;
    struct event event;

    event_begin(&event, "fault");
    event_text(&event, "vm", vm_name(entry->vm));
    event_text(&event, "kind", fault_kind_name(fault->kind));
    event_text(&event, "severity", fault_severity_name(fault->severity));
    event_text(&event, "context", fault_context_name(fault->context));
    if (fault->has_address) {
        event_number(&event, "address", fault->address);
    }
    event_number(&event, "detail", fault->detail);
    event_number(&event, "rip", fault->rip);
    if (fault->kind == FAULT_ROOT) {
        event_text(&event, "cause", fault_cause_name(fault->cause));
    }
    if (fault->what) {
        event_text(&event, "check", fault->what);
    }
    event_boolean(&event, "injected", fault->injected);
    event_number(&event, "tsc", fault->tsc);
    event_number(&event, "journal", entry->number);
    event_end(&event);
    log_warn("%s: fault %s, %s, in %s, address 0x%lx, detail 0x%lx%s",
             vm_name(entry->vm), fault_kind_name(fault->kind),
             fault_severity_name(fault->severity),
             fault_context_name(fault->context), fault->address, fault->detail,
             fault->injected ? ", injected" : "");
}

static void report_verify(const struct journal_entry *entry)
{
    struct event event;

    event_begin(&event, "verify");
    event_text(&event, "vm", vm_name(entry->vm));
    event_number(&event, "pages", entry->verify.pages);
    event_number(&event, "mismatches", entry->verify.mismatches);
    event_end(&event);
}

void report_action(const struct journal_entry *entry)
{
    const struct decision *decision = &entry->decision;
    struct event event;

    if (entry->valid & JOURNAL_VERIFY) {
        report_verify(entry);
    }
    event_begin(&event, "action");
    event_text(&event, "vm", vm_name(entry->vm));
    event_text(&event, "kind", entry->kind);
    event_text(&event, "action", action_name(decision->action));
    event_text(&event, "outcome", outcome(entry));
    event_number(&event, "pages", entry->pages);
    event_number(&event, "ticks", entry->ticks);
    event_number(&event, "work", entry->work);
    if (decision->generation != GENERATION_NONE) {
        event_number(&event, "generation", decision->generation);
    }
    event_text(&event, "why", entry->why);
    event_number(&event, "journal", entry->number);
    /* Resets come as often as the guest likes; what a budget bounds is never
     * dropped for its floods. */
    event_end_of(&event,
                 strcmp(entry->kind, "reset") ? FAULT_NO_VM : entry->vm);
    log_warn("%s: %s: %s %s, %lu pages, %lu ticks (%s)", vm_name(entry->vm),
             entry->kind, action_name(decision->action), outcome(entry),
             entry->pages, entry->ticks, entry->why);
}

static void report_reset(const struct journal_entry *entry)
{
    struct event event;

    event_begin(&event, "vm-reset");
    event_text(&event, "vm", vm_name(entry->vm));
    event_end_of(&event, entry->vm);
}

static void tell_incident(uint32_t incident, uint32_t first_entry)
{
    for (uint32_t i = first_entry; i <= journal_last(); i++) {
        const struct journal_entry *entry = journal_find(i);

        if (!entry || entry->incident != incident) {
            continue;
        }
        if (entry->valid & JOURNAL_FAULT) {
            report_fault(entry);
        }
        if (!strcmp(entry->kind, "reset")) {
            report_reset(entry);
        }
        if (entry->valid & JOURNAL_OUTCOME) {
            report_action(entry);
        }
    }
}

void report_incident(struct ft_vm *ft)
{
    tell_incident(ft->incident.number, ft->incident.first_entry);
}

void report_owed(void)
{
    event_owe(NULL);
    for (unsigned i = 0; i < vm_count; i++) {
        uint32_t incident = ft_vms[i].owed_incident;

        ft_vms[i].owed_incident = 0;
        if (incident) {
            tell_incident(incident, ft_vms[i].owed_from);
        }
    }
}

void report_incident_later(struct ft_vm *ft)
{
    ft->owed_incident = ft->incident.number;
    ft->owed_from = ft->incident.first_entry;
    event_owe(report_owed);
}

/* A guest can ask for snapshots, and fail, faster than the lines can tell of
 * them: so many at once, and then one in so many ms. */
#define TELL_BURST       64
#define TELL_SNAPSHOT_MS 50
#define TELL_RESTORE_MS  200

static bool may_tell(uint64_t *told_until, uint64_t ms)
{
    const uint64_t now = time_now(), each = ms * time_per_ms();

    if (*told_until < now) {
        *told_until = now;
    }
    if (*told_until - now > (TELL_BURST - 1) * each) {
        return false;
    }
    *told_until += each;
    return true;
}

bool report_may_tell_restore(struct ft_vm *ft)
{
    return may_tell(&ft->restores_told_until, TELL_RESTORE_MS);
}

void report_snapshot(struct ft_vm *ft, uint64_t ticks)
{
    const bool older = ft->generations & 1u << GENERATION_OLDER;
    const bool first = ft->snapshots == 1;
    char during[80];
    struct event event;

    if (!may_tell(&ft->told_until, TELL_SNAPSHOT_MS)) {
        return;
    }
    moments_print(during, sizeof(during), ft->moments);
    event_begin(&event, "snapshot");
    event_text(&event, "vm", ft->vm->config->name);
    event_number(&event, "generation", ft->snapshots);
    event_number(&event, "pages", ft->work.pages);
    event_number(&event, "ticks", ticks);
    event_text(&event, "during", during);
    event_boolean(&event, "first", first);
    event_boolean(&event, "older", older);
    event_end(&event);
    log_info("%s: snapshot %lu: %lu pages, %lu ticks%s", ft->vm->config->name,
             ft->snapshots, ft->work.pages, ticks,
             first || older ? ""
                            : "; too many for the undo log, there is no older "
                              "generation");
}
