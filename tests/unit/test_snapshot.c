/* SPDX-License-Identifier: BSD-2-Clause */
/* sources: ft/snapshot.c ft/restore.c ft/restart.c ft/mirror.c ft/undo.c */
/* sources: ft/verify.c ft/pages.c kernel/crc32c.c */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ft/restart.h"
#include "ft_rig.h"
#include "kernel/log.h"

#define NEWEST (1u << GENERATION_NEWEST)
#define OLDER  (1u << GENERATION_OLDER)

/* What a generation has to bring back. */
struct model {
    bool valid;
    uint8_t *ram;
    uint64_t number;
};

#define PART(member)                                   \
    {                                                  \
#member, offsetof(struct guest_state, member), \
            sizeof(((struct guest_state *)0)->member)  \
    }

/* As vmm's, but the local APIC, which ends in padding. */
const struct state_part guest_state_parts[] = {
    PART(vcpu[0].x86.rip),
    PART(vcpu[0].x86.fpu),
    PART(vcpu[0].msrs),
    PART(vcpu[0].lapic.regs),
    PART(vcpu[0].lapic.base),
    PART(vcpu[0].lapic.errors),
    PART(platform.uart),
    PART(platform.ioapic),
    PART(platform.cmos.memory),
    PART(platform.power),
    PART(tsc),
    PART(call_pending),
};
const unsigned guest_state_part_count =
    sizeof(guest_state_parts) / sizeof(guest_state_parts[0]);

static struct model models[GENERATIONS];
static int load_error;

void log_line(enum log_level level, const char *format, ...)
{
    (void)level;
    (void)format;
}

int guest_load(struct guest *guest, char why[96])
{
    (void)why;
    /* All zero, as the loader demands. */
    for (uint64_t i = 0; i < RIG_BYTES / 8; i++) {
        assert_true(((uint64_t *)rig.s.ram)[i] == 0);
    }
    mirror_ram(&rig.s, 7)[0] = 7;
    page_set_add(guest->dirty_bits, 7);
    rig.number = 1;
    return load_error;
}

static int setup(void **state)
{
    (void)state;
    rig_open(false);
    return 0;
}

static int setup_full(void **state)
{
    (void)state;
    rig_open(true);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_close();
    return 0;
}

/* To the end; in as many turns as it takes. */
static int take(struct work *work)
{
    int error;

    do {
        work->until = rig_clock + 5;
        error = snapshot_take(rig.guest, &rig.s, work);
    } while (error == -EAGAIN);
    return error;
}

static int back_to(unsigned generation, enum verify_mode mode,
                   struct work *work)
{
    int error;

    do {
        work->until = rig_clock + 5;
        error = snapshot_restore(rig.guest, &rig.s, generation, mode, work);
    } while (error == -EAGAIN);
    return error;
}

static void take_now(void)
{
    struct work work = {.stage = 0};

    assert_int_equal(take(&work), 0);
}

static int back_now(unsigned generation)
{
    struct work work = {.stage = 0};

    return back_to(generation, VERIFY_RESTORE, &work);
}

/* A page not written is as its copy, each copy as its CRC32C, and no slot is
 * used twice. */
static void check_invariants(void)
{
    struct snapshot *s = &rig.s;
    uint8_t *used = rig_alloc(RIG_PAGES + s->undo.capacity);

    for (uint64_t page = 0; page < RIG_PAGES; page++) {
        const struct page_copy *copy = &s->copies[page];

        assert_int_equal(used[copy->slot & COPY_SLOT]++, 0);
        assert_int_equal(crc32c_page(mirror_slot(s, copy->slot)), copy->crc);
        if (!page_set_has(s->dirty, page) &&
            !page_set_has(rig.hardware, page)) {
            assert_memory_equal(mirror_slot(s, copy->slot), mirror_ram(s, page),
                                PAGE_BYTES);
        }
    }
    for (uint32_t i = 0; i < s->undo.capacity; i++) {
        assert_int_equal(used[s->undo.entries[i].copy.slot & COPY_SLOT]++, 0);
    }
    free(used);
}

static void check_against(const struct model *model)
{
    assert_true(rig.number == model->number);
    assert_int_equal(memcmp(rig.s.ram, model->ram, RIG_BYTES), 0);
}

static uint8_t model_set(void)
{
    return (uint8_t)((models[0].valid ? NEWEST : 0) |
                     (models[1].valid ? OLDER : 0));
}

static void swap_models(void)
{
    struct model first = models[0];

    models[0] = models[1];
    models[1] = first;
}

/* Pages that a snapshot would copy now. */
static uint64_t written(void)
{
    guest_dirty_collect(rig.guest);
    return page_set_count(rig.s.dirty, RIG_WORDS);
}

static void random_take(void)
{
    bool older = models[0].valid && written() <= rig.s.undo.capacity;
    struct work work = {.stage = 0};
    uint64_t pages = written();

    assert_int_equal(take(&work), 0);
    assert_int_equal(work.pages, pages);
    swap_models();
    models[1].valid = older;
    models[0].valid = true;
    models[0].number = rig.number;
    memcpy(models[0].ram, rig.s.ram, RIG_BYTES);
}

static void random_half_take(void)
{
    bool undoable = written() <= rig.s.undo.capacity;
    struct work work = {.until = 0};
    bool had = models[0].valid;

    /* The clock is always late: one chunk each. */
    rig_tick = 1;
    for (uint64_t i = rig_random(4) + 1; i > 0; i--) {
        if (snapshot_take(rig.guest, &rig.s, &work) == 0) {
            swap_models();
            models[1].valid = had && undoable;
            models[0].valid = true;
            models[0].number = rig.number;
            memcpy(models[0].ram, rig.s.ram, RIG_BYTES);
            assert_true(snapshot_abandon(&rig.s));
            return;
        }
    }
    assert_true(snapshot_abandon(&rig.s) == (had && undoable));
    models[0].valid = had && undoable;
    models[1].valid = false;
}

static void random_restore(void)
{
    unsigned generation = (unsigned)rig_random(GENERATIONS);
    struct work work = {.until = 0};

    if (!models[generation].valid) {
        assert_int_equal(back_now(generation), -ENOENT);
        return;
    }
    if (rig_random(2)) { /* abandoned once, after a part of it */
        rig_tick = 1;
        (void)snapshot_restore(rig.guest, &rig.s, generation, VERIFY_RESTORE,
                               &work);
        if (generation == GENERATION_OLDER &&
            !(snapshot_generations(&rig.s) & OLDER)) {
            generation = GENERATION_NEWEST; /* that is what it is now */
            swap_models();
            models[1].valid = false;
        }
    }
    assert_int_equal(back_now(generation), 0);
    if (generation == GENERATION_OLDER) {
        swap_models();
        models[1].valid = false;
    }
    check_against(&models[0]);
    assert_int_equal(written(), 0);
}

static void random_step(void)
{
    rig_tick = rig_random(3);
    rig.number = rig_random(1000000);
    rig_write_some(rig_random(8) ? rig_random(100) : rig_random(600));
    switch (rig_random(6)) {
    case 0:
        random_half_take();
        break;
    case 1:
    case 2:
        random_take();
        break;
    case 3:
        break;
    default:
        random_restore();
        break;
    }
}

static void test_against_model(void **state)
{
    (void)state;
    for (unsigned i = 0; i < GENERATIONS; i++) {
        models[i] = (struct model){.ram = rig_alloc(RIG_BYTES)};
    }
    rig_seed = 42;
    for (unsigned step = 0; step < 1200; step++) {
        random_step();
        assert_int_equal(snapshot_generations(&rig.s), model_set());
        if (step % 8 == 0) {
            check_invariants();
        }
    }
    for (unsigned i = 0; i < GENERATIONS; i++) {
        free(models[i].ram);
    }
}

static void test_first_and_nothing_written(void **state)
{
    struct work work = {.stage = 0};

    (void)state;
    assert_int_equal(snapshot_generations(&rig.s), 0);
    assert_int_equal(back_now(GENERATION_NEWEST), -ENOENT);
    rig_write(3);
    assert_int_equal(take(&work), 0);
    assert_int_equal(work.pages, 1);
    assert_int_equal(snapshot_generations(&rig.s), NEWEST);
    work = (struct work){.stage = 0};
    assert_int_equal(take(&work), 0);
    assert_int_equal(work.pages, 0);
    assert_int_equal(snapshot_generations(&rig.s), NEWEST | OLDER);
    work = (struct work){.stage = 0};
    assert_int_equal(back_to(GENERATION_NEWEST, VERIFY_RESTORE, &work), 0);
    assert_int_equal(work.pages, 0);
}

static void test_clock_goes_back(void **state)
{
    (void)state;
    take_now();
    rig.guest->tsc_offset = 0;
    take_now();
    rig_clock += 7300;
    assert_int_equal(back_now(GENERATION_NEWEST), 0);
    assert_int_equal(rig.vm.restores, 1);
    assert_int_equal(rig.vm.rolled_back_ms, 7);
    assert_true(guest_now(rig.guest, rig_clock) == rig_clock - 7300);
}

/* 0 when taken, n for its n-th restore; a new snapshot counts anew. */
static void test_guest_call(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        rig.guest->call_pending = true;
        rig.number = 99;
        take_now();
        assert_int_equal(rig.number, 0);
        assert_false(rig.guest->call_pending);
        for (unsigned n = 1; n <= 3; n++) {
            rig.number = 1234;
            assert_int_equal(back_now(GENERATION_NEWEST), 0);
            assert_int_equal(rig.number, n);
            assert_false(rig.guest->call_pending);
        }
    }
}

/* Any bit of any copy that is about to be used. */
static void test_flipped_bits_are_found(void **state)
{
    (void)state;
    rig_seed = 7;
    for (unsigned i = 0; i < 100; i++) {
        uint64_t page = rig_random(RIG_PAGES), bit = rig_random(32768);
        struct work work = {.stage = 0};
        uint8_t *copy;

        take_now();
        rig_write(page);
        rig_write_some(5);
        copy = mirror_slot(&rig.s, rig.s.copies[page].slot) + bit / 8;
        *copy ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(back_to(GENERATION_NEWEST, VERIFY_RESTORE, &work),
                         -EIO);
        assert_non_null(work.why);
        assert_int_equal(rig.s.damaged, page);
        *copy ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(back_now(GENERATION_NEWEST), 0);
    }
}

static void test_damaged_state_is_found(void **state)
{
    struct guest_state *saved;

    (void)state;
    take_now();
    saved = rig.s.generations[rig.s.newest].state;
    for (unsigned i = 0; i < guest_state_part_count; i++) {
        const struct state_part *part = &guest_state_parts[i];
        uint8_t *byte = (uint8_t *)saved + part->offset + part->size - 1;

        *byte ^= 1;
        assert_int_equal(back_now(GENERATION_NEWEST), -EIO);
        assert_int_equal(rig.s.damaged, NO_PAGE);
        *byte ^= 1;
    }
    assert_int_equal(back_now(GENERATION_NEWEST), 0);
}

/* The older generation is a way out where the undo log has another copy. */
static void test_older_helps_or_not(void **state)
{
    (void)state;
    take_now();
    rig_write(5);
    rig.number = 1;
    take_now();
    assert_true(snapshot_older_differs(&rig.s, 5));
    assert_false(snapshot_older_differs(&rig.s, 6));
    rig_write(5);
    mirror_slot(&rig.s, rig.s.copies[5].slot)[9] ^= 4;
    assert_int_equal(back_now(GENERATION_NEWEST), -EIO);
    assert_int_equal(back_now(GENERATION_OLDER), 0);
    assert_int_equal(rig.number, 0);
    assert_int_equal(snapshot_generations(&rig.s), NEWEST);
    assert_int_equal(mirror_ram(&rig.s, 5)[9], 0);
}

static void test_undo_overflow(void **state)
{
    uint32_t room = rig.s.undo.capacity;

    (void)state;
    take_now();
    for (uint64_t page = 0; page < room; page++) {
        rig_write(page);
    }
    take_now();
    assert_int_equal(snapshot_generations(&rig.s), NEWEST | OLDER);
    for (uint64_t page = 0; page < room + 1; page++) {
        rig_write(page);
    }
    take_now();
    assert_int_equal(snapshot_generations(&rig.s), NEWEST);
    assert_int_equal(back_now(GENERATION_OLDER), -ENOENT);
    check_invariants();
}

static void test_abandoned_overflow_leaves_none(void **state)
{
    struct work work = {.until = 0};

    (void)state;
    take_now();
    for (uint64_t page = 0; page < RIG_PAGES; page++) {
        rig_write(page);
    }
    assert_int_equal(snapshot_take(rig.guest, &rig.s, &work), -EAGAIN);
    assert_false(snapshot_abandon(&rig.s));
    assert_int_equal(snapshot_generations(&rig.s), 0);
    check_invariants();
    take_now();
    check_invariants();
}

/* Without an end in sight a turn does a chunk, and no more. */
static void test_turns_are_short(void **state)
{
    struct work work = {.until = 0};
    unsigned turns = 1;

    (void)state;
    for (uint64_t page = 0; page < 10 * WORK_CHUNK + 1; page++) {
        rig_write(page);
    }
    while (snapshot_take(rig.guest, &rig.s, &work) == -EAGAIN) {
        assert_int_equal(work.pages, turns * WORK_CHUNK);
        turns++;
    }
    assert_int_equal(turns, 11);
    for (uint64_t page = 0; page < 2 * WORK_CHUNK + 1; page++) {
        rig_write(page);
    }
    work = (struct work){.until = 0};
    turns = 1;
    while (snapshot_restore(rig.guest, &rig.s, GENERATION_NEWEST,
                            VERIFY_RESTORE, &work) == -EAGAIN) {
        assert_int_equal(work.pages, turns * WORK_CHUNK);
        turns++;
    }
    assert_int_equal(turns, 3);
}

/* Neither the hardware nor anybody else told of the write. */
static void test_full_verify_finds_untold_write(void **state)
{
    struct work work = {.stage = 0};

    (void)state;
    rig_tick = 1;
    take_now();
    rig_write(4);
    assert_int_equal(back_to(GENERATION_NEWEST, VERIFY_FULL, &work), 0);
    assert_int_equal(rig.s.verify.pages, RIG_PAGES);
    assert_int_equal(rig.s.verify.mismatches, 0);
    rig_write(4);
    mirror_ram(&rig.s, 1111)[17] ^= 1;
    work = (struct work){.stage = 0};
    assert_int_equal(back_to(GENERATION_NEWEST, VERIFY_FULL, &work), -EIO);
    assert_int_equal(rig.s.verify.mismatches, 1);
    assert_int_equal(rig.s.verify.first, 1111);
    assert_int_equal(rig.vm.restores, 1);
    mirror_ram(&rig.s, 1111)[17] ^= 1;
    rig.tamper = true;
    work = (struct work){.stage = 0};
    assert_int_equal(back_to(GENERATION_NEWEST, VERIFY_FULL, &work), -EIO);
    assert_true(rig.s.verify.state_differs);
    assert_int_equal(rig.s.verify.first, NO_PAGE);
}

/* The older generation has hashes of its own. */
static void test_full_verify_of_older(void **state)
{
    struct work work = {.stage = 0};

    (void)state;
    rig_write(8);
    take_now();
    rig_write(9);
    take_now();
    rig_write(10);
    assert_int_equal(back_to(GENERATION_OLDER, VERIFY_FULL, &work), 0);
    assert_int_equal(work.pages, 2);
    assert_int_equal(rig.s.verify.pages, RIG_PAGES);
}

static void test_lost_slots(void **state)
{
    struct work work = {.stage = 0};
    uint64_t page = 77;

    (void)state;
    rig_write(5);
    take_now();
    rig_write(5);
    take_now();
    assert_int_equal(mirror_find(&rig.s, 5, &page), SLOT_OLD);
    assert_int_equal(page, 77);
    assert_int_equal(
        mirror_find(&rig.s, rig.s.copies[5].slot & COPY_SLOT, &page),
        SLOT_COPY);
    assert_int_equal(page, 5);
    assert_int_equal(mirror_find(&rig.s, RIG_PAGES + 3, &page), SLOT_FREE);

    assert_true(mirror_is_good(&rig.s, 5) && mirror_matches_ram(&rig.s, 5));
    mirror_lose(&rig.s, 5);
    memset(mirror_slot(&rig.s, rig.s.copies[5].slot), 0xee, PAGE_BYTES);
    assert_false(mirror_is_good(&rig.s, 5));
    assert_int_equal(back_to(GENERATION_NEWEST, VERIFY_SCRUB, &work), -EIO);
    mirror_heal(&rig.s, 5);
    assert_true(mirror_is_good(&rig.s, 5));
    assert_int_equal(back_now(GENERATION_NEWEST), 0);
    mirror_lose(&rig.s, 5);
    take_now();
    assert_true(mirror_is_good(&rig.s, 5));
}

static int restart_all(struct snapshot *s, struct work *work)
{
    int error;

    do {
        work->until = rig_clock + 5;
        error = restart(rig.guest, s, rig.s.ram, work);
    } while (error == -EAGAIN);
    return error;
}

static void test_restart(void **state)
{
    struct work work = {.stage = 0};

    (void)state;
    rig_tick = 1;
    rig_write(3);
    rig_write(2047);
    take_now();
    rig_write(100);
    assert_int_equal(restart_all(&rig.s, &work), 0);
    assert_int_equal(work.pages, 3);
    assert_int_equal(snapshot_generations(&rig.s), 0);
    check_invariants();
    take_now();
    check_invariants();
    rig_write_some(20);
    assert_int_equal(back_now(GENERATION_NEWEST), 0);
    assert_int_equal(mirror_ram(&rig.s, 7)[0], 7);
    assert_int_equal(mirror_ram(&rig.s, 3)[0], 0);
}

static void test_restart_without_snapshots(void **state)
{
    struct work work = {.stage = 0};

    (void)state;
    rig_write_some(20);
    load_error = -EINVAL;
    assert_int_equal(restart_all(NULL, &work), -EINVAL);
    assert_int_equal(work.pages, RIG_PAGES);
    assert_non_null(work.why);
    load_error = 0;
}

/* ---- cut off by an exception ---- */

/* Of <sys/mman.h>, which has names that arch/ has, too. */
extern int mprotect(void *address, size_t size, int protection);
#define READ_ONLY  1
#define READ_WRITE 3

static sigjmp_buf cut_off;

static void on_fault(int number)
{
    (void)number;
    siglongjmp(cut_off, 1);
}

static int protect(void *table, size_t size, int how)
{
    return mprotect(table, (size + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1), how);
}

/* Does what is told and cannot write one of the tables, as if an exception
 * came before the first write to it. */
static void strike(void (*act)(void), void *table, size_t size)
{
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
    struct sigaction before;

    assert_int_equal(protect(table, size, READ_ONLY), 0);
    sigaction(SIGSEGV, &action, &before);
    if (!sigsetjmp(cut_off, 1)) {
        act();
        fail_msg("nothing was cut off");
    }
    sigaction(SIGSEGV, &before, NULL);
    assert_int_equal(protect(table, size, READ_WRITE), 0);
}

static void take_it(void)
{
    struct work work = {.until = UINT64_MAX};

    (void)snapshot_take(rig.guest, &rig.s, &work);
}

static void go_back(void)
{
    struct work work = {.until = UINT64_MAX};

    (void)snapshot_restore(rig.guest, &rig.s, GENERATION_OLDER, VERIFY_RESTORE,
                           &work);
}

static void two_generations(void)
{
    for (rig.number = 1; rig.number <= 2; rig.number++) {
        for (uint64_t page = 0; page < 30; page++) {
            rig_write(page);
        }
        take_now();
    }
    rig_write(3);
}

static void test_cut_off_exchange(void **state)
{
    struct snapshot *s = &rig.s;
    struct {
        void *table;
        size_t size;
    } tables[] = {
        {s->copies, RIG_PAGES * sizeof(*s->copies)},
        {s->undo.entries, s->undo.capacity * sizeof(*s->undo.entries)},
    };

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        two_generations();
        strike(take_it, tables[i].table, tables[i].size);
        assert_true(snapshot_abandon(s));
        check_invariants();
        assert_int_equal(snapshot_generations(s), NEWEST);
        two_generations();
        strike(go_back, tables[i].table, tables[i].size);
        assert_true(snapshot_abandon(s));
        assert_int_equal(snapshot_generations(s), OLDER);
        assert_int_equal(back_now(GENERATION_OLDER), 0);
        assert_int_equal(rig.number, 1);
        check_invariants();
    }
}

static void test_page_sets(void **state)
{
    uint64_t bits[24];

    (void)state;
    rig_seed = 3;
    for (unsigned round = 0; round < 300; round++) {
        uint64_t count = 0, at = 0;

        memset(bits, 0, sizeof(bits));
        for (uint64_t i = rig_random(6); i > 0; i--) {
            page_set_add(bits, rig_random(24 * 64));
        }
        for (uint64_t page = 0; page < 24 * 64; page++) {
            uint64_t next = page_set_next(bits, 24, at);

            if (page_set_has(bits, page)) {
                assert_int_equal(next, page);
                at = page + 1;
                count++;
            }
        }
        assert_int_equal(page_set_next(bits, 24, at), NO_PAGE);
        assert_int_equal(page_set_count(bits, 24), count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_against_model, setup, teardown),
        cmocka_unit_test_setup_teardown(test_first_and_nothing_written, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_clock_goes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_guest_call, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flipped_bits_are_found, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_damaged_state_is_found, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_older_helps_or_not, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_undo_overflow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_abandoned_overflow_leaves_none,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_turns_are_short, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_verify_finds_untold_write,
                                        setup_full, teardown),
        cmocka_unit_test_setup_teardown(test_full_verify_of_older, setup_full,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_lost_slots, setup, teardown),
        cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_restart_without_snapshots, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_cut_off_exchange, setup, teardown),
        cmocka_unit_test(test_page_sets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
