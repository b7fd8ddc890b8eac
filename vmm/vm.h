/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM in two parts. struct vm is what the core knows of it: name, state,
 * turns. struct guest is the guest machine itself; it lies in the VM's cell,
 * at the same address in every cell, and can be touched only while that cell
 * is loaded.
 */
#ifndef VMM_VM_H
#define VMM_VM_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/cell.h"
#include "kernel/config.h"
#include "kernel/run.h"

#define VCPUS_MAX 1 /* vcpus=1 is all that this version takes */

enum vm_state {
    VM_RUNNING,
    VM_PAUSED,    /* by the operator */
    VM_STOPPED,   /* by ft, while it works on the VM */
    VM_OFF,       /* the guest powered itself off */
    VM_HALTED,    /* stopped for good by the health table or the operator */
    VM_PRESERVED, /* the same, with its memory kept as evidence */
};

struct guest;

struct vm {
    uint16_t id;
    const struct vm_config *config;
    struct cell cell;
    struct guest *guest;
    struct runnable vcpu[VCPUS_MAX];

    enum vm_state state;
    bool pause_wanted; /* by the operator, while ft works on the VM */
    const char *ended; /* why, once it has: "poweroff", "halted", "budget" */

    /* Requests of the guest to ft, which looks at every safe point. */
    bool snapshot_wanted; /* through the guest interface */
    bool reset_wanted;    /* the guest asked for a reset */

    /* Told to the guest through its interface; not rolled back. */
    uint32_t restores;
    uint64_t rolled_back_ms; /* by the last restore */

    uint64_t heartbeat; /* last number told */
    uint64_t exits;     /* for statistics */
};

extern struct vm vms[VM_MAX];
extern unsigned vm_count;

/* NULL when there is none of that name. */
struct vm *vm_find(const char *name);

/* Builds a VM: cell, memory, EPT, devices, vCPU; its images are loaded by
 * guest_load(). images: the boot modules, by index. 0, or a negative errno
 * with why[] filled. During start-up only; leaves the core alone loaded. */
struct boot_module;
int vm_create(struct vm *vm, uint16_t id, const struct vm_config *config,
              const struct boot_module *modules, char why[96]);

/* Tells what it was built from: event vm-created, and a line of the log. */
void vm_created(struct vm *vm);

/* State changes; all from safe points. */
void vm_stop(struct vm *vm);  /* RUNNING or PAUSED to STOPPED: for ft */
void vm_go_on(struct vm *vm); /* STOPPED to RUNNING, or PAUSED if wanted */
int vm_pause(struct vm *vm);  /* by the operator; -EBUSY when it has ended */
int vm_resume(struct vm *vm); /* by the operator; -EBUSY when not paused */
/* The VM has ended in this state: emits vm-end, and end when it was the
 * last. why is kept: a string constant. */
void vm_end(struct vm *vm, enum vm_state state, const char *why);
bool vm_has_ended(const struct vm *vm);
const char *vm_state_name(enum vm_state state);

#endif
