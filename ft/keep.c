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
        format(record.kind, sizeof(record.kind), "%s", entry->kind);
    }
    if (entry->vm < VM_MAX && ft_vms[entry->vm].vm) {
        format(record.vm, sizeof(record.vm), "%s",
               ft_vms[entry->vm].vm->config->name);
    }
    if (entry->valid & JOURNAL_OUTCOME) {
        format(record.action, sizeof(record.action), "%s",
               action_name(entry->decision.action));
        format(record.outcome, sizeof(record.outcome), "%s",
               entry->ok ? "ok" : "failed");
    }
    black_box_note(&record);
}
