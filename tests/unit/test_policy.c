/* SPDX-License-Identifier: BSD-2-Clause */
/* sources: ft/policy.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ft/policy.h"

#define VM     3
#define OTHER  4
#define BIT(n) ((uint8_t)(1u << (n)))
#define BOTH   (BIT(GENERATION_NEWEST) | BIT(GENERATION_OLDER))

static const enum action full[LADDER_MAX] = {ACTION_HEAL, ACTION_RESTORE,
                                             ACTION_RESTART, ACTION_HALT};

/* A bad RAM page of a VM that goes on, and everything is there. */
static struct policy_state page_state(void)
{
    return (struct policy_state){
        .verdict = {.victim = VM,
                    .lost = FAULT_NO_VM,
                    .frame_bad = true,
                    .scope = SCOPE_PAGE,
                    .severity = SEVERITY_ACTION},
        .vm = VM,
        .generations = BOTH,
        .last_generation = GENERATION_NONE,
        .page_clean = true,
        .copy_good = true,
        .spare = true,
        .images = true,
        .budget_limit = 5,
    };
}

/* A triple fault, say. */
static struct policy_state vm_state(void)
{
    struct policy_state state = page_state();

    state.verdict.scope = SCOPE_VM;
    state.verdict.frame_bad = false;
    state.verdict.lost = VM;
    return state;
}

static void expect_on(const enum action *ladder,
                      const struct policy_state *state, enum action action,
                      uint8_t generation, enum policy_reason reason)
{
    struct decision got = policy_next(ladder, state);

    if (got.action != action || got.generation != generation ||
        got.reason != reason)
        fail_msg("action %d generation %u reason %s, not %d %u %s", got.action,
                 got.generation, policy_reason_name(got.reason), action,
                 generation, policy_reason_name(reason));
}

#define expect(state, action, reason) \
    expect_on(full, state, ACTION_##action, GENERATION_NONE, REASON_##reason)
#define expect_restore(state, generation, reason) \
    expect_on(full, state, ACTION_RESTORE, generation, REASON_##reason)

static void test_ladder_in_order(void **unused)
{
    struct policy_state state = page_state();

    (void)unused;
    expect(&state, HEAL, LADDER);
    state.failed_actions |= BIT(ACTION_HEAL);
    expect_restore(&state, 0, LADDER);
    state.failed_generations |= BIT(0);
    expect_restore(&state, 1, LADDER);
    state.failed_generations |= BIT(1);
    expect(&state, RESTART, LADDER);
    state.failed_actions |= BIT(ACTION_RESTART);
    expect(&state, HALT, LADDER);
    state.failed_actions |= BIT(ACTION_HALT);
    expect(&state, HALT, EXHAUSTED);
}

static void test_failed_restore_skips_all_generations(void **unused)
{
    struct policy_state state = vm_state();

    (void)unused;
    state.failed_actions = BIT(ACTION_RESTORE);
    expect(&state, RESTART, LADDER);
}

/* Every condition of heal, taken away alone. */
static void test_heal_conditions(void **unused)
{
    struct policy_state state[9];

    (void)unused;
    for (unsigned i = 0; i < 9; i++) {
        state[i] = page_state();
        assert_true(policy_can_heal(&state[i]));
    }
    state[0].page_clean = false;
    state[1].copy_good = false;
    state[2].spare = false;
    state[3].generations = BIT(GENERATION_OLDER);
    state[4].verdict.lost = VM;
    state[5].verdict.scope = SCOPE_VM;
    state[6].verdict.frame_bad = false;
    state[7].verdict.scope = SCOPE_UNDO;
    state[8].vm = OTHER;
    for (unsigned i = 0; i < 9; i++)
        if (policy_can_heal(&state[i]))
            fail_msg("condition %u", i);
    for (unsigned i = 0; i < 3; i++)
        expect_restore(&state[i], 0, LADDER);
    expect_restore(&state[3], 1, LADDER);
    expect_restore(&state[4], 0, LADDER);
    expect_restore(&state[5], 0, LADDER);
}

static void test_no_snapshot(void **unused)
{
    static const enum action restore[LADDER_MAX] = {ACTION_RESTORE};
    struct policy_state state = vm_state();

    (void)unused;
    state.generations = 0;
    expect(&state, RESTART, LADDER);
    state.images = false;
    expect(&state, HALT, LADDER);
    expect_on(restore, &state, ACTION_HALT, GENERATION_NONE, REASON_EXHAUSTED);
    state.images = true;
    expect_on(restore, &state, ACTION_HALT, GENERATION_NONE, REASON_EXHAUSTED);
}

static void test_no_progress(void **unused)
{
    static const enum action restore[LADDER_MAX] = {ACTION_RESTORE};
    struct policy_state state = vm_state();

    (void)unused;
    state.progress_ticks = 1000;
    expect_restore(&state, 0, LADDER);
    state.last_generation = 0;
    state.run_ticks = 1000;
    expect_restore(&state, 0, LADDER);
    state.run_ticks = 999;
    expect_restore(&state, 1, NO_PROGRESS);
    state.failed_generations = BIT(1);
    expect(&state, RESTART, NO_PROGRESS);
    state.failed_generations = 0;
    state.generations = BIT(0);
    expect(&state, RESTART, NO_PROGRESS);
    expect_on(restore, &state, ACTION_RESTART, GENERATION_NONE,
              REASON_NO_PROGRESS);
    state.generations = BOTH;
    state.last_generation = 1;
    expect(&state, RESTART, NO_PROGRESS);
    state.images = false;
    expect(&state, HALT, LADDER);
    expect_on(restore, &state, ACTION_HALT, GENERATION_NONE, REASON_EXHAUSTED);
    state.progress_ticks = 0;
    state.run_ticks = 0;
    expect_restore(&state, 0, LADDER);
}

/* With progress a VM goes back to the newest, whatever it was before. */
static void test_progress_after_older(void **unused)
{
    struct policy_state state = vm_state();

    (void)unused;
    state.progress_ticks = 1000;
    state.last_generation = 1;
    state.run_ticks = 5000;
    expect_restore(&state, 0, LADDER);
}

static void test_budget(void **unused)
{
    static const enum action preserve[LADDER_MAX] = {ACTION_RESTORE,
                                                     ACTION_PRESERVE};
    struct policy_state state = vm_state();

    (void)unused;
    state.budget_used = 4;
    expect_restore(&state, 0, LADDER);
    state.budget_used = 5;
    expect(&state, HALT, BUDGET);
    expect_on(preserve, &state, ACTION_HALT, GENERATION_NONE, REASON_BUDGET);
    state.generations = 0;
    expect(&state, HALT, BUDGET); /* a restart costs the same */
    expect_on(preserve, &state, ACTION_PRESERVE, GENERATION_NONE,
              REASON_LADDER);
    state.budget_used = 500;
    expect(&state, HALT, BUDGET);
    state.budget_limit = 0;
    state.budget_used = 0;
    expect(&state, HALT, BUDGET);
    state = page_state();
    state.budget_used = 5;
    expect(&state, HEAL, LADDER); /* heals are bounded by the spares */
}

static void test_log(void **unused)
{
    static const enum action log[LADDER_MAX] = {ACTION_LOG, ACTION_PRESERVE};
    struct policy_state state = vm_state();

    (void)unused;
    expect_on(log, &state, ACTION_PRESERVE, GENERATION_NONE, REASON_LADDER);
    state.verdict.lost = FAULT_NO_VM; /* a panic: the guest still runs */
    expect_on(log, &state, ACTION_LOG, GENERATION_NONE, REASON_LADDER);
    state.verdict.frame_bad = true; /* its EPT, say */
    expect_on(log, &state, ACTION_PRESERVE, GENERATION_NONE, REASON_LADDER);
    state = page_state();
    expect_on(log, &state, ACTION_PRESERVE, GENERATION_NONE, REASON_LADDER);
}

/* RAM and execution are good: no restore, whatever the table says. */
static void test_guest_is_not_hit(void **unused)
{
    static const enum verdict_scope scopes[] = {SCOPE_MIRROR, SCOPE_UNDO,
                                                SCOPE_SPARE};
    static const enum action halt[LADDER_MAX] = {ACTION_HALT};
    struct policy_state state = page_state();

    (void)unused;
    state.page_clean = false;
    for (unsigned i = 0; i < 3; i++) {
        state.verdict.scope = scopes[i];
        expect(&state, LOG, HARMLESS);
        expect_on(halt, &state, ACTION_LOG, GENERATION_NONE, REASON_HARMLESS);
    }
    state.page_clean = true;
    expect(&state, LOG, HARMLESS); /* a spare cannot be healed */
    state.verdict.scope = SCOPE_MIRROR;
    expect(&state, HEAL, LADDER);
    expect_on(halt, &state, ACTION_LOG, GENERATION_NONE, REASON_HARMLESS);
    state.failed_actions = BIT(ACTION_HEAL);
    expect(&state, LOG, HARMLESS);
    state.verdict.lost = VM; /* the reader had no fix-up */
    expect_restore(&state, 0, LADDER);
}

static void test_corrected(void **unused)
{
    struct policy_state state = vm_state();

    (void)unused;
    state.verdict = (struct verdict){.victim = FAULT_NO_VM,
                                     .lost = FAULT_NO_VM,
                                     .severity = SEVERITY_CORRECTED};
    expect(&state, LOG, HARMLESS);
    state.verdict.lost = VM;
    expect_restore(&state, 0, LADDER);
    state.verdict.severity = SEVERITY_NONE;
    expect(&state, NONE, HARMLESS);
}

/* One machine check, two VMs: the owner is healed, the runner restored. */
static void test_two_vms(void **unused)
{
    struct policy_state state = page_state();

    (void)unused;
    state.verdict.lost = OTHER;
    expect(&state, HEAL, LADDER);
    state.vm = OTHER;
    expect_restore(&state, 0, LADDER);
    state.vm = 7;
    expect(&state, NONE, HARMLESS);
    state.vm = FAULT_NO_VM;
    state.verdict.lost = FAULT_NO_VM;
    expect(&state, NONE, HARMLESS);
}

static void test_odd_ladders(void **unused)
{
    static const enum action empty[LADDER_MAX] = {ACTION_NONE};
    static const enum action hole[LADDER_MAX] = {ACTION_NONE, ACTION_RESTORE};
    static const enum action late[LADDER_MAX] = {ACTION_NONE, ACTION_HEAL};
    static const enum action junk[LADDER_MAX] = {77, ACTION_KINDS, ACTION_HEAL,
                                                 ACTION_RESTART};
    struct policy_state state = vm_state();

    (void)unused;
    expect_on(empty, &state, ACTION_HALT, GENERATION_NONE, REASON_EXHAUSTED);
    expect_on(hole, &state, ACTION_HALT, GENERATION_NONE, REASON_EXHAUSTED);
    expect_on(junk, &state, ACTION_RESTART, GENERATION_NONE, REASON_LADDER);
    state.failed_actions = BIT(ACTION_RESTART);
    expect_on(junk, &state, ACTION_HALT, GENERATION_NONE, REASON_EXHAUSTED);
    state = page_state();
    state.verdict.scope = SCOPE_MIRROR;
    expect_on(late, &state, ACTION_LOG, GENERATION_NONE, REASON_HARMLESS);
}

/* What a decision must never be, over ladders and states at random. */
static void check_sane(const enum action *ladder,
                       const struct policy_state *state)
{
    struct decision got = policy_next(ladder, state);
    bool costs = got.action == ACTION_RESTORE || got.action == ACTION_RESTART;

    assert_in_range(got.action, ACTION_NONE, ACTION_PRESERVE);
    if (costs)
        assert_true(state->budget_used < state->budget_limit);
    if (got.action == ACTION_HEAL)
        assert_true(policy_can_heal(state));
    if (got.action == ACTION_RESTORE)
        assert_true(got.generation < GENERATIONS &&
                    (state->generations & BIT(got.generation)) &&
                    !(state->failed_generations & BIT(got.generation)));
    else
        assert_int_equal(got.generation, GENERATION_NONE);
    if (got.action == ACTION_RESTART)
        assert_true(state->images &&
                    !(state->failed_actions & BIT(ACTION_RESTART)));
    if (state->verdict.lost == VM)
        assert_true(got.action >= ACTION_RESTORE);
}

/* A random number below max. */
static unsigned random_below(uint32_t *seed, unsigned max)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 16) % max;
}

static struct policy_state random_state(uint32_t *seed)
{
    return (struct policy_state){
        .verdict = {.victim = random_below(seed, 2) ? VM : FAULT_NO_VM,
                    .lost = random_below(seed, 2) ? VM : FAULT_NO_VM,
                    .frame_bad = random_below(seed, 2),
                    .scope = random_below(seed, SCOPE_KINDS),
                    .severity = 1 + random_below(seed, 5)},
        .vm = VM,
        .failed_actions = (uint8_t)random_below(seed, 256),
        .failed_generations = (uint8_t)random_below(seed, 4),
        .generations = (uint8_t)random_below(seed, 4),
        .last_generation = (uint8_t)random_below(seed, 3),
        .page_clean = random_below(seed, 4),
        .copy_good = random_below(seed, 4),
        .spare = random_below(seed, 4),
        .images = random_below(seed, 2),
        .budget_used = random_below(seed, 3),
        .budget_limit = 2,
        .run_ticks = random_below(seed, 3),
        .progress_ticks = random_below(seed, 3),
    };
}

static void test_random(void **unused)
{
    uint32_t seed = 1;

    (void)unused;
    for (unsigned i = 0; i < 200000; i++) {
        struct policy_state state = random_state(&seed);
        enum action ladder[LADDER_MAX];

        for (unsigned j = 0; j < LADDER_MAX; j++)
            ladder[j] = random_below(&seed, ACTION_KINDS);
        check_sane(ladder, &state);
    }
}

/* Each failure is told back: a decision must come to an end. */
static void test_ends(void **unused)
{
    uint32_t seed = 2;

    (void)unused;
    for (unsigned i = 0; i < 20000; i++) {
        struct policy_state state = random_state(&seed);
        struct decision got;
        unsigned steps = 0;

        state.budget_limit = UINT32_MAX;
        while ((got = policy_next(full, &state)).action != ACTION_HALT &&
               got.action != ACTION_LOG && got.action != ACTION_NONE) {
            if (got.action == ACTION_RESTORE)
                state.failed_generations |= BIT(got.generation);
            else
                state.failed_actions |= BIT(got.action);
            assert_in_range(++steps, 1, 4);
        }
    }
}

static void test_names(void **unused)
{
    (void)unused;
    assert_string_equal(policy_reason_name(REASON_BUDGET), "budget");
    assert_string_equal(policy_reason_name(REASON_NO_PROGRESS), "no-progress");
    for (unsigned i = 0; i < REASON_KINDS; i++)
        assert_true(policy_reason_name(i)[0] >= 'a');
    assert_string_equal(policy_reason_name(REASON_KINDS), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ladder_in_order),
        cmocka_unit_test(test_failed_restore_skips_all_generations),
        cmocka_unit_test(test_heal_conditions),
        cmocka_unit_test(test_no_snapshot),
        cmocka_unit_test(test_no_progress),
        cmocka_unit_test(test_progress_after_older),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_guest_is_not_hit),
        cmocka_unit_test(test_corrected),
        cmocka_unit_test(test_two_vms),
        cmocka_unit_test(test_odd_ladders),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
