/* SPDX-License-Identifier: BSD-2-Clause */
#include "ft/classify.h"
#include "kernel/config.h"

#define PAGE_LSB 12

static struct verdict nothing(enum fault_severity severity)
{
    return (struct verdict){
        .victim = FAULT_NO_VM, .lost = FAULT_NO_VM, .severity = severity};
}

static struct verdict core_hit(enum fault_severity severity)
{
    struct verdict verdict = nothing(severity);

    verdict.core = true;
    return verdict;
}

static struct verdict vm_hit(const struct fault *fault)
{
    struct verdict verdict = nothing(fault->severity);

    if (fault->vm >= VM_MAX)
        return core_hit(SEVERITY_FATAL);
    verdict.victim = fault->vm;
    verdict.lost = fault->vm;
    verdict.scope = SCOPE_VM;
    return verdict;
}

static enum verdict_scope role_scope(enum frame_role role, uint8_t lsb)
{
    switch (role) {
    case ROLE_RAM:
        return lsb > PAGE_LSB ? SCOPE_VM : SCOPE_PAGE;
    case ROLE_MIRROR:
        return SCOPE_MIRROR;
    case ROLE_UNDO:
        return SCOPE_UNDO;
    case ROLE_SPARE:
        return SCOPE_SPARE;
    default:
        return SCOPE_VM;
    }
}

static struct verdict vm_frame(const struct fault *fault,
                               const struct address_owner *owner)
{
    struct verdict verdict = nothing(fault->severity);

    /* A frame table that says so is damaged, and it is the core's. */
    if (owner->vm >= VM_MAX)
        return core_hit(SEVERITY_FATAL);
    verdict.victim = owner->vm;
    verdict.frame_bad = true;
    verdict.scope = role_scope(owner->role, fault->lsb);
    return verdict;
}

static struct verdict core_frame(const struct fault *fault)
{
    bool consumed = fault->severity == SEVERITY_ACTION;

    return core_hit(consumed ? SEVERITY_FATAL : fault->severity);
}

static struct verdict bad_frame(const struct fault *fault,
                                const struct address_owner *owner)
{
    struct verdict verdict = nothing(fault->severity);

    switch (owner->owner) {
    case OWNER_VM:
        return vm_frame(fault, owner);
    case OWNER_FREE:
        verdict.frame_bad = true;
        return verdict;
    case OWNER_MODULE:
        verdict.frame_bad = true;
        verdict.scope = SCOPE_IMAGE;
        return verdict;
    case OWNER_FIRMWARE:
    case OWNER_QUARANTINED:
        return verdict;
    default:
        return core_frame(fault);
    }
}

/* No frame is known: an error that nobody consumed can only be noted. */
static struct verdict no_frame(const struct fault *fault)
{
    if (fault->severity != SEVERITY_ACTION)
        return nothing(fault->severity);
    if (fault->context == CONTEXT_CORE)
        return core_hit(SEVERITY_FATAL);
    return vm_hit(fault);
}

static bool runner_is_lost(const struct fault *fault,
                           const struct verdict *verdict)
{
    return !fault->restartable ||
           (fault->severity == SEVERITY_ACTION &&
            fault->context == CONTEXT_GUEST && verdict->victim == FAULT_NO_VM);
}

static struct verdict machine_check(const struct fault *fault,
                                    const struct address_owner *owner)
{
    struct verdict verdict;

    if (fault->severity == SEVERITY_CORRECTED)
        verdict = nothing(SEVERITY_CORRECTED);
    else if (fault->has_address)
        verdict = bad_frame(fault, owner);
    else
        verdict = no_frame(fault);

    if (verdict.severity == SEVERITY_FATAL || !runner_is_lost(fault, &verdict))
        return verdict;
    if (fault->context == CONTEXT_CORE || fault->vm >= VM_MAX)
        return core_hit(SEVERITY_FATAL);
    verdict.lost = fault->vm;
    return verdict;
}

static struct verdict other_fault(const struct fault *fault)
{
    struct verdict verdict;

    if (fault->severity == SEVERITY_CORRECTED)
        return nothing(SEVERITY_CORRECTED);
    if (fault->kind == FAULT_ROOT && fault->context == CONTEXT_CORE)
        return core_hit(SEVERITY_FATAL);
    verdict = vm_hit(fault);
    if (!verdict.core && fault->restartable)
        verdict.lost = FAULT_NO_VM;
    return verdict;
}

struct verdict classify(const struct fault *fault,
                        const struct address_owner *owner)
{
    if (fault->kind == FAULT_NONE || fault->severity == SEVERITY_NONE)
        return nothing(SEVERITY_NONE);
    if (fault->severity == SEVERITY_FATAL)
        return core_hit(SEVERITY_FATAL);
    if (fault->kind == FAULT_MCE || fault->kind == FAULT_COPY)
        return machine_check(fault, owner);
    return other_fault(fault);
}
