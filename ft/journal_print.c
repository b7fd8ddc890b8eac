/* SPDX-License-Identifier: BSD-2-Clause */
#include "ft/journal.h"
#include "kernel/monitor.h"

static void print_fault(struct monitor *monitor,
                        const struct journal_entry *entry)
{
    const struct fault *fault = &entry->fault;

    monitor_print(
        monitor, "  fault %s, %s, in %s, cpu%u, %s%s TSC %lu, RIP 0x%lx",
        fault_kind_name(fault->kind), fault_severity_name(fault->severity),
        fault_context_name(fault->context), fault->cpu,
        fault->injected ? "injected, " : "",
        fault->restartable ? "restartable," : "not restartable,", fault->tsc,
        fault->rip);
    if (fault->has_address) {
        monitor_print(monitor, "  address 0x%lx (valid from bit %u)",
                      fault->address, fault->lsb);
    }
    monitor_print(monitor, "  detail 0x%lx, info 0x%lx", fault->detail,
                  fault->info);
    if (fault->kind == FAULT_ROOT) {
        monitor_print(monitor, "  cause: %s%s%s",
                      fault_cause_name(fault->cause), fault->what ? ": " : "",
                      fault->what ? fault->what : "");
    }
}

static void print_verdict(struct monitor *monitor,
                          const struct verdict *verdict)
{
    static const char *const scopes[SCOPE_KINDS] = {
        [SCOPE_NONE] = "nothing",       [SCOPE_PAGE] = "a page",
        [SCOPE_VM] = "the VM",          [SCOPE_MIRROR] = "the mirror",
        [SCOPE_UNDO] = "the undo log",  [SCOPE_SPARE] = "a spare frame",
        [SCOPE_IMAGE] = "a boot image",
    };

    monitor_print(
        monitor, "  hit: %s%s%s",
        verdict->scope < SCOPE_KINDS ? scopes[verdict->scope] : "?",
        verdict->frame_bad ? ", the frame is quarantined" : "",
        verdict->lost == FAULT_NO_VM ? "" : ", what ran cannot be continued");
}

static void print_registers(struct monitor *monitor,
                            const struct journal_registers *r)
{
    static const char names[GPR_COUNT][4] = {
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
        "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

    for (unsigned i = 0; i < GPR_COUNT; i += 4) {
        monitor_print(monitor,
                      "  %-3s %016lx  %-3s %016lx  %-3s %016lx  %-3s %016lx",
                      names[i], r->gpr[i], names[i + 1], r->gpr[i + 1],
                      names[i + 2], r->gpr[i + 2], names[i + 3], r->gpr[i + 3]);
    }
    monitor_print(monitor, "  rip %04x:%016lx rflags %08lx ss %04x", r->cs,
                  r->rip, r->rflags, r->ss);
    monitor_print(monitor, "  cr0 %08lx cr2 %016lx cr3 %09lx cr4 %06lx", r->cr0,
                  r->cr2, r->cr3, r->cr4);
    monitor_print(monitor, "  efer %lx fs %016lx gs %016lx", r->efer,
                  r->fs_base, r->gs_base);
    if (r->event.valid) {
        monitor_print(monitor, "  being delivered: vector %u, error 0x%x",
                      r->event.vector, r->event.error_code);
    }
}

static void print_history(struct monitor *monitor,
                          const struct journal_entry *entry)
{
    for (unsigned i = 0; i < JOURNAL_EXITS && entry->history[i].tsc; i++) {
        const struct exit_record *exit = &entry->history[i];

        monitor_print(monitor, "  exit -%u: reason 0x%x, RIP 0x%lx, TSC %lu",
                      i + 1, exit->reason, exit->rip, exit->tsc);
    }
}

static void print_outcome(struct monitor *monitor,
                          const struct journal_entry *entry)
{
    monitor_print(monitor, "  %s%s: %s, %lu pages, %lu ticks (%s)",
                  action_name(entry->decision.action),
                  entry->decision.generation == GENERATION_OLDER
                      ? " of the older generation"
                      : "",
                  entry->valid & JOURNAL_OUTCOME ? (entry->ok ? "ok" : "failed")
                                                 : "under way",
                  entry->pages, entry->ticks, entry->why);
    if (entry->valid & JOURNAL_VERIFY) {
        monitor_print(monitor, "  verified %lu pages: %lu differences%s",
                      entry->verify.pages, entry->verify.mismatches,
                      entry->verify.state_differs ? ", the state differs" : "");
    }
    if (entry->valid & JOURNAL_VERIFY && entry->verify.first != NO_PAGE) {
        monitor_print(monitor, "  first page that differs: GPA 0x%lx",
                      entry->verify.first << 12);
    }
}

void journal_print(struct monitor *monitor, const struct journal_entry *entry,
                   const char *vm_name)
{
    monitor_print(monitor, "#%u %s %s, incident %u", entry->number, vm_name,
                  entry->kind, entry->incident);
    if (entry->valid & JOURNAL_FAULT) {
        print_fault(monitor, entry);
    }
    if (entry->valid & JOURNAL_VERDICT) {
        print_verdict(monitor, &entry->verdict);
    }
    if (entry->valid & JOURNAL_REGISTERS) {
        print_registers(monitor, &entry->registers);
    }
    if (entry->valid & JOURNAL_HISTORY) {
        print_history(monitor, entry);
    }
    if (entry->valid & JOURNAL_DECISION) {
        print_outcome(monitor, entry);
    }
}
