/* SPDX-License-Identifier: BSD-2-Clause */
/* sources: kernel/run_queue.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kernel/run_queue.h"

#define SLICE 1000u
#define LONG  (8 * SLICE) /* README.md: slice= */
#define NOW   1000000u

static struct cell cells[2];
static struct runnable vcpu[2], ft[2]; /* of each VM */
static struct run_queue queue;

static int set_up(void **state)
{
    (void)state;
    queue = (struct run_queue){.count = 0};
    for (unsigned i = 0; i < 2; i++) {
        vcpu[i] = (struct runnable){.cell = &cells[i], .stays = true};
        ft[i] = (struct runnable){.cell = &cells[i], .stopped = true};
        queue.runnables[queue.count++] = &vcpu[i];
        queue.runnables[queue.count++] = &ft[i];
    }
    return 0;
}

/* What run_loop() does at a safe point: who is next, and until when. hook:
 * when the first one wants to be called. */
static struct runnable *turn(uint64_t now, uint64_t hook, uint64_t *end)
{
    uint64_t first = hook;
    struct runnable *next = run_queue_next(&queue, now, &first);

    if (next) {
        first = run_queue_alone_until(&queue, next, first);
        *end = run_queue_turn_end(&queue, next, now, SLICE, first);
    } else {
        *end = first;
    }
    return next;
}

static void assert_turn(uint64_t now, uint64_t hook,
                        const struct runnable *whose, uint64_t until)
{
    uint64_t end;

    assert_ptr_equal(turn(now, hook, &end), whose);
    assert_int_equal(end - now, until - now);
}

/* ---- alone ---- */

static void alone_a_turn_is_eight_slices(void **state)
{
    (void)state;
    vcpu[1].wake = RUN_NEVER;
    assert_turn(NOW, RUN_NEVER, &vcpu[0], NOW + LONG);
    assert_turn(NOW + LONG, RUN_NEVER, &vcpu[0], NOW + 2 * LONG);
}

static void with_others_it_is_one(void **state)
{
    (void)state;
    assert_turn(NOW, RUN_NEVER, &vcpu[1], NOW + SLICE);
    assert_turn(NOW + SLICE, RUN_NEVER, &vcpu[0], NOW + 2 * SLICE);
    assert_turn(NOW + 2 * SLICE, RUN_NEVER, &vcpu[1], NOW + 3 * SLICE);
}

/* It ends when another wants one, but is never less than its slice. */
static void alone_until_another_wakes(void **state)
{
    static const struct {
        uint64_t wakes, ends;
    } rows[] = {
        {3 * SLICE, 3 * SLICE}, {LONG - 1, LONG - 1}, {LONG, LONG},
        {LONG + 1, LONG},       {SLICE / 2, SLICE},   {SLICE, SLICE},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        set_up(NULL);
        vcpu[1].wake = NOW + rows[i].wakes;
        assert_turn(NOW, RUN_NEVER, &vcpu[0], NOW + rows[i].ends);

        set_up(NULL); /* a hook of the safe point is another, too */
        vcpu[1].wake = RUN_NEVER;
        assert_turn(NOW, NOW + rows[i].wakes, &vcpu[0], NOW + rows[i].ends);

        set_up(NULL); /* and so is other work on the same VM */
        vcpu[1].wake = RUN_NEVER;
        ft[0].stopped = false;
        ft[0].wake = NOW + rows[i].wakes;
        assert_turn(NOW, RUN_NEVER, &vcpu[0], NOW + rows[i].ends);
    }
}

/* Whatever wake says. */
static void who_is_stopped_wants_nothing(void **state)
{
    (void)state;
    vcpu[1].stopped = true;
    vcpu[1].wake = NOW + SLICE + 1;
    assert_turn(NOW, RUN_NEVER, &vcpu[0], NOW + LONG);
}

/* The work of ft and of the scrubber has no interrupts that would end it. */
static void who_does_not_stay_has_a_slice(void **state)
{
    (void)state;
    vcpu[0].stopped = vcpu[1].stopped = true;
    ft[0].stopped = false;
    assert_turn(NOW, RUN_NEVER, &ft[0], NOW + SLICE);
    assert_turn(NOW + SLICE, RUN_NEVER, &ft[0], NOW + 2 * SLICE);
}

/* ---- in turn ---- */

/* ft goes on in what its VM left of the slice. */
static void a_turn_is_the_cells(void **state)
{
    (void)state;
    assert_turn(NOW, RUN_NEVER, &vcpu[1], NOW + SLICE);
    vcpu[1].stopped = true;
    ft[1].stopped = false;
    assert_turn(NOW + SLICE / 4, RUN_NEVER, &ft[1], NOW + SLICE);
    assert_turn(NOW + SLICE, RUN_NEVER, &vcpu[0], NOW + 2 * SLICE);
}

/* Who sleeps early gives the rest away, and not to anybody in particular. */
static void the_next_cell_has_a_slice_of_its_own(void **state)
{
    (void)state;
    assert_turn(NOW, RUN_NEVER, &vcpu[1], NOW + SLICE);
    vcpu[1].wake = NOW + SLICE / 2;
    assert_turn(NOW + 10, RUN_NEVER, &vcpu[0], NOW + 10 + SLICE);
}

/* With two runnables it would have two turns of three otherwise. */
static void cells_take_turns(void **state)
{
    (void)state;
    ft[0].stopped = false;
    queue.last = 3;
    assert_turn(NOW, RUN_NEVER, &vcpu[0], NOW + SLICE);
    assert_turn(NOW + SLICE, RUN_NEVER, &vcpu[1], NOW + 2 * SLICE);
    assert_turn(NOW + 2 * SLICE, RUN_NEVER, &vcpu[0], NOW + 3 * SLICE);
}

/* A long turn that a host interrupt ended is not begun anew. */
static void what_comes_after_a_long_turn(void **state)
{
    (void)state;
    vcpu[1].wake = RUN_NEVER;
    assert_turn(NOW, RUN_NEVER, &vcpu[0], NOW + LONG);
    vcpu[1].wake = 0; /* by the interrupt, after three slices */
    assert_turn(NOW + 3 * SLICE, RUN_NEVER, &vcpu[1], NOW + 4 * SLICE);
}

static void nobody_is_due(void **state)
{
    (void)state;
    vcpu[0].wake = NOW + 7;
    vcpu[1].wake = NOW + 5;
    assert_turn(NOW, RUN_NEVER, NULL, NOW + 5);
    assert_turn(NOW, NOW + 3, NULL, NOW + 3);
    queue.count = 0;
    assert_turn(NOW, NOW + 3, NULL, NOW + 3);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(alone_a_turn_is_eight_slices),
        TEST(with_others_it_is_one),
        TEST(alone_until_another_wakes),
        TEST(who_is_stopped_wants_nothing),
        TEST(who_does_not_stay_has_a_slice),
        TEST(a_turn_is_the_cells),
        TEST(the_next_cell_has_a_slice_of_its_own),
        TEST(cells_take_turns),
        TEST(what_comes_after_a_long_turn),
        TEST(nobody_is_due),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
