/* SPDX-License-Identifier: BSD-2-Clause */
/* What the core knows of VMs: their states, and building them. */
#include "vmm/vm.h"

#include "arch/x86_64/timer.h"
#include "kernel/console.h"
#include "kernel/errno.h"
#include "kernel/event.h"
#include "kernel/format.h"
#include "kernel/frame.h"
#include "kernel/log.h"
#include "kernel/string.h"
#include "vmm/build.h"
#include "vmm/vcpu.h"
#include "vmm/vmm.h"

/* Frames beside RAM and mirror: tables, state, images' tables. */
#define FRAMES_BESIDE 512

struct vm vms[VM_MAX];
unsigned vm_count;

struct vm *vm_find(const char *name)
{
    for (unsigned i = 0; i < vm_count; i++) {
        if (!strcmp(vms[i].config->name, name)) {
            return &vms[i];
        }
    }
    return NULL;
}

const char *vm_state_name(enum vm_state state)
{
    static const char *const names[] = {"running", "paused", "stopped",
                                        "off",     "halted", "preserved"};

    return state <= VM_PRESERVED ? names[state] : "?";
}

bool vm_has_ended(const struct vm *vm)
{
    return vm->state >= VM_OFF;
}

/* RAM, its mirror and undo log (a sixteenth), and their tables (1/512 each,
 * three times): told before anything is taken, since nothing comes back. */
static int check_memory(const struct vm_config *config, char why[96])
{
    uint64_t ram = config->memory >> PAGE_SHIFT;
    uint64_t mirror = config->snapshot == SNAPSHOT_OFF ? 0 : ram + ram / 16;
    uint64_t need = ram + mirror + (ram + mirror) / 128 + FRAMES_BESIDE;

    if (need <= frame_count(OWNER_FREE)) {
        return 0;
    }
    format(why, 96, "needs %lu MiB of memory in all, %lu MiB are free",
           (need >> 8) + 1, frame_count(OWNER_FREE) >> 8);
    return -ENOMEM;
}

int vm_create(struct vm *vm, uint16_t id, const struct vm_config *config,
              const struct boot_module *modules, char why[96])
{
    int error = check_memory(config, why);

    if (error) {
        return error;
    }
    memset(vm, 0, sizeof(*vm));
    vm->id = id;
    vm->config = config;
    vm->state = VM_STOPPED;
    vm->pause_wanted = config->start_paused;
    for (uint16_t i = 0; i < VCPUS_MAX; i++) {
        vm->vcpu[i] = (struct runnable){.name = config->name,
                                        .cell = &vm->cell,
                                        .vcpu = i,
                                        .run = vcpu_turn,
                                        .stays = true,
                                        .stopped = true};
    }
    error = guest_build(vm, modules, why);
    for (unsigned i = 0; i < VCPUS_MAX && !error; i++) {
        error = run_add(&vm->vcpu[i], 0);
    }
    if (!error) {
        console_add_guest(id, config->name, &vm->vcpu[0]);
    }
    return error;
}

static void stop_vcpus(struct vm *vm)
{
    for (unsigned i = 0; i < VCPUS_MAX; i++) {
        run_stop(&vm->vcpu[i]);
    }
}

static void start_vcpus(struct vm *vm)
{
    for (unsigned i = 0; i < VCPUS_MAX; i++) {
        run_wake(&vm->vcpu[i]);
        run_start(&vm->vcpu[i]);
    }
}

void vm_stop(struct vm *vm)
{
    if (vm_has_ended(vm) || vm->state == VM_STOPPED) {
        return;
    }
    stop_vcpus(vm);
    vm->pause_wanted = vm->state == VM_PAUSED;
    vm->state = VM_STOPPED;
}

void vm_go_on(struct vm *vm)
{
    if (vm->state != VM_STOPPED) {
        return;
    }
    if (vm->pause_wanted) {
        vm->state = VM_PAUSED;
        return;
    }
    vm->state = VM_RUNNING;
    start_vcpus(vm);
}

int vm_pause(struct vm *vm)
{
    if (vm_has_ended(vm)) {
        return -EBUSY;
    }
    vm->pause_wanted = true;
    if (vm->state == VM_RUNNING) {
        stop_vcpus(vm);
        vm->state = VM_PAUSED;
    }
    return 0;
}

int vm_resume(struct vm *vm)
{
    if (vm_has_ended(vm) || !vm->pause_wanted) {
        return -EBUSY;
    }
    vm->pause_wanted = false;
    if (vm->state == VM_PAUSED) {
        vm->state = VM_STOPPED;
        vm_go_on(vm);
    }
    return 0;
}

void vm_end(struct vm *vm, enum vm_state state, const char *why)
{
    struct event event;

    if (vm_has_ended(vm)) {
        return;
    }
    stop_vcpus(vm);
    vm->state = state;
    vm->ended = why;
    /* First the event: what others owe is told before both. */
    event_begin(&event, "vm-end");
    event_text(&event, "vm", vm->config->name);
    event_text(&event, "how", why);
    event_end(&event);
    log_info("%s: has ended: %s", vm->config->name, why);
}
