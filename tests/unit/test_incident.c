/* SPDX-License-Identifier: BSD-2-Clause */
/* sources: ft/act.c ft/attempt.c ft/budget.c ft/classify.c ft/contain.c */
/* sources: ft/detect.c ft/ft.c ft/incident.c ft/journal.c ft/keep.c ft/m*.c */
/* sources: ft/page*.c ft/policy.c ft/re*.c ft/undo.c ft/snapshot.c */
/* sources: ft/verify.c kernel/black_box.c kernel/config.c kernel/format.c */
/* sources: kernel/words.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ft_machine.h"

/* Reading a page goes through the machine, which knows of poison. */
#undef PAGE_BYTES
#define crc32c_page real_crc32c_page
#include "kernel/crc32c.c"
#undef crc32c_page

static int setup(void **state)
{
    (void)state;
    machine_open(false);
    return 0;
}

static int setup_full(void **state)
{
    (void)state;
    machine_open(true);
    rig.config.verify = VERIFY_FULL;
    return 0;
}

/* Whatever happened, the other VM has not noticed. */
static int teardown(void **state)
{
    (void)state;
    assert_int_equal(machine.beta.state, VM_RUNNING);
    assert_int_equal(machine.beta_stops, 0);
    rig_close();
    return 0;
}

/* The events said that, in order; what is between does not matter. */
static void expect(const char *const lines[], unsigned count)
{
    const char *at = machine.events;

    for (unsigned i = 0; i < count; i++) {
        const char *found = strstr(at, lines[i]);

        if (!found) {
            fail_msg("no \"%s\" in the rest of:\n%s", lines[i], machine.events);
        }
        at = found + strlen(lines[i]);
    }
}

#define EXPECT(...)                            \
    expect((const char *const[]){__VA_ARGS__}, \
           sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void expect_none(const char *text)
{
    if (strstr(machine.events, text)) {
        fail_msg("\"%s\" in:\n%s", text, machine.events);
    }
}

static unsigned count_events(const char *text)
{
    unsigned count = 0;

    for (const char *at = machine.events; (at = strstr(at, text)); at++) {
        count++;
    }
    return count;
}

static void snapshot_now(void)
{
    rig.vm.snapshot_wanted = true;
    settle();
    assert_int_equal(rig.vm.state, VM_RUNNING);
}

static struct fault triple(void)
{
    return (struct fault){.kind = FAULT_TRIPLE,
                          .severity = SEVERITY_ACTION,
                          .context = CONTEXT_GUEST,
                          .vm = ALPHA,
                          .rip = 0x1234};
}

static void suffer(struct fault fault)
{
    post(fault);
    settle();
}

static const struct journal_entry *entry_back(uint32_t back)
{
    const struct journal_entry *entry = journal_find(journal_last() - back);

    assert_non_null(entry);
    return entry;
}

/* ---- a fault of the VM as a whole ---- */

static void test_triple_fault_is_restored(void **state)
{
    const struct journal_entry *entry;

    (void)state;
    rig_write_some(50);
    rig.number = 11;
    snapshot_now();
    rig_write(3);
    rig.number = 22;
    rig.guest->vcpu[0].history_next = 40;
    rig.guest->vcpu[0].history[39 % EXIT_HISTORY].rip = 0x5678;
    suffer(triple());
    EXPECT("snapshot vm=alpha generation=1 ", "first=true older=false\n",
           "fault vm=alpha kind=triple",
           "action vm=alpha kind=triple action=restore outcome=ok pages=1 ",
           "generation=0 why=ladder");
    assert_int_equal(rig.vm.state, VM_RUNNING);
    assert_int_equal(rig.number, 11);
    assert_int_equal(rig.vm.restores, 1);
    /* The evidence is that of the crash, not of the snapshot. */
    entry = entry_back(0);
    assert_int_equal(entry->valid, JOURNAL_FAULT | JOURNAL_VERDICT |
                                       JOURNAL_REGISTERS | JOURNAL_HISTORY |
                                       JOURNAL_DECISION | JOURNAL_OUTCOME);
    assert_int_equal(entry->registers.gpr[GPR_RAX], 22);
    assert_int_equal(entry->history[0].rip, 0x5678);
    assert_int_equal(entry->fault.rip, 0x1234);
    assert_true(entry->ticks > 0 && entry->ticks < 1000);
}

/* ---- its report ---- */

static void restored_untold(void)
{
    snapshot_now();
    post(triple());
    settle_work();
    assert_int_equal(rig.vm.state, VM_RUNNING);
    assert_int_equal(rig.vm.restores, 1);
    expect_none("fault vm");
    expect_none("action vm");
}

static void test_report_waits_for_a_safe_point(void **state)
{
    (void)state;
    restored_untold();
    safe_point();
    EXPECT("fault vm=alpha kind=triple", "action=restore outcome=ok");
    safe_point();
    assert_int_equal(count_events("action vm"), 1);
}

static void test_no_event_overtakes_the_report(void **state)
{
    struct event event;

    (void)state;
    restored_untold();
    event_begin(&event, "heartbeat");
    event_end(&event);
    EXPECT("fault vm=alpha kind=triple", "action=restore outcome=ok",
           "heartbeat");
    safe_point();
    assert_int_equal(count_events("action vm"), 1);
}

/* A fault that comes at once: the report is of the one before, whole. */
static void test_next_fault_comes_after_the_report(void **state)
{
    (void)state;
    restored_untold();
    suffer((struct fault){.kind = FAULT_EPT,
                          .severity = SEVERITY_ACTION,
                          .context = CONTEXT_GUEST,
                          .vm = ALPHA});
    EXPECT("fault vm=alpha kind=triple",
           "action vm=alpha kind=triple action=restore outcome=ok",
           "fault vm=alpha kind=ept", "action vm=alpha kind=ept");
    assert_int_equal(count_events("fault vm"), 2);
    assert_int_equal(count_events("action vm"), 2);
}

/* So many that the journal comes round, with the report's entries in it, at
 * the safe point that ends the restore. */
static void test_journal_comes_round_after_the_report(void **state)
{
    struct fault fault;

    (void)state;
    snapshot_now();
    post(triple());
    while (!ft_vms[ALPHA].finished) {
        safe_point();
        turn();
    }
    post(triple());
    for (unsigned i = 0; i < JOURNAL_SIZE; i++) {
        fault = mce_at(AT_SPARE + (100 + i) * PAGE_BYTES);
        fault.severity = SEVERITY_OPTIONAL;
        post(fault);
    }
    settle();
    EXPECT("fault vm=alpha kind=triple", "action vm=alpha kind=triple");
}

/* A paused VM may leave nothing that has a turn. */
static void test_report_of_a_paused_one_does_not_wait(void **state)
{
    (void)state;
    snapshot_now();
    rig.vm.state = VM_PAUSED;
    post(triple());
    settle_work();
    assert_int_equal(rig.vm.state, VM_PAUSED);
    EXPECT("fault vm=alpha kind=triple", "action=restore outcome=ok");
}

static void test_without_snapshot_it_restarts(void **state)
{
    (void)state;
    rig_write(9);
    suffer(triple());
    EXPECT("action=restart outcome=ok");
    assert_int_equal(machine.loads, 1);
    assert_int_equal(mirror_ram(&rig.s, 9)[0], 0);
    assert_int_equal(rig.vm.state, VM_RUNNING);
}

static void test_no_progress_goes_further_back(void **state)
{
    (void)state;
    snapshot_now();
    snapshot_now();
    run_guest(5);
    suffer(triple());
    EXPECT("action=restore outcome=ok", "generation=0 why=ladder");
    suffer(triple());
    EXPECT("generation=0", "action=restore outcome=ok", "generation=1",
           "why=no-progress");
    suffer(triple());
    EXPECT("generation=1 ", "action=restart outcome=ok", "why=no-progress");
    assert_int_equal(rig.vm.state, VM_RUNNING);
}

/* Five milliseconds are progress, unless they lead to the same fault. */
static void test_same_fault_is_no_progress(void **state)
{
    struct fault fault = triple();

    (void)state;
    snapshot_now();
    suffer(fault);
    run_guest(5);
    fault.rip++;
    suffer(fault);
    expect_none("no-progress");
    run_guest(5);
    suffer(fault);
    EXPECT("action=restart outcome=ok", "why=no-progress");
}

static void test_new_snapshot_is_a_new_chance(void **state)
{
    (void)state;
    snapshot_now();
    suffer(triple());
    run_guest(11);
    snapshot_now();
    suffer(triple());
    assert_int_equal(count_events("outcome=ok pages=0"), 2);
    expect_none("why=no-progress");
}

/* It snapshots its own doom, and that is no way out either. */
static void test_snapshot_of_the_doomed(void **state)
{
    (void)state;
    snapshot_now();
    snapshot_now();
    run_guest(11);
    suffer(triple());
    suffer(triple());
    EXPECT("generation=0 why=ladder", "generation=1 why=no-progress");
    snapshot_now();
    snapshot_now();
    suffer(triple());
    EXPECT("action=restart outcome=ok", "why=no-progress");
}

static void test_progress_stays_with_the_newest(void **state)
{
    (void)state;
    snapshot_now();
    for (unsigned i = 0; i < 4; i++) {
        run_guest(11);
        suffer(triple());
    }
    assert_int_equal(count_events("action=restore outcome=ok"), 4);
    expect_none("action=restart");
}

static void test_budget(void **state)
{
    (void)state;
    snapshot_now();
    for (unsigned i = 0; i < rig.config.budget; i++) {
        run_guest(11);
        suffer(triple());
        assert_int_equal(rig.vm.state, VM_RUNNING);
    }
    run_guest(11);
    suffer(triple());
    EXPECT("action=halt outcome=ok", "why=budget", "vm-end how=budget");
    assert_int_equal(rig.vm.state, VM_HALTED);
}

static void test_budget_is_for_a_time(void **state)
{
    (void)state;
    snapshot_now();
    for (unsigned i = 0; i < 3 * rig.config.budget; i++) {
        run_guest(rig.config.budget_ms / rig.config.budget + 1);
        suffer(triple());
        assert_int_equal(rig.vm.state, VM_RUNNING);
    }
}

/* It fails at once, restarts and fails again. What it asks for itself in
 * between costs nothing, and pays for nothing. */
static void test_restarts_are_within_the_budget(void **state)
{
    (void)state;
    for (unsigned i = 0; i < rig.config.budget; i++) {
        suffer(triple());
        assert_int_equal(rig.vm.state, VM_RUNNING);
        assert_int_equal(count_events("action=restart outcome=ok"), 2 * i + 1);
        run_guest(101);
        rig.vm.reset_wanted = true;
        settle();
        assert_int_equal(machine.loads, 2 * (i + 1));
    }
    suffer(triple());
    EXPECT("action=halt outcome=ok", "why=budget", "vm-end how=budget");
    assert_int_equal(rig.vm.state, VM_HALTED);
    assert_int_equal(machine.loads, 2 * rig.config.budget);
}

/* An incident of several attempts costs one. */
static void test_attempts_cost_one(void **state)
{
    (void)state;
    rig.config.budget = 1;
    budget_init(&ft_vms[ALPHA].budget, 1, 60000, 1000);
    snapshot_now();
    rig_write(1);
    mirror_slot(&rig.s, 1)[5] ^= 1;
    suffer(triple());
    EXPECT("action=restore outcome=failed", "why=a page's copy is damaged",
           "action=restart outcome=ok");
}

static void test_preserve(void **state)
{
    (void)state;
    memset(rig.config.on[FAULT_TRIPLE], 0, sizeof(rig.config.on[0]));
    rig.config.on[FAULT_TRIPLE][0] = ACTION_PRESERVE;
    snapshot_now();
    rig_write(1);
    rig.number = 5;
    suffer(triple());
    EXPECT("action=preserve outcome=ok", "vm-end how=preserved");
    assert_int_equal(rig.vm.state, VM_PRESERVED);
    assert_int_equal(rig.number, 5);
    /* It has ended: what comes now is noted, and that is all. */
    suffer(triple());
    suffer(mce_at(AT_RAM));
    assert_int_equal(count_events("action=log outcome=ok"), 2);
    assert_true(is_quarantined(AT_RAM));
}

/* A damaged mapping is mended before the guest meets it again. */
static void test_mapping_is_repaired(void **state)
{
    struct fault fault = triple();

    (void)state;
    snapshot_now();
    fault.has_address = true;
    fault.address = 5 * PAGE_BYTES + 8;
    suffer(fault); /* no mapping is to blame for this one */
    assert_int_equal(machine.remapped, 0);
    run_guest(11);
    fault.kind = FAULT_MISCONFIG;
    suffer(fault);
    assert_int_equal(machine.remapped, 1);
    EXPECT("kind=misconfig action=restore outcome=ok pages=1 ");
    run_guest(11);
    fault.kind = FAULT_EPT;
    fault.address = 0xd0000000; /* no RAM */
    suffer(fault);
    assert_int_equal(machine.remapped, 1);
}

/* Two at once: the guest does not meet the second one. */
static void test_all_mappings_are_repaired(void **state)
{
    struct fault fault = triple();

    (void)state;
    snapshot_now();
    fault.kind = FAULT_MISCONFIG;
    fault.has_address = true;
    fault.address = 5 * PAGE_BYTES;
    post(fault);
    fault.address = 6 * PAGE_BYTES;
    fault.tsc++;
    suffer(fault);
    assert_int_equal(machine.remapped, 2);
    EXPECT("kind=misconfig action=restore outcome=ok pages=2 ");
}

/* ---- bad frames ---- */

static void test_dirty_page_is_restored(void **state)
{
    uint64_t before;

    (void)state;
    rig_write(12);
    memcpy(&before, mirror_ram(&rig.s, 12), 8);
    snapshot_now();
    rig_write(12);
    suffer(mce_at(AT_RAM + 12 * PAGE_BYTES + 0x80));
    EXPECT("fault vm=alpha kind=mce", "action=restore outcome=ok pages=1");
    assert_true(is_quarantined(AT_RAM + 12 * PAGE_BYTES));
    assert_int_equal(machine.ram[12] & 0xf0000000, AT_SPARE);
    assert_memory_equal(&before, mirror_ram(&rig.s, 12), 8);
    assert_int_equal(ft_vms[ALPHA].spare_count, SPARES - 1);
}

static void test_clean_page_is_healed(void **state)
{
    uint8_t before[PAGE_BYTES];

    (void)state;
    rig_write(12);
    memcpy(before, mirror_ram(&rig.s, 12), PAGE_BYTES);
    snapshot_now();
    rig_write(13);
    rig.number = 77;
    suffer(mce_at(AT_RAM + 12 * PAGE_BYTES));
    EXPECT("action=heal outcome=ok pages=1");
    assert_int_equal(rig.vm.restores, 0);
    assert_int_equal(rig.number, 77);
    assert_memory_equal(before, mirror_ram(&rig.s, 12), PAGE_BYTES);
    assert_true(machine.ram[12] != AT_RAM + 12 * PAGE_BYTES);
    /* A snapshot and a restore later it is the same. */
    snapshot_now();
    rig_write(12);
    suffer(triple());
    assert_memory_equal(before, mirror_ram(&rig.s, 12), PAGE_BYTES);
}

/* What heals the one does not help with the other. */
static void test_two_faults_at_once(void **state)
{
    (void)state;
    rig_write(12);
    rig.number = 1;
    snapshot_now();
    rig.number = 2;
    post(mce_at(AT_RAM + 12 * PAGE_BYTES));
    suffer(triple());
    EXPECT("kind=mce action=restore outcome=ok pages=1");
    expect_none("action=heal");
    assert_int_equal(rig.number, 1);
}

/* It has consumed what was in a frame of nobody's, and would do so again. */
static void test_lost_by_another_frame(void **state)
{
    (void)state;
    rig_write(12);
    snapshot_now();
    post(mce_at(AT_RAM + 12 * PAGE_BYTES));
    suffer(mce_at(AT_FREE));
    EXPECT("action=restore outcome=ok pages=1");
}

static void test_not_restartable_is_not_healed(void **state)
{
    struct fault fault = mce_at(AT_RAM + 12 * PAGE_BYTES);

    (void)state;
    rig_write(12);
    snapshot_now();
    fault.restartable = false;
    suffer(fault);
    EXPECT("action=restore outcome=ok pages=1");
}

/* Both copies of a page: nothing is left of it. */
static void test_page_and_copy_are_lost(void **state)
{
    (void)state;
    rig_write(12);
    snapshot_now();
    post(mce_at(AT_MIRROR + 12 * PAGE_BYTES));
    suffer(mce_at(AT_RAM + 12 * PAGE_BYTES));
    EXPECT("action=restore outcome=failed", "action=restart outcome=ok");
    assert_int_equal(count_events("fault vm=alpha kind=mce"), 2);
    assert_int_equal(machine.quarantined_count, 2);
}

/* The copy turns out to be poisoned when it is looked at. */
static void test_poisoned_copy_is_not_used(void **state)
{
    (void)state;
    rig_write(12);
    snapshot_now();
    machine.poison[machine.poison_count++] = AT_MIRROR + 12 * PAGE_BYTES;
    suffer(mce_at(AT_RAM + 12 * PAGE_BYTES));
    EXPECT("action=restore outcome=failed", "action=restart outcome=ok");
    assert_int_equal(rig.vm.state, VM_RUNNING);
}

static void test_frame_of_a_clean_copy_is_healed(void **state)
{
    (void)state;
    rig_write(12);
    snapshot_now();
    rig_write(13);
    suffer(mce_at(AT_MIRROR + 12 * PAGE_BYTES));
    EXPECT("action=heal outcome=ok pages=1");
    assert_true(mirror_is_good(&rig.s, 12));
    assert_true(machine.mirror[12] != AT_MIRROR + 12 * PAGE_BYTES);
    rig_write(12);
    suffer(triple());
    EXPECT("kind=triple action=restore outcome=ok");
}

static void test_frame_of_a_stale_copy_is_lost(void **state)
{
    (void)state;
    rig.config.verify = VERIFY_SCRUB; /* no CRC32C is looked at */
    rig_write(12);
    snapshot_now();
    rig_write(12);
    suffer(mce_at(AT_MIRROR + 12 * PAGE_BYTES));
    EXPECT("kind=mce action=log outcome=ok");
    assert_int_equal(rig.vm.restores, 0);
    suffer(triple());
    EXPECT("kind=triple action=restore outcome=failed",
           "kind=triple action=restart outcome=ok");
}

static void test_frame_of_the_undo_log(void **state)
{
    (void)state;
    rig_write(12);
    snapshot_now();
    rig_write(12);
    snapshot_now();
    assert_int_equal(ft_vms[ALPHA].generations, 3);
    /* Slots have changed hands: the old copy lies in the mirror. */
    suffer(mce_at(AT_MIRROR + 12 * PAGE_BYTES));
    EXPECT("kind=mce action=log outcome=ok");
    assert_int_equal(ft_vms[ALPHA].generations, 1);
    rig_write(12);
    suffer(triple());
    EXPECT("kind=triple action=restore outcome=ok pages=1");
}

/* A copy is made anew from RAM before the restore that needs it. */
static void test_copy_is_healed_for_a_restore(void **state)
{
    (void)state;
    rig_write(12);
    snapshot_now();
    post(mce_at(AT_MIRROR + 12 * PAGE_BYTES));
    suffer(triple());
    EXPECT("kind=mce action=restore outcome=ok");
}

/* Both generations have the same copy of the page. */
static void test_older_generation_is_no_way_out(void **state)
{
    (void)state;
    rig_write(12);
    snapshot_now();
    rig_write(13);
    snapshot_now();
    rig_write(12);
    mirror_slot(&rig.s, 12)[100] ^= 1;
    suffer(triple());
    EXPECT("action=restore outcome=failed", "action=restart outcome=ok");
    assert_int_equal(count_events("outcome=failed"), 1);
}

static void test_older_generation_is_a_way_out(void **state)
{
    (void)state;
    rig_write(12);
    rig.number = 1;
    snapshot_now();
    rig_write(12);
    rig.number = 2;
    snapshot_now();
    rig_write(12);
    mirror_slot(&rig.s, rig.s.copies[12].slot)[100] ^= 1;
    suffer(triple());
    EXPECT("action=restore outcome=failed", "generation=0",
           "action=restore outcome=ok", "generation=1");
    assert_int_equal(rig.number, 1);
}

static void test_spare_and_free_frames(void **state)
{
    struct fault fault = mce_at(AT_FREE + 0x1234);

    (void)state;
    fault.severity = SEVERITY_OPTIONAL;
    suffer(fault);
    assert_true(is_quarantined(AT_FREE + 0x1000));
    fault.address = AT_SPARE + 2 * PAGE_BYTES;
    suffer(fault);
    assert_int_equal(ft_vms[ALPHA].spare_count, SPARES - 1);
    assert_int_equal(rig.vm.state, VM_RUNNING);
    snapshot_now();
    for (unsigned i = 0; i < SPARES - 1; i++) {
        suffer(mce_at(AT_RAM + i * PAGE_BYTES));
        assert_true(machine.ram[i] != AT_SPARE + 2 * PAGE_BYTES);
        assert_int_equal(rig.vm.state, VM_RUNNING);
    }
    suffer(mce_at(AT_RAM + 100 * PAGE_BYTES));
    EXPECT("action=halt outcome=ok", "why=no spare frame is left",
           "vm-end how=halted");
}

static void test_state_frame_is_the_end(void **state)
{
    (void)state;
    snapshot_now();
    suffer(mce_at(AT_STATE));
    EXPECT("action=halt outcome=ok",
           "why=a frame of its tables or state is bad");
    assert_int_equal(rig.vm.state, VM_HALTED);
}

static void test_image_frame_forbids_restarts(void **state)
{
    struct fault fault = mce_at(AT_IMAGE + 2 * PAGE_BYTES);

    (void)state;
    fault.severity = SEVERITY_OPTIONAL;
    suffer(fault);
    assert_true(ft_vms[ALPHA].images_bad);
    assert_false(ft_vms[BETA].images_bad);
    suffer(triple());
    EXPECT("kind=triple action=halt");
}

/* An address that is known less exactly is several frames, and one fault. */
static void test_wide_fault(void **state)
{
    struct fault fault = mce_at(AT_RAM + 16 * PAGE_BYTES + 0x3000);

    (void)state;
    rig_write(17);
    snapshot_now();
    fault.lsb = 14;
    suffer(fault);
    assert_int_equal(machine.quarantined_count, 4);
    assert_int_equal(count_events("fault vm=alpha"), 1);
    EXPECT("action=restore outcome=ok pages=4");
    for (unsigned page = 16; page < 20; page++) {
        assert_int_equal(machine.ram[page] & 0xf0000000, AT_SPARE);
    }
}

/* Nobody has read them, and nothing has to be done. */
static void test_wide_fault_of_spares(void **state)
{
    struct fault fault = mce_at(AT_SPARE + 0x40000);

    (void)state;
    fault.severity = SEVERITY_OPTIONAL;
    fault.lsb = 18;
    suffer(fault);
    assert_int_equal(machine.quarantined_count, 64);
    assert_int_equal(count_events("fault vm=alpha"), 1);
    assert_int_equal(count_events("action vm=alpha"), 1);
    suffer(fault); /* another */
    assert_int_equal(count_events("fault vm"), 2);
}

static void test_too_wide_fault(void **state)
{
    struct fault fault = mce_at(AT_RAM);

    (void)state;
    snapshot_now();
    fault.lsb = 20;
    suffer(fault);
    EXPECT("action=halt", "why=too many bad frames");
    assert_int_equal(count_events("fault vm=alpha"), 1);
}

static void test_corrected_is_noted(void **state)
{
    struct fault fault = mce_at(AT_RAM);

    (void)state;
    fault.severity = SEVERITY_CORRECTED;
    suffer(fault);
    EXPECT("fault vm=alpha kind=mce", "action=log outcome=ok", "why=harmless");
    assert_int_equal(machine.quarantined_count, 0);
}

static void test_core_frame_is_a_panic(void **state)
{
    (void)state;
    if (!setjmp(machine.panicked)) {
        suffer(mce_at(AT_CORE));
        fail_msg("no panic");
    }
    EXPECT("fault vm= kind=mce");
}

/* Nobody has read it, and whoever ran has nothing to do with it. */
static void test_core_frame_that_nobody_read_is_noted(void **state)
{
    struct fault fault = mce_at(AT_CORE);

    (void)state;
    fault.severity = SEVERITY_OPTIONAL;
    suffer(fault);
    fault.severity = SEVERITY_DEFERRED;
    suffer(fault);
    EXPECT("fault vm= kind=mce", "action vm= kind=mce action=log", "fault vm=",
           "action=log outcome=ok");
    assert_int_equal(machine.quarantined_count, 0);
    assert_int_equal(count_events("vm=alpha"), 0);
}

/* ---- work that is abandoned ---- */

static void test_poison_while_a_snapshot_is_taken(void **state)
{
    uint8_t *before = rig_alloc(RIG_BYTES);

    (void)state;
    rig_write_some(60);
    rig.number = 1;
    snapshot_now();
    memcpy(before, rig.s.ram, RIG_BYTES);
    rig_write_some(60);
    rig_write(1500);
    rig.number = 2;
    machine.poison[machine.poison_count++] = AT_RAM + 1500 * PAGE_BYTES;
    snapshot_now();
    EXPECT("fault vm=alpha kind=mce", "action=restore outcome=ok",
           "generation=0");
    assert_int_equal(count_events("snapshot vm=alpha"), 1);
    assert_int_equal(rig.number, 1);
    assert_memory_equal(before, rig.s.ram, RIG_BYTES);
    assert_true(is_quarantined(AT_RAM + 1500 * PAGE_BYTES));
    free(before);
}

static void test_snapshot_lost_without_a_word(void **state)
{
    (void)state;
    rig.number = 1;
    snapshot_now();
    rig_write(3);
    rig.number = 2;
    machine.poison[machine.poison_count++] = AT_RAM + 3 * PAGE_BYTES;
    machine.silent = true;
    rig.vm.snapshot_wanted = true;
    settle();
    EXPECT("fault vm=alpha kind=restore", "action=restore outcome=ok");
    assert_int_equal(rig.number, 1);
}

static void test_snapshot_that_cannot_be_undone(void **state)
{
    (void)state;
    snapshot_now();
    for (uint64_t page = 0; page < RIG_PAGES; page++) {
        rig_write(page);
    }
    machine.poison[machine.poison_count++] = AT_RAM + 1900 * PAGE_BYTES;
    snapshot_now();
    EXPECT("fault vm=alpha kind=mce", "action=restart outcome=ok");
    assert_int_equal(ft_vms[ALPHA].generations, 0);
}

static void test_poison_while_restoring(void **state)
{
    (void)state;
    rig_write(12);
    rig.number = 1;
    snapshot_now();
    rig_write(12);
    rig.number = 2;
    snapshot_now();
    rig_write(12);
    machine.poison[machine.poison_count++] =
        frame_behind(mirror_slot(&rig.s, rig.s.copies[12].slot));
    suffer(triple());
    EXPECT("fault vm=alpha kind=triple", "action=restore outcome=failed",
           "why=abandoned", "fault vm=alpha kind=mce",
           "action=restore outcome=ok", "generation=1");
    assert_int_equal(rig.number, 1);
}

/* A second fault strikes in the middle of going further back: begun again,
 * where it was cut off, and not given up. */
static void test_older_is_gone_on_with(void **state)
{
    (void)state;
    for (uint64_t page = 0; page < 40; page++) {
        rig_write(page);
    }
    rig.number = 1;
    snapshot_now();
    for (uint64_t page = 0; page < 40; page++) {
        rig_write(page);
    }
    rig.number = 2;
    snapshot_now();
    machine.shock = "copy";
    machine.shock_after = 10;
    incident_order(&ft_vms[ALPHA], ACTION_RESTORE, GENERATION_OLDER, "operator",
                   rig_clock);
    settle();
    EXPECT("kind=operator action=restore outcome=failed", "why=abandoned",
           "fault vm=alpha kind=root", "action=restore outcome=ok");
    assert_int_equal(machine.loads, 0);
    assert_int_equal(rig.number, 1);
}

/* The same, again and again: an end comes, too. */
static void test_older_is_not_gone_on_with_for_ever(void **state)
{
    (void)state;
    for (uint64_t page = 0; page < 40; page++) {
        rig_write(page);
    }
    snapshot_now();
    rig_write(1);
    snapshot_now();
    machine.shock = "copy";
    machine.shocks = 100;
    incident_order(&ft_vms[ALPHA], ACTION_RESTORE, GENERATION_OLDER, "operator",
                   rig_clock);
    settle();
    EXPECT("why=abandoned", "action=restart outcome=ok");
    assert_true(count_events("why=abandoned") <= 3);
}

static void test_exception_while_restarting(void **state)
{
    (void)state;
    snapshot_now();
    machine.shock = "load";
    assert_int_equal(incident_order(&ft_vms[ALPHA], ACTION_RESTART,
                                    GENERATION_NONE, "operator", rig_clock),
                     0);
    settle();
    EXPECT("kind=operator action=restart outcome=failed", "why=abandoned",
           "fault vm=alpha kind=root", "action=halt");
    assert_int_equal(rig.vm.state, VM_HALTED);
}

static void test_fault_from_elsewhere_while_restoring(void **state)
{
    (void)state;
    for (uint64_t page = 0; page < 200; page++) {
        rig_write(page);
    }
    snapshot_now();
    for (uint64_t page = 0; page < 200; page++) {
        rig_write(page);
    }
    machine.slice = 1;
    post(triple());
    safe_point();
    turn();
    turn();
    assert_int_equal(ft_vms[ALPHA].work.pages, 2 * WORK_CHUNK);
    post(mce_at(AT_RAM)); /* a page that is restored already */
    settle();
    EXPECT("fault vm=alpha kind=triple", "action=restore outcome=ok pages=200");
    expect_none("outcome=failed");
    assert_true(is_quarantined(AT_RAM));
    assert_memory_equal(mirror_ram(&rig.s, 0), mirror_slot(&rig.s, 0),
                        PAGE_BYTES);
}

/* A storm comes to an end, though no attempt ever does. */
static void test_faults_without_end(void **state)
{
    (void)state;
    snapshot_now();
    for (uint64_t page = 0; page < 200; page++) {
        rig_write(page);
    }
    machine.slice = 1;
    for (unsigned i = 0; i < 30 && rig.vm.state != VM_HALTED; i++) {
        post(triple());
        safe_point();
        turn();
    }
    EXPECT("action=halt outcome=ok", "why=it never ends");
}

static void test_verify_full(void **state)
{
    (void)state;
    snapshot_now();
    rig_write(4);
    suffer(triple());
    EXPECT("verify vm=alpha pages=2048 mismatches=0",
           "action=restore outcome=ok");
    run_guest(11);
    mirror_ram(&rig.s, 1000)[3] ^= 8; /* nobody told */
    suffer(triple());
    EXPECT("verify vm=alpha pages=2048 mismatches=1",
           "action=restore outcome=failed", "action=restart outcome=ok");
}

/* ---- what is asked for ---- */

static void test_orders(void **state)
{
    struct ft_vm *ft = &ft_vms[ALPHA];

    (void)state;
    snapshot_now();
    rig_write(4);
    assert_int_equal(incident_order(ft, ACTION_RESTORE, GENERATION_NEWEST,
                                    "operator", rig_clock),
                     0);
    assert_int_equal(
        incident_order(ft, ACTION_HALT, GENERATION_NONE, "operator", rig_clock),
        -EBUSY);
    settle();
    EXPECT("action vm=alpha kind=operator action=restore outcome=ok pages=1 ",
           "why=ordered");
    expect_none("fault ");
    assert_int_equal(budget_used(&ft->budget, rig_clock), 0);
    incident_order(ft, ACTION_HALT, GENERATION_NONE, "operator", rig_clock);
    settle();
    EXPECT("action=halt outcome=ok", "vm-end how=halted");
    assert_int_equal(incident_order(ft, ACTION_RESTORE, GENERATION_NEWEST,
                                    "operator", rig_clock),
                     -EBUSY);
}

static void test_damaged_older_is_not_tried_again(void **state)
{
    (void)state;
    rig_write(12);
    snapshot_now();
    snapshot_now();
    rig_write(12);
    mirror_slot(&rig.s, rig.s.copies[12].slot)[100] ^= 1;
    incident_order(&ft_vms[ALPHA], ACTION_RESTORE, GENERATION_OLDER, "operator",
                   rig_clock);
    settle();
    EXPECT("action=restore outcome=failed", "generation=1",
           "action=restart outcome=ok");
    assert_int_equal(count_events("outcome=failed"), 1);
}

/* What was asked for is rolled back with everything else. */
static void test_request_is_rolled_back(void **state)
{
    (void)state;
    snapshot_now();
    rig.vm.snapshot_wanted = true;
    rig.guest->call_pending = true;
    suffer(triple());
    settle();
    assert_int_equal(count_events("snapshot vm=alpha"), 1);
    assert_false(rig.guest->call_pending);
}

static void always_faults(void)
{
    post((struct fault){.kind = FAULT_ROOT,
                        .severity = SEVERITY_ACTION,
                        .context = CONTEXT_SERVING,
                        .vm = ALPHA});
    longjmp(machine.abandon, 1);
}

/* What ft needs in the cell is poisoned: nothing can be done there. */
static void test_cell_that_cannot_be_entered(void **state)
{
    (void)state;
    snapshot_now();
    rig_on_collect = always_faults;
    suffer(mce_at(AT_STATE));
    rig_on_collect = NULL;
    assert_int_equal(rig.vm.state, VM_HALTED);
}

/* The same without a bad frame: it is tried some times. */
static void test_cell_that_always_faults(void **state)
{
    (void)state;
    snapshot_now();
    rig_on_collect = always_faults;
    suffer(triple());
    rig_on_collect = NULL;
    assert_int_equal(rig.vm.state, VM_HALTED);
}

/* At most one in 100 ms: each is told to everybody. */
static void test_resets_are_paced(void **state)
{
    (void)state;
    rig.vm.reset_wanted = true;
    settle();
    rig.vm.reset_wanted = true;
    settle();
    assert_int_equal(machine.loads, 1);
    run_guest(101);
    settle();
    assert_int_equal(machine.loads, 2);
}

static void test_reset_is_free(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        run_guest(101);
        rig.vm.reset_wanted = true;
        settle();
        assert_false(rig.vm.reset_wanted);
        assert_int_equal(rig.vm.state, VM_RUNNING);
    }
    assert_int_equal(machine.loads, 20);
    assert_int_equal(count_events("vm-reset vm=alpha\n"), 20);
}

static void test_paused_stays_paused(void **state)
{
    (void)state;
    rig.vm.state = VM_PAUSED;
    rig.vm.snapshot_wanted = true;
    settle();
    EXPECT("snapshot vm=alpha");
    assert_int_equal(rig.vm.state, VM_PAUSED);
    rig_write(3);
    suffer(triple());
    EXPECT("action=restore outcome=ok");
    assert_int_equal(rig.vm.state, VM_PAUSED);
}

static void test_guest_without_mirror_gets_an_answer(void **state)
{
    (void)state;
    ft_vms[ALPHA].snapshot = NULL;
    rig.guest->call_pending = true;
    rig.vm.snapshot_wanted = true;
    settle();
    assert_int_equal(rig.number, UINT32_MAX);
    assert_int_equal(rig.vm.state, VM_RUNNING);
    expect_none("snapshot");
    suffer(triple());
    EXPECT("action=restart outcome=ok");
}

/* It asked for a snapshot, and poison came in between: it still waits. */
static void test_request_survives_healing(void **state)
{
    (void)state;
    rig_write(12);
    snapshot_now();
    for (uint64_t page = 100; page < 150; page++) {
        rig_write(page);
    }
    rig.guest->call_pending = true;
    rig.vm.snapshot_wanted = true;
    machine.slice = 1;
    safe_point();
    turn();
    assert_true(rig.s.taking);
    post(mce_at(AT_RAM + 12 * PAGE_BYTES));
    settle();
    EXPECT("action=heal outcome=ok");
    settle();
    assert_false(rig.guest->call_pending);
    assert_int_equal(rig.number, 0);
}

static void test_timers(void **state)
{
    (void)state;
    rig.config.snapshot = SNAPSHOT_EVERY;
    rig.config.snapshot_ms = 100;
    settle();
    expect_none("snapshot");
    run_guest(101);
    settle();
    assert_int_equal(count_events("snapshot vm=alpha"), 1);
    run_guest(50);
    settle();
    assert_int_equal(count_events("snapshot vm=alpha"), 1);
    run_guest(500); /* those missed are not made up for */
    settle();
    settle();
    assert_int_equal(count_events("snapshot vm=alpha"), 2);
    rig.vm.state = VM_PAUSED;
    run_guest(500);
    settle();
    assert_int_equal(count_events("snapshot vm=alpha"), 2);
}

/* A snapshot of what was restored would push the older generation out, and a
 * guest that is doomed in the newest would have no way back. */
static void test_timer_waits_after_a_restore(void **state)
{
    (void)state;
    rig.config.snapshot = SNAPSHOT_EVERY;
    rig.config.snapshot_ms = 4;
    settle();
    for (unsigned i = 0; i < 3; i++) {
        run_guest(5);
        settle();
    }
    assert_int_equal(count_events("snapshot vm=alpha"), 3);
    run_guest(11); /* the next one is due, too */
    suffer(triple());
    run_guest(5);
    settle();
    assert_int_equal(count_events("snapshot vm=alpha"), 3);
    suffer(triple());
    EXPECT("generation=0 why=ladder", "generation=1 why=no-progress");
}

/* Two in a row would leave two generations that are the same. */
static void test_any_snapshot_starts_the_period(void **state)
{
    (void)state;
    rig.config.snapshot = SNAPSHOT_EVERY;
    rig.config.snapshot_ms = 100;
    settle();
    run_guest(90);
    snapshot_now();
    run_guest(20);
    settle();
    assert_int_equal(count_events("snapshot vm=alpha"), 1);
    run_guest(90);
    settle();
    assert_int_equal(count_events("snapshot vm=alpha"), 2);
}

/* Of restores beyond what the lines can take only those are told that were
 * not plain; all of them are counted. */
static void test_restores_are_told_in_bounds(void **state)
{
    char last[24];

    (void)state;
    budget_init(&ft_vms[ALPHA].budget, 64, 1, (uint32_t)time_per_ms());
    snapshot_now();
    for (unsigned i = 0; i < 200; i++) {
        run_guest(11);
        suffer(triple());
    }
    assert_int_equal(rig.vm.restores, 200);
    assert_in_range(count_events("action=restore outcome=ok"), 64, 100);
    run_guest(1000);
    suffer(triple());
    snprintf(last, sizeof(last), "journal=%u\n", journal_last());
    assert_non_null(strstr(machine.events, last));
    suffer(triple()); /* at once, and there is no older generation */
    assert_non_null(strstr(machine.events, "action=restart outcome=ok"));
}

static void test_once(void **state)
{
    (void)state;
    rig.config.snapshot = SNAPSHOT_ONCE;
    rig.config.snapshot_ms = 100;
    settle();
    for (unsigned i = 0; i < 5; i++) {
        run_guest(101);
        settle();
        assert_int_equal(count_events("snapshot vm=alpha"), 1);
    }
    rig.vm.reset_wanted = true; /* a new start, and once more */
    settle();
    run_guest(101);
    settle();
    assert_int_equal(count_events("snapshot vm=alpha"), 2);
}

/* ---- the journal ---- */

static void test_journal_is_a_ring(void **state)
{
    uint32_t first = journal_open(ALPHA, "mce")->number;

    (void)state;
    assert_int_equal(journal_last(), first);
    for (unsigned i = 1; i < JOURNAL_SIZE; i++) {
        assert_int_equal(journal_open(BETA, "ept")->number, first + i);
    }
    assert_int_equal(journal_find(first)->vm, ALPHA);
    assert_int_equal(journal_open(BETA, "ept")->valid, 0);
    assert_null(journal_find(first));
    assert_null(journal_find(0));
    assert_null(journal_find(journal_last() + 1));
    assert_string_equal(journal_find(journal_last())->kind, "ept");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_triple_fault_is_restored),
        TEST(test_report_waits_for_a_safe_point),
        TEST(test_no_event_overtakes_the_report),
        TEST(test_next_fault_comes_after_the_report),
        TEST(test_journal_comes_round_after_the_report),
        TEST(test_report_of_a_paused_one_does_not_wait),
        TEST(test_without_snapshot_it_restarts),
        TEST(test_no_progress_goes_further_back),
        TEST(test_same_fault_is_no_progress),
        TEST(test_new_snapshot_is_a_new_chance),
        TEST(test_snapshot_of_the_doomed),
        TEST(test_progress_stays_with_the_newest),
        TEST(test_budget),
        TEST(test_budget_is_for_a_time),
        TEST(test_restarts_are_within_the_budget),
        TEST(test_attempts_cost_one),
        TEST(test_preserve),
        TEST(test_mapping_is_repaired),
        TEST(test_dirty_page_is_restored),
        TEST(test_clean_page_is_healed),
        TEST(test_two_faults_at_once),
        TEST(test_lost_by_another_frame),
        TEST(test_not_restartable_is_not_healed),
        TEST(test_page_and_copy_are_lost),
        TEST(test_poisoned_copy_is_not_used),
        TEST(test_frame_of_a_clean_copy_is_healed),
        TEST(test_frame_of_a_stale_copy_is_lost),
        TEST(test_frame_of_the_undo_log),
        TEST(test_copy_is_healed_for_a_restore),
        TEST(test_older_generation_is_a_way_out),
        TEST(test_older_is_gone_on_with),
        TEST(test_older_is_not_gone_on_with_for_ever),
        TEST(test_all_mappings_are_repaired),
        TEST(test_older_generation_is_no_way_out),
        TEST(test_spare_and_free_frames),
        TEST(test_state_frame_is_the_end),
        TEST(test_image_frame_forbids_restarts),
        TEST(test_wide_fault),
        TEST(test_wide_fault_of_spares),
        TEST(test_too_wide_fault),
        TEST(test_corrected_is_noted),
        TEST(test_core_frame_is_a_panic),
        TEST(test_core_frame_that_nobody_read_is_noted),
        TEST(test_poison_while_a_snapshot_is_taken),
        TEST(test_snapshot_lost_without_a_word),
        TEST(test_snapshot_that_cannot_be_undone),
        TEST(test_poison_while_restoring),
        TEST(test_exception_while_restarting),
        TEST(test_fault_from_elsewhere_while_restoring),
        TEST(test_faults_without_end),
        cmocka_unit_test_setup_teardown(test_verify_full, setup_full, teardown),
        TEST(test_orders),
        TEST(test_damaged_older_is_not_tried_again),
        TEST(test_cell_that_cannot_be_entered),
        TEST(test_cell_that_always_faults),
        TEST(test_resets_are_paced),
        TEST(test_reset_is_free),
        TEST(test_request_is_rolled_back),
        TEST(test_paused_stays_paused),
        TEST(test_guest_without_mirror_gets_an_answer),
        TEST(test_request_survives_healing),
        TEST(test_timers),
        TEST(test_timer_waits_after_a_restore),
        TEST(test_any_snapshot_starts_the_period),
        TEST(test_restores_are_told_in_bounds),
        TEST(test_once),
        cmocka_unit_test(test_journal_is_a_ring),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
