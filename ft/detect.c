/* SPDX-License-Identifier: BSD-2-Clause */
/* From a fault to the VMs that it concerns. At safe points only. */
#include "ft/ft_vm.h"
#include "kernel/log.h"
#include "kernel/panic.h"

#define WIDEST_LSB 21 /* an address known less exactly than 2 MiB is none */

static _Noreturn void core_is_hit(const struct fault *fault,
                                  const struct verdict *verdict)
{
    struct journal_entry *entry =
        journal_open(FAULT_NO_VM, fault_kind_name(fault->kind));

    entry->fault = *fault;
    entry->verdict = *verdict;
    entry->valid = JOURNAL_FAULT | JOURNAL_VERDICT;
    keep_entry(entry);
    report_fault(entry);
    panic("the core is hit: %s, %s, in %s, address 0x%lx, detail 0x%lx, "
          "RIP 0x%lx",
          fault_kind_name(fault->kind), fault_severity_name(fault->severity),
          fault_context_name(fault->context), fault->address, fault->detail,
          fault->rip);
}

/* Nobody has to do anything: noted, and that is all. A machine check names
 * the frame's owner, and not the VM that ran. */
static void note(const struct fault *fault, const struct verdict *verdict,
                 const struct frame *frame)
{
    const uint16_t vm = fault->kind != FAULT_MCE   ? fault->vm
                        : frame->owner == OWNER_VM ? frame->vm
                                                   : FAULT_NO_VM;
    struct journal_entry *entry =
        journal_open(vm, fault_kind_name(fault->kind));

    entry->fault = *fault;
    entry->verdict = *verdict;
    entry->decision =
        (struct decision){ACTION_LOG, GENERATION_NONE, REASON_HARMLESS};
    entry->ok = true;
    entry->why = policy_reason_name(REASON_HARMLESS);
    entry->valid =
        JOURNAL_FAULT | JOURNAL_VERDICT | JOURNAL_DECISION | JOURNAL_OUTCOME;
    keep_entry(entry);
    report_fault(entry);
    report_action(entry);
}

static bool has_image_in(const struct ft_vm *ft, uint64_t bad)
{
    for (unsigned i = 0; i < ft->image_count; i++) {
        if (bad + PAGE_BYTES > ft->images[i].start && bad < ft->images[i].end) {
            return true;
        }
    }
    return false;
}

/* Whoever starts from this frame cannot restart any more. */
static void spoil_images(uint64_t bad)
{
    for (unsigned i = 0; i < VM_MAX; i++) {
        struct ft_vm *ft = &ft_vms[i];

        if (ft->vm && has_image_in(ft, bad)) {
            ft->images_bad = true;
            log_warn("%s: a frame of its boot images is bad: it cannot be "
                     "restarted any more",
                     ft->vm->config->name);
        }
    }
}

/* One frame that the fault names, or none; first: of this fault. */
static void judge(const struct fault *fault, uint64_t bad, bool first,
                  uint64_t now)
{
    const struct frame entry = frame_lookup(bad);
    const struct address_owner owner = {entry.owner, entry.role, entry.vm};
    const struct verdict verdict = classify(fault, &owner);
    bool concerns_vm = false;

    if (verdict.core && verdict.severity == SEVERITY_FATAL) {
        core_is_hit(fault, &verdict);
    }
    if (verdict.core) {
        log_error("frame 0x%lx of the core is bad: what reads it will be a "
                  "panic",
                  bad);
    }
    if (verdict.severity == SEVERITY_NONE) {
        return;
    }
    if (verdict.frame_bad && entry.owner != OWNER_VM) {
        frame_quarantine(bad);
        if (verdict.scope == SCOPE_IMAGE) {
            spoil_images(bad);
        }
    }
    if (verdict.victim < VM_MAX) {
        incident_add(&ft_vms[verdict.victim], fault, &verdict,
                     verdict.frame_bad ? bad : NO_FRAME, &entry, now);
        concerns_vm = true;
    }
    if (verdict.lost < VM_MAX && verdict.lost != verdict.victim) {
        incident_add(&ft_vms[verdict.lost], fault, &verdict, NO_FRAME, &entry,
                     now);
        concerns_vm = true;
    }
    if (!concerns_vm && first) {
        note(fault, &verdict, &entry);
    }
}

void ft_detect(const struct fault *fault, uint64_t now)
{
    struct fault known = *fault;
    uint64_t size = PAGE_BYTES, start;

    if (known.kind == FAULT_MCE && known.lsb > WIDEST_LSB) {
        known.has_address = false;
    }
    if ((known.kind != FAULT_MCE && known.kind != FAULT_COPY) ||
        !known.has_address) {
        judge(&known, NO_FRAME, true, now);
        return;
    }
    if (known.lsb > PAGE_SHIFT) {
        size = 1ul << known.lsb;
    }
    start = known.address & ~(size - 1);
    for (uint64_t bad = start; bad < start + size; bad += PAGE_BYTES) {
        judge(&known, bad, bad == start, now);
    }
}
