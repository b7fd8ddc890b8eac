/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies journal entries into the black box, as soon as there is something
 * to say: what follows may be the machine's end. */
#include "ft/ft_vm.h"
#include "kernel/black_box.h"
#include "kernel/format.h"

void keep_entry(const struct journal_entry *entry)
{
    struct black_box_fault record = {
        .number = entry->number, .ticks = entry->ticks, .pages = entry->pages};

    if (entry->valid & JOURNAL_FAULT) {
        black_box_describe(&record, &entry->fault);
    } else {
        format_text(record.kind, sizeof(record.kind), entry->kind);
    }
    if (entry->vm < VM_MAX && ft_vms[entry->vm].vm) {
        format_text(record.vm, sizeof(record.vm),
                    ft_vms[entry->vm].vm->config->name);
    }
    if (entry->valid & JOURNAL_OUTCOME) {
        format_text(record.action, sizeof(record.action),
                    action_name(entry->decision.action));
        format_text(record.outcome, sizeof(record.outcome),
                    entry->ok ? "ok" : "failed");
    }
    black_box_note(&record);
}
