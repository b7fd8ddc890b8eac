/* SPDX-License-Identifier: BSD-2-Clause */
/* sources: ft/classify.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ft/classify.h"

#define RUNNER 1
#define OTHER  2

/* Bit sets of what a row speaks about. */
#define BIT(n) (1u << (n))

#define FREE   BIT(OWNER_FREE)
#define CORE   BIT(OWNER_CORE)
#define FIRMW  BIT(OWNER_FIRMWARE)
#define MODULE BIT(OWNER_MODULE)
#define VM     BIT(OWNER_VM)
#define QUARAN BIT(OWNER_QUARANTINED)

#define RAM    BIT(ROLE_RAM)
#define MIRROR BIT(ROLE_MIRROR)
#define UNDO   BIT(ROLE_UNDO)
#define SPARE  BIT(ROLE_SPARE)
#define WHOLE  (BIT(ROLE_NONE) | BIT(ROLE_TABLE) | BIT(ROLE_STATE))

#define COR    BIT(SEVERITY_CORRECTED)
#define DEF    BIT(SEVERITY_DEFERRED)
#define OPT    BIT(SEVERITY_OPTIONAL)
#define ACT    BIT(SEVERITY_ACTION)

#define G      BIT(CONTEXT_GUEST)
#define S      BIT(CONTEXT_SERVING)
#define C      BIT(CONTEXT_CORE)

#define ANY    0xffu
#define YES    2u
#define NO     1u

enum who { NOBODY, OWNER, RUN };

/* An input belongs to exactly one row; the order means nothing. */
struct row {
    unsigned address, owner, role, wide; /* wide: lsb above 12 */
    unsigned severity, context, restartable, runner;
    struct {
        enum who victim, lost;
        bool core, bad;
        enum verdict_scope scope;
        bool fatal; /* raised; else the severity of the fault */
    } out;
};

#define OUT_NOTHING                                     \
    {                                                   \
        NOBODY, NOBODY, false, false, SCOPE_NONE, false \
    }
#define OUT_RUN_LOST                                 \
    {                                                \
        NOBODY, RUN, false, false, SCOPE_NONE, false \
    }
#define OUT_RUN_HIT                             \
    {                                           \
        RUN, RUN, false, false, SCOPE_VM, false \
    }
#define OUT_CORE                                       \
    {                                                  \
        NOBODY, NOBODY, true, false, SCOPE_NONE, false \
    }
#define OUT_CORE_RUN                                \
    {                                               \
        NOBODY, RUN, true, false, SCOPE_NONE, false \
    }
#define OUT_FATAL                                     \
    {                                                 \
        NOBODY, NOBODY, true, false, SCOPE_NONE, true \
    }
#define OUT_BAD                                        \
    {                                                  \
        NOBODY, NOBODY, false, true, SCOPE_NONE, false \
    }
#define OUT_BAD_RUN                                 \
    {                                               \
        NOBODY, RUN, false, true, SCOPE_NONE, false \
    }
#define OUT_IMAGE                                       \
    {                                                   \
        NOBODY, NOBODY, false, true, SCOPE_IMAGE, false \
    }
#define OUT_IMAGE_RUN                                \
    {                                                \
        NOBODY, RUN, false, true, SCOPE_IMAGE, false \
    }
#define OUT_VM(scope)                            \
    {                                            \
        OWNER, NOBODY, false, true, scope, false \
    }
#define OUT_TWO(scope)                        \
    {                                         \
        OWNER, RUN, false, true, scope, false \
    }

static const struct row rows[] = {
    {ANY, ANY, ANY, ANY, BIT(SEVERITY_NONE), ANY, ANY, ANY, OUT_NOTHING},
    {ANY, ANY, ANY, ANY, BIT(SEVERITY_FATAL), ANY, ANY, ANY, OUT_FATAL},
    /* corrected: noted, but who cannot be continued is lost */
    {ANY, ANY, ANY, ANY, COR, ANY, YES, ANY, OUT_NOTHING},
    {ANY, ANY, ANY, ANY, COR, G | S, NO, YES, OUT_RUN_LOST},
    {ANY, ANY, ANY, ANY, COR, G | S, NO, NO, OUT_FATAL},
    {ANY, ANY, ANY, ANY, COR, C, NO, ANY, OUT_FATAL},
    /* no address */
    {NO, ANY, ANY, ANY, DEF | OPT, ANY, YES, ANY, OUT_NOTHING},
    {NO, ANY, ANY, ANY, DEF | OPT, G | S, NO, YES, OUT_RUN_LOST},
    {NO, ANY, ANY, ANY, DEF | OPT, G | S, NO, NO, OUT_FATAL},
    {NO, ANY, ANY, ANY, DEF | OPT, C, NO, ANY, OUT_FATAL},
    {NO, ANY, ANY, ANY, ACT, G | S, ANY, YES, OUT_RUN_HIT},
    {NO, ANY, ANY, ANY, ACT, G | S, ANY, NO, OUT_FATAL},
    {NO, ANY, ANY, ANY, ACT, C, ANY, ANY, OUT_FATAL},
    /* the core's frame */
    {YES, CORE, ANY, ANY, ACT, ANY, ANY, ANY, OUT_FATAL},
    {YES, CORE, ANY, ANY, DEF | OPT, ANY, YES, ANY, OUT_CORE},
    {YES, CORE, ANY, ANY, DEF | OPT, G | S, NO, YES, OUT_CORE_RUN},
    /* nobody can be continued: whosever frame it is */
    {YES, ANY & ~CORE, ANY, ANY, DEF | OPT | ACT, C, NO, ANY, OUT_FATAL},
    {YES, ANY & ~CORE, ANY, ANY, DEF | OPT | ACT, G | S, NO, NO, OUT_FATAL},
    {YES, CORE, ANY, ANY, DEF | OPT, C, NO, ANY, OUT_FATAL},
    {YES, CORE, ANY, ANY, DEF | OPT, G | S, NO, NO, OUT_FATAL},
    /* frames of no VM, not consumed or read with a fix-up */
    {YES, FREE, ANY, ANY, DEF | OPT, ANY, YES, ANY, OUT_BAD},
    {YES, FREE, ANY, ANY, ACT, S | C, YES, ANY, OUT_BAD},
    {YES, MODULE, ANY, ANY, DEF | OPT, ANY, YES, ANY, OUT_IMAGE},
    {YES, MODULE, ANY, ANY, ACT, S | C, YES, ANY, OUT_IMAGE},
    {YES, FIRMW | QUARAN, ANY, ANY, DEF | OPT, ANY, YES, ANY, OUT_NOTHING},
    {YES, FIRMW | QUARAN, ANY, ANY, ACT, S | C, YES, ANY, OUT_NOTHING},
    /* ... and who ran is lost */
    {YES, FREE, ANY, ANY, DEF | OPT | ACT, G | S, NO, YES, OUT_BAD_RUN},
    {YES, MODULE, ANY, ANY, DEF | OPT | ACT, G | S, NO, YES, OUT_IMAGE_RUN},
    {YES, FIRMW | QUARAN, ANY, ANY, DEF | OPT | ACT, G | S, NO, YES,
     OUT_RUN_LOST},
    /* consumed by a guest that can be continued, but would do it again */
    {YES, FREE, ANY, ANY, ACT, G, YES, YES, OUT_BAD_RUN},
    {YES, MODULE, ANY, ANY, ACT, G, YES, YES, OUT_IMAGE_RUN},
    {YES, FIRMW | QUARAN, ANY, ANY, ACT, G, YES, YES, OUT_RUN_LOST},
    {YES, FREE | MODULE | FIRMW | QUARAN, ANY, ANY, ACT, G, YES, NO, OUT_FATAL},
    /* a VM's frame, and who ran goes on */
    {YES, VM, RAM, NO, DEF | OPT | ACT, ANY, YES, ANY, OUT_VM(SCOPE_PAGE)},
    {YES, VM, RAM, YES, DEF | OPT | ACT, ANY, YES, ANY, OUT_VM(SCOPE_VM)},
    {YES, VM, MIRROR, ANY, DEF | OPT | ACT, ANY, YES, ANY,
     OUT_VM(SCOPE_MIRROR)},
    {YES, VM, UNDO, ANY, DEF | OPT | ACT, ANY, YES, ANY, OUT_VM(SCOPE_UNDO)},
    {YES, VM, SPARE, ANY, DEF | OPT | ACT, ANY, YES, ANY, OUT_VM(SCOPE_SPARE)},
    {YES, VM, WHOLE, ANY, DEF | OPT | ACT, ANY, YES, ANY, OUT_VM(SCOPE_VM)},
    /* a VM's frame, and who ran is lost */
    {YES, VM, RAM, NO, DEF | OPT | ACT, G | S, NO, YES, OUT_TWO(SCOPE_PAGE)},
    {YES, VM, RAM, YES, DEF | OPT | ACT, G | S, NO, YES, OUT_TWO(SCOPE_VM)},
    {YES, VM, MIRROR, ANY, DEF | OPT | ACT, G | S, NO, YES,
     OUT_TWO(SCOPE_MIRROR)},
    {YES, VM, UNDO, ANY, DEF | OPT | ACT, G | S, NO, YES, OUT_TWO(SCOPE_UNDO)},
    {YES, VM, SPARE, ANY, DEF | OPT | ACT, G | S, NO, YES,
     OUT_TWO(SCOPE_SPARE)},
    {YES, VM, WHOLE, ANY, DEF | OPT | ACT, G | S, NO, YES, OUT_TWO(SCOPE_VM)},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static unsigned flag(bool yes)
{
    return yes ? YES : NO;
}

static bool speaks_about(const struct row *row, const struct fault *fault,
                         const struct address_owner *owner)
{
    return (row->address & flag(fault->has_address)) &&
           (row->owner & BIT(owner->owner)) && (row->role & BIT(owner->role)) &&
           (row->wide & flag(fault->lsb > 12)) &&
           (row->severity & BIT(fault->severity)) &&
           (row->context & BIT(fault->context)) &&
           (row->restartable & flag(fault->restartable)) &&
           (row->runner & flag(fault->vm != FAULT_NO_VM));
}

static uint16_t vm_of(enum who who, const struct fault *fault,
                      const struct address_owner *owner)
{
    if (who == NOBODY)
        return FAULT_NO_VM;
    return who == OWNER ? owner->vm : fault->vm;
}

static void check(const struct fault *fault, const struct address_owner *owner,
                  unsigned hits[ROWS])
{
    struct verdict got = classify(fault, owner);
    const struct row *row = NULL;

    for (unsigned i = 0; i < ROWS; i++)
        if (speaks_about(&rows[i], fault, owner)) {
            if (row)
                fail_msg("rows %u and %u", (unsigned)(row - rows), i);
            row = &rows[i];
            hits[i]++;
        }
    if (!row)
        fail_msg("no row: address %d owner %d role %d severity %d context %d "
                 "restartable %d vm %u",
                 fault->has_address, owner->owner, owner->role, fault->severity,
                 fault->context, fault->restartable, fault->vm);
    if (got.victim != vm_of(row->out.victim, fault, owner) ||
        got.lost != vm_of(row->out.lost, fault, owner) ||
        got.core != row->out.core || got.frame_bad != row->out.bad ||
        got.scope != row->out.scope ||
        got.severity != (row->out.fatal ? SEVERITY_FATAL : fault->severity))
        fail_msg("row %u: victim %u lost %u core %d bad %d scope %d "
                 "severity %d (owner %d role %d, was %d)",
                 (unsigned)(row - rows), got.victim, got.lost, got.core,
                 got.frame_bad, got.scope, got.severity, owner->owner,
                 owner->role, fault->severity);
}

/* The flags of one fault, from the bits of n. */
static void check_flags(struct fault fault, struct address_owner owner,
                        unsigned hits[ROWS])
{
    for (unsigned n = 0; n < 32; n++) {
        fault.has_address = n & 1;
        fault.restartable = n & 2;
        fault.lsb = n & 4 ? 13 : 12;
        fault.vm = n & 8 ? RUNNER : FAULT_NO_VM;
        owner.vm = n & 16 ? RUNNER : OTHER;
        check(&fault, &owner, hits);
    }
}

static void test_machine_check_product(void **state)
{
    unsigned hits[ROWS] = {0};

    (void)state;
    for (unsigned owner = 0; owner < OWNER_KINDS; owner++)
        for (unsigned role = 0; role < ROLE_KINDS; role++)
            for (unsigned severity = 0; severity <= SEVERITY_FATAL; severity++)
                for (unsigned context = 0; context <= CONTEXT_CORE; context++)
                    check_flags(
                        (struct fault){.kind = FAULT_MCE,
                                       .severity = severity,
                                       .context = context},
                        (struct address_owner){.owner = owner, .role = role},
                        hits);
    for (unsigned i = 0; i < ROWS; i++)
        if (!hits[i])
            fail_msg("row %u was never hit", i);
}

static void test_damaged_frame_table(void **state)
{
    struct fault fault = {.kind = FAULT_MCE,
                          .severity = SEVERITY_OPTIONAL,
                          .has_address = true,
                          .restartable = true};
    struct address_owner owner = {OWNER_VM, ROLE_RAM, 8};
    struct verdict verdict = classify(&fault, &owner);

    (void)state;
    assert_true(verdict.core && verdict.severity == SEVERITY_FATAL);
    owner.vm = FAULT_NO_VM;
    verdict = classify(&fault, &owner);
    assert_true(verdict.core && verdict.victim == FAULT_NO_VM);
    owner = (struct address_owner){OWNER_KINDS, ROLE_RAM, 1};
    verdict = classify(&fault, &owner);
    assert_true(verdict.core && !verdict.frame_bad);
    owner = (struct address_owner){OWNER_VM, ROLE_KINDS, 1};
    verdict = classify(&fault, &owner);
    assert_int_equal(verdict.scope, SCOPE_VM);
}

/* A fault that is no machine check: owner and address mean nothing. */
static void check_other(enum fault_kind kind, enum fault_severity severity,
                        enum fault_context context, bool restartable,
                        uint16_t vm)
{
    struct fault fault = {.kind = kind,
                          .severity = severity,
                          .context = context,
                          .restartable = restartable,
                          .vm = vm};
    const struct address_owner owner = {OWNER_CORE, ROLE_NONE, OTHER};
    struct verdict got = classify(&fault, &owner);
    bool root = kind == FAULT_ROOT && context == CONTEXT_CORE;

    assert_false(got.frame_bad);
    if (severity == SEVERITY_NONE || severity == SEVERITY_CORRECTED) {
        assert_true(!got.core && got.victim == FAULT_NO_VM &&
                    got.lost == FAULT_NO_VM && got.severity == severity);
    } else if (severity == SEVERITY_FATAL || root || vm == FAULT_NO_VM) {
        assert_true(got.core && got.victim == FAULT_NO_VM &&
                    got.lost == FAULT_NO_VM && got.severity == SEVERITY_FATAL);
    } else {
        assert_true(!got.core && got.victim == vm && got.scope == SCOPE_VM &&
                    got.severity == severity);
        assert_int_equal(got.lost, restartable ? FAULT_NO_VM : vm);
    }
}

static void test_other_kinds(void **state)
{
    (void)state;
    for (unsigned kind = FAULT_MCE + 1; kind < FAULT_KINDS; kind++)
        for (unsigned severity = 0; severity <= SEVERITY_FATAL; severity++)
            for (unsigned n = 0; n < 12; n++)
                if (kind != FAULT_COPY)
                    check_other(kind, severity, n % 3, n / 3 & 1,
                                n / 6 ? RUNNER : FAULT_NO_VM);
}

/* A damaged copy is a bad frame, whoever found it. */
static void test_a_copy_is_judged_as_a_machine_check(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 2 * 3 * 4 * OWNER_KINDS * ROLE_KINDS; n++) {
        const struct address_owner owner = {n / 24 % OWNER_KINDS,
                                            n / 24 / OWNER_KINDS, OTHER};
        struct fault fault = {.kind = FAULT_MCE,
                              .severity = SEVERITY_DEFERRED + n / 2 % 3,
                              .context = CONTEXT_SERVING,
                              .restartable = n & 1,
                              .has_address = n / 6 % 4,
                              .vm = RUNNER};
        const struct verdict wanted = classify(&fault, &owner);
        struct verdict got;

        fault.kind = FAULT_COPY;
        got = classify(&fault, &owner);
        assert_memory_equal(&got, &wanted, sizeof(got));
    }
}

static void test_no_fault(void **state)
{
    struct fault fault = {.kind = FAULT_NONE, .severity = SEVERITY_FATAL};
    const struct address_owner owner = {OWNER_CORE, ROLE_NONE, 0};
    struct verdict verdict = classify(&fault, &owner);

    (void)state;
    assert_int_equal(verdict.severity, SEVERITY_NONE);
    assert_true(!verdict.core && verdict.victim == FAULT_NO_VM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_machine_check_product),
        cmocka_unit_test(test_damaged_frame_table),
        cmocka_unit_test(test_other_kinds),
        cmocka_unit_test(test_a_copy_is_judged_as_a_machine_check),
        cmocka_unit_test(test_no_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
