/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading the banks and deciding where to return. Nothing here prints, and
 * nothing is decided but the place to return to. */
#include "arch/x86_64/mca/mca.h"

#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/exception.h"
#include "arch/x86_64/interrupt.h"
#include "arch/x86_64/mca/bank.h"
#include "arch/x86_64/mca/bits.h"
#include "arch/x86_64/mca/overlay.h"
#include "arch/x86_64/mca/severity.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/percpu.h"
#include "kernel/log.h"
#include "kernel/panic.h"

static void post(const struct mca_record *record, uint64_t rip)
{
    const struct percpu *self = this_cpu();
    struct fault fault = {
        .vm = self->served_vm,
        .vcpu = self->served_vcpu,
        .cpu = (uint16_t)self->index,
        .injected = mca_overlay_active(),
        .rip = rip,
        .tsc = rdtsc(),
    };

    mca_to_fault(record, &fault);
    if (fault.severity != SEVERITY_NONE) {
        fault_post(&fault);
    }
}

/* A CPU that runs no guests has nobody to tell but the one that does, which
 * may sleep. An NMI wakes it; whom it meets awake it does no harm. */
static void wake_others(void)
{
    if (this_cpu()->index) {
        apic_send_nmi_to_others();
    }
}

/* Posts what every bank says and clears it; *worst is the worst of them, or
 * says SEVERITY_NONE, too. */
static enum fault_severity drain_banks(const struct mca_record *at,
                                       uint64_t rip, struct mca_record *worst)
{
    const unsigned count = mca_bank_count();
    enum fault_severity highest = SEVERITY_NONE;

    *worst = *at;
    for (unsigned bank = 0; bank < count; bank++) {
        struct mca_record record;
        enum fault_severity severity;

        if (!mca_bank_holds_error(bank)) {
            continue;
        }
        record = mca_bank_read(bank);
        record.in_exception = true;
        record.context = at->context;
        record.fixup = at->fixup;
        severity = mca_severity(&record, NULL);
        if (severity > highest) {
            highest = severity;
            *worst = record;
        }
        post(&record, rip);
        mca_msr_write(MSR_MC0_STATUS + 4 * bank, 0);
    }
    if (highest != SEVERITY_NONE) {
        wake_others();
    }
    return highest;
}

/* Signalled by a machine check, whose handler reads it. */
static bool is_signalled(const struct mca_record *record)
{
    return record->status & MCI_STATUS_UC &&
           (!(record->mcg_cap & MCG_CAP_SER_P) ||
            record->status & MCI_STATUS_S);
}

/* The last act: another machine check from here on is a new one, not a
 * shutdown. */
static void finish(void)
{
    mca_msr_write(MSR_MCG_STATUS, 0);
    mca_overlay_drop();
    this_cpu()->in_mce = false;
}

void mca_abandon(void)
{
    if (this_cpu()->in_mce) {
        finish();
    }
}

static void poll_bank(unsigned bank)
{
    struct mca_record record;

    if (!mca_bank_holds_error(bank)) {
        return;
    }
    record = mca_bank_read(bank);
    if (is_signalled(&record)) {
        return;
    }
    record.context = CONTEXT_CORE;
    post(&record, 0);
    mca_msr_write(MSR_MC0_STATUS + 4 * bank, 0);
}

/* MCIP while no handler runs: the exception was lost, as KVM 6.1 loses one
 * that comes while an entry is under way. Nobody knows what it interrupted,
 * and the next one would reset the machine. */
static void take_lost(void)
{
    const struct mca_record at = {.context = CONTEXT_CORE};
    struct mca_record record;

    log_error("cpu%u: a machine check was not delivered", this_cpu()->index);
    drain_banks(&at, 0, &record);
    finish();
}

/* What is injected waits for its strike, and is not for here. */
void mca_poll(void)
{
    unsigned count = mca_capability().present ? mca_bank_count() : 0;

    if (count && !mca_overlay_active() &&
        mca_msr_read(MSR_MCG_STATUS) & MCG_STATUS_MCIP) {
        take_lost();
    }
    for (unsigned bank = 0; bank < count && !mca_overlay_active(); bank++) {
        poll_bank(bank);
    }
}

/* Nothing in any bank (another CPU may have read and cleared a shared one),
 * but what was running cannot be continued. */
static void post_unexplained(enum fault_context context, uint64_t rip)
{
    const struct percpu *self = this_cpu();
    const struct fault fault = {
        .kind = FAULT_MCE,
        .severity = context == CONTEXT_CORE ? SEVERITY_FATAL : SEVERITY_ACTION,
        .context = context,
        .vm = self->served_vm,
        .vcpu = self->served_vcpu,
        .cpu = (uint16_t)self->index,
        .rip = rip,
        .tsc = rdtsc(),
    };

    fault_post(&fault);
}

void mca_guest_exit(uint64_t rip)
{
    const struct mca_record at = {.context = CONTEXT_GUEST};
    uint64_t mcg_status;
    struct mca_record record;

    this_cpu()->in_mce = true;
    mcg_status = mca_msr_read(MSR_MCG_STATUS);
    if (drain_banks(&at, rip, &record) == SEVERITY_NONE &&
        !(mcg_status & MCG_STATUS_RIPV)) {
        post_unexplained(CONTEXT_GUEST, rip);
    }
    finish();
}

static _Noreturn void core_panic(const struct exception_frame *frame,
                                 const struct mca_record *record)
{
    unsigned row;

    mca_severity(record, &row);
    panic_at(frame,
             "machine check in the core: %s; bank %u, status 0x%lx, address "
             "0x%lx, misc 0x%lx, MCG_STATUS 0x%lx",
             mca_severity_row_name(row), record->bank, record->status,
             record->address, record->misc, record->mcg_status);
}

static void handle(struct exception_frame *frame)
{
    uint64_t fixup = fixup_find(frame->rip);
    const struct mca_record at = {.mcg_status = mca_msr_read(MSR_MCG_STATUS),
                                  .context = exception_context(),
                                  .fixup = fixup != 0};
    struct mca_record record;
    enum fault_severity worst = drain_banks(&at, frame->rip, &record);
    bool restartable = at.mcg_status & MCG_STATUS_RIPV;
    bool go_on = worst <= SEVERITY_OPTIONAL && restartable;

    if (worst == SEVERITY_NONE && !go_on) {
        post_unexplained(at.context, frame->rip);
    }
    finish();
    if (exception_in_entry(frame)) {
        frame->rip = (uint64_t)(go_on ? vm_entry_abort : vm_entry_abort_mce);
    } else if (go_on) {
        return;
    } else if (fixup && restartable && worst == SEVERITY_ACTION) {
        frame->rip = fixup;
    } else if (at.context == CONTEXT_SERVING) {
        exception_abandon(frame);
    } else {
        core_panic(frame, &record);
    }
}

void mca_exception(struct exception_frame *frame)
{
    this_cpu()->in_mce = true;
    handle(frame);
}
