/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine for the tests of ft: frames with owners, of which some are
 * poisoned, two VMs (the first one is the rig's guest), turns, safe points,
 * and events as text. Reading poison is a machine check that abandons what
 * was under way, as on the real one.
 */
#ifndef TESTS_UNIT_FT_MACHINE_H
#define TESTS_UNIT_FT_MACHINE_H

#include <setjmp.h>
#include <stdio.h>

#include "ft/ft.h"
#include "ft/ft_vm.h"
#include "ft_rig.h"
#include "kernel/event.h"
#include "kernel/log.h"
#include "kernel/panic.h"

/* Where frames are, by what they are used for at first. */
#define AT_RAM    0x10000000ul
#define AT_MIRROR 0x20000000ul
#define AT_UNDO   0x30000000ul
#define AT_SPARE  0x40000000ul
#define AT_STATE  0x50000000ul
#define AT_IMAGE  0x60000000ul
#define AT_FREE   0x70000000ul
#define AT_CORE   0x80000000ul

#define ALPHA     0
#define BETA      1

struct machine {
    uint64_t ram[RIG_PAGES], mirror[RIG_PAGES], undo[256]; /* frames now */
    uint64_t quarantined[512];
    unsigned quarantined_count;
    uint64_t poison[8]; /* frames */
    unsigned poison_count;
    struct fault posted[128];
    unsigned posted_count, taken_count;
    uint64_t (*hook)(uint64_t now);
    jmp_buf abandon, panicked;
    bool in_turn;
    uint64_t slice;
    bool silent;       /* poison is not told of */
    const char *shock; /* the turn is abandoned when this is called */
    unsigned shock_after, shocks; /* ... so many times; again so often */
    char events[65536];
    struct vm beta;
    struct vm_config beta_config;
    unsigned beta_stops;
    unsigned loads;
    unsigned remapped; /* pages whose frame stayed the same */
};

static struct machine machine;
unsigned vm_count = 2;
struct vm vms[VM_MAX];

/* ---- frames ---- */

static bool is_listed(const uint64_t *list, unsigned count, uint64_t frame)
{
    for (unsigned i = 0; i < count; i++) {
        if (list[i] == frame) {
            return true;
        }
    }
    return false;
}

static bool is_quarantined(uint64_t frame)
{
    return is_listed(machine.quarantined, machine.quarantined_count, frame);
}

static bool find_in(const uint64_t *frames, unsigned count, uint64_t frame,
                    enum frame_role role, struct frame *entry)
{
    for (unsigned i = 0; i < count; i++) {
        if (frames[i] == frame) {
            *entry = (struct frame){OWNER_VM, role, ALPHA, i};
            return true;
        }
    }
    return false;
}

struct frame frame_lookup(uint64_t address)
{
    struct frame entry = {OWNER_FIRMWARE, ROLE_NONE, FAULT_NO_VM, 0};
    uint64_t frame = address & ~0xffful;

    if (is_quarantined(frame)) {
        entry.owner = OWNER_QUARANTINED;
    } else if (!find_in(machine.ram, RIG_PAGES, frame, ROLE_RAM, &entry) &&
               !find_in(machine.mirror, RIG_PAGES, frame, ROLE_MIRROR,
                        &entry) &&
               !find_in(machine.undo, 256, frame, ROLE_UNDO, &entry)) {
        switch (frame & 0xf0000000ul) {
        case AT_SPARE:
            return (struct frame){OWNER_VM, ROLE_SPARE, ALPHA, 0};
        case AT_STATE:
            return (struct frame){OWNER_VM, ROLE_STATE, ALPHA, 0};
        case AT_IMAGE:
            entry.owner = OWNER_MODULE;
            break;
        case AT_FREE:
            entry.owner = OWNER_FREE;
            break;
        case AT_CORE:
            entry.owner = OWNER_CORE;
            break;
        default:
            break;
        }
    }
    return entry;
}

int frame_assign(uint64_t address, struct frame entry)
{
    (void)address;
    assert_int_equal(entry.owner, OWNER_VM);
    return 0;
}

void frame_quarantine(uint64_t address)
{
    assert_int_equal(address & 0xfff, 0);
    machine.quarantined[machine.quarantined_count++] = address;
}

static uint64_t *frame_place(uint64_t address)
{
    if (address >= CELL_UNDO) {
        return &machine.undo[(address - CELL_UNDO) >> 12];
    }
    if (address >= CELL_MIRROR) {
        return &machine.mirror[(address - CELL_MIRROR) >> 12];
    }
    return &machine.ram[(address - CELL_RAM) >> 12];
}

uint64_t cell_lookup(const struct cell *cell, uint64_t address)
{
    (void)cell;
    return *frame_place(address);
}

/* A new frame's content is not what was there before. */
int cell_set_frame(struct cell *cell, uint64_t address, uint64_t frame)
{
    uint64_t offset = address & ((128ul << 30) - 1);
    uint8_t *page = address >= CELL_UNDO     ? rig.s.undo_pages + offset
                    : address >= CELL_MIRROR ? rig.s.mirror + offset
                                             : rig.s.ram + offset;

    (void)cell;
    if (*frame_place(address) == frame) {
        machine.remapped++;
        return 0;
    }
    *frame_place(address) = frame;
    memset(page, 0xdd, PAGE_BYTES);
    return 0;
}

void cell_unmap(struct cell *cell, uint64_t address)
{
    (void)cell;
    *frame_place(address) = UINT64_MAX;
}

int guest_set_frame(struct guest *guest, uint64_t gpa, uint64_t frame)
{
    return cell_set_frame(&guest->vm->cell, CELL_RAM + gpa, frame);
}

/* ---- poison ---- */

static void post(struct fault fault)
{
    fault.tsc = ++rig_clock;
    if (machine.taken_count == machine.posted_count) {
        machine.taken_count = machine.posted_count = 0;
    }
    machine.posted[machine.posted_count++] = fault;
}

static struct fault mce_at(uint64_t address)
{
    return (struct fault){.kind = FAULT_MCE,
                          .severity = SEVERITY_ACTION,
                          .context = CONTEXT_GUEST,
                          .vm = ALPHA,
                          .lsb = 6,
                          .has_address = true,
                          .restartable = true,
                          .address = address};
}

static uint64_t frame_behind(const void *page)
{
    uint64_t offset = (uint64_t)((const uint8_t *)page - rig.s.ram);

    if (offset < RIG_BYTES) {
        return machine.ram[offset >> 12];
    }
    offset = (uint64_t)((const uint8_t *)page - rig.s.mirror);
    if (offset < RIG_BYTES) {
        return machine.mirror[offset >> 12];
    }
    offset = (uint64_t)((const uint8_t *)page - rig.s.undo_pages);
    return offset < rig.s.undo.capacity * PAGE_BYTES
               ? machine.undo[offset >> 12]
               : 0;
}

/* An exception in root mode, in the middle of what the test names. */
static void shock(const char *where)
{
    if (!machine.shock || strcmp(machine.shock, where) != 0) {
        return;
    }
    if (machine.shock_after) {
        machine.shock_after--;
        return;
    }
    if (machine.shocks) {
        machine.shocks--;
    } else {
        machine.shock = NULL;
    }
    post((struct fault){.kind = FAULT_ROOT,
                        .severity = SEVERITY_ACTION,
                        .context = CONTEXT_SERVING,
                        .vm = ALPHA});
    longjmp(machine.abandon, 1);
}

uint32_t real_crc32c_page(const void *page);

uint32_t crc32c_page(const void *page)
{
    uint64_t frame = frame_behind(page);

    if (machine.in_turn) {
        shock("copy");
    }
    if (is_listed(machine.poison, machine.poison_count, frame)) {
        struct fault fault = mce_at(frame + 64);

        fault.context = CONTEXT_SERVING;
        assert_true(machine.in_turn);
        if (!machine.silent) {
            post(fault);
        }
        longjmp(machine.abandon, 1);
    }
    return real_crc32c_page(page);
}

/* ---- events ---- */

static void say(const char *text)
{
    strncat(machine.events, text,
            sizeof(machine.events) - strlen(machine.events) - 1);
}

static void (*owed)(void);

void event_owe(void (*tell)(void))
{
    owed = tell;
}

void event_begin(struct event *event, const char *name)
{
    void (*tell)(void) = owed;

    (void)event;
    owed = NULL;
    if (tell) {
        tell();
    }
    say(name);
}

void event_text(struct event *event, const char *key, const char *value)
{
    (void)event;
    say(" ");
    say(key);
    say("=");
    say(value);
}

void event_number(struct event *event, const char *key, uint64_t value)
{
    char digits[24];

    snprintf(digits, sizeof(digits), "%lu", value);
    event_text(event, key, digits);
}

void event_boolean(struct event *event, const char *key, bool value)
{
    event_text(event, key, value ? "true" : "false");
}

void event_end(struct event *event)
{
    (void)event;
    say("\n");
}

bool event_end_of(struct event *event, uint16_t vm)
{
    (void)vm;
    event_end(event);
    return true;
}

void log_line(enum log_level level, const char *format, ...)
{
    (void)level;
    (void)format;
}

void panic_at(const struct exception_frame *frame, const char *format, ...)
{
    (void)frame;
    (void)format;
    longjmp(machine.panicked, 1);
}

/* ---- VMs and turns ---- */

struct vm *vm_find(const char *name)
{
    (void)name;
    return NULL;
}

bool vm_has_ended(const struct vm *vm)
{
    return vm->state >= VM_OFF;
}

void vm_stop(struct vm *vm)
{
    machine.beta_stops += vm == &machine.beta;
    if (!vm_has_ended(vm) && vm->state != VM_STOPPED) {
        vm->pause_wanted = vm->state == VM_PAUSED;
        vm->state = VM_STOPPED;
    }
}

void vm_go_on(struct vm *vm)
{
    if (vm->state == VM_STOPPED) {
        vm->state = vm->pause_wanted ? VM_PAUSED : VM_RUNNING;
    }
}

void vm_end(struct vm *vm, enum vm_state state, const char *why)
{
    vm->state = state;
    vm->ended = why;
    say("vm-end how=");
    say(why);
    say("\n");
}

int run_at_safe_point(uint64_t (*hook)(uint64_t now))
{
    machine.hook = hook;
    return 0;
}

void run_wake(struct runnable *runnable)
{
    runnable->wake = 0;
}

void run_stop(struct runnable *runnable)
{
    runnable->stopped = true;
}

void run_start(struct runnable *runnable)
{
    runnable->stopped = false;
}

struct cell *cell_current(void)
{
    return &rig.vm.cell;
}

void cell_switch(struct cell *cell, struct arch_vcpu *vcpu)
{
    (void)cell;
    (void)vcpu;
}

bool fault_take(struct fault *fault)
{
    if (machine.taken_count == machine.posted_count) {
        return false;
    }
    *fault = machine.posted[machine.taken_count++];
    return true;
}

const char *fault_kind_name(enum fault_kind kind)
{
    static const char *const names[FAULT_KINDS] = {
        "none", "mce",   "ept",  "misconfig", "triple", "entry",
        "exit", "panic", "root", "copy",      "restore"};

    return names[kind];
}

const char *fault_severity_name(enum fault_severity severity)
{
    (void)severity;
    return "";
}

const char *fault_cause_name(enum fault_cause cause)
{
    return cause == CAUSE_EXCEPTION ? "exception" : "?";
}

const char *fault_context_name(enum fault_context context)
{
    (void)context;
    return "";
}

int guest_load(struct guest *guest, char why[96])
{
    (void)why;
    shock("load");
    machine.loads++;
    mirror_ram(&rig.s, 7)[0] = 7;
    page_set_add(guest->dirty_bits, 7);
    rig.number = 1;
    return 0;
}

/* ft's registrations, which need a monitor. */
void ft_commands_register(void)
{
}

void ft_bench_register(void)
{
}

void ft_hash_register(void)
{
}

void ft_health_register(void)
{
}

void ft_inject_register(void)
{
}

static void safe_point(void)
{
    rig_clock++;
    (void)machine.hook(rig_clock);
}

static void turn(void)
{
    struct runnable *turns = &ft_vms[ALPHA].turns;

    if (turns->stopped) {
        return;
    }
    assert_int_equal(rig.vm.state, VM_STOPPED);
    machine.in_turn = true;
    if (!setjmp(machine.abandon)) {
        turns->run(turns, rig_clock + machine.slice);
    }
    machine.in_turn = false;
}

/* Safe points and turns until ft has no work; it may owe a report. */
static void settle_work(void)
{
    for (unsigned i = 0; i < 10000; i++) {
        safe_point();
        if (ft_vms[ALPHA].job == JOB_NONE) {
            return;
        }
        turn();
    }
    fail_msg("ft does not come to an end");
}

static void settle(void)
{
    settle_work();
    report_owed();
}

/* The guest runs for so long; a millisecond is progress. */
static void run_guest(uint64_t ms)
{
    rig.vm.vcpu[0].ticks += ms * time_per_ms();
    rig_clock += ms * time_per_ms();
}

static void add_vm(unsigned id, struct vm *vm)
{
    struct ft_vm *ft = &ft_vms[id];

    memset(ft, 0, sizeof(*ft));
    vm->id = (uint16_t)id;
    vm->cell.id = vm->id;
    ft->vm = vm;
    ft->last_generation = GENERATION_NONE;
    assert_int_equal(budget_init(&ft->budget, vm->config->budget,
                                 vm->config->budget_ms, 1000),
                     0);
    ft_turns_init(ft);
}

static void machine_open(bool hashes)
{
    struct ft_vm *ft = &ft_vms[ALPHA];

    memset(&machine, 0, sizeof(machine));
    rig_open(hashes);
    for (unsigned i = 0; i < RIG_PAGES; i++) {
        machine.ram[i] = AT_RAM + i * PAGE_BYTES;
        machine.mirror[i] = AT_MIRROR + i * PAGE_BYTES;
    }
    for (unsigned i = 0; i < 256; i++) {
        machine.undo[i] = AT_UNDO + i * PAGE_BYTES;
    }
    config_defaults(&rig.config);
    config_defaults(&machine.beta_config);
    snprintf(rig.config.name, sizeof(rig.config.name), "alpha");
    snprintf(machine.beta_config.name, sizeof(rig.config.name), "beta");
    machine.beta.config = &machine.beta_config;
    add_vm(ALPHA, &rig.vm);
    add_vm(BETA, &machine.beta);
    ft->snapshot = &rig.s;
    ft->scratch = &rig.s.scratch->vcpu[0].x86;
    ft->ram = rig.s.ram;
    for (unsigned i = 0; i < SPARES; i++) {
        ft->spares[ft->spare_count++] = AT_SPARE + i * PAGE_BYTES;
    }
    ft->images[ft->image_count++] =
        (struct memory_range){AT_IMAGE, AT_IMAGE + 10000};
    ft_init();
    machine.slice = 40;
    rig_tick = 1;
}

#endif
