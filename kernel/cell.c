/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/cell.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/cpu_backend.h"
#include "arch/x86_64/percpu.h"
#include "kernel/errno.h"
#include "kernel/fault.h"
#include "kernel/format.h"
#include "kernel/frame.h"
#include "kernel/string.h"
#include "kernel/watchdog.h"

struct loaded {
    struct cell *cell;
    struct arch_vcpu *vcpu;
};

static struct loaded loaded[CPU_MAX];

int cell_create(struct cell *cell, uint16_t id, const char *name)
{
    memset(cell, 0, sizeof(*cell));
    cell->id = id;
    format(cell->name, sizeof(cell->name), "%s", name);
    cell->heap_next = CELL_HEAP;
    cell->image_next = CELL_IMAGES;
    cell->root = root_create(id);
    return cell->root ? 0 : -ENOMEM;
}

int cell_map_new(struct cell *cell, uint64_t address, enum frame_role role,
                 uint32_t page)
{
    uint64_t frame = frame_alloc(OWNER_VM, role, cell->id, page);

    if (!frame) {
        return -ENOMEM;
    }
    cell->frames++;
    return page_map(cell->root, address, frame, PROT_WRITE, cell->id);
}

void *cell_alloc(struct cell *cell, size_t size)
{
    uint64_t start = cell->heap_next;

    for (uint64_t at = 0; at < size; at += PAGE_SIZE) {
        if (cell_map_new(cell, start + at, ROLE_STATE, 0)) {
            return NULL;
        }
        memset((void *)(start + at), 0, PAGE_SIZE);
    }
    /* One page stays unmapped behind each structure. */
    cell->heap_next = start + ((size + 2 * PAGE_SIZE - 1) & ~(PAGE_SIZE - 1));
    return (void *)start;
}

const void *cell_map_image(struct cell *cell, uint64_t physical, size_t size)
{
    uint64_t start = cell->image_next, offset = physical & (PAGE_SIZE - 1);

    for (uint64_t at = 0; at < offset + size; at += PAGE_SIZE) {
        if (page_map(cell->root, start + at, physical - offset + at, PROT_READ,
                     cell->id)) {
            return NULL;
        }
        cell->image_next = start + at + 2 * PAGE_SIZE;
    }
    return (const void *)(start + offset);
}

uint64_t cell_lookup(const struct cell *cell, uint64_t address)
{
    return page_lookup(cell->root, address);
}

int cell_set_frame(struct cell *cell, uint64_t address, uint64_t frame)
{
    return page_map(cell->root, address, frame, PROT_WRITE, cell->id);
}

void cell_unmap(struct cell *cell, uint64_t address)
{
    page_unmap(cell->root, address);
}

static bool belongs_to(uint64_t frame, uint16_t vm)
{
    const struct frame entry = frame_lookup(frame);

    return entry.owner == OWNER_VM && entry.vm == vm;
}

uint64_t cell_reaches(const struct cell *cell, uint16_t vm)
{
    return root_count(cell->root, belongs_to, vm);
}

static struct loaded *mine(void)
{
    return &loaded[this_cpu()->index];
}

struct cell *cell_current(void)
{
    return mine()->cell;
}

void cell_switch(struct cell *cell, struct arch_vcpu *vcpu)
{
    struct loaded *now = mine();

    if (now->cell == cell && now->vcpu == vcpu) {
        return;
    }
    if (now->vcpu) {
        cpu->vcpu_put(now->vcpu);
        now->vcpu = NULL;
    }
    if (now->cell != cell) {
        root_load(cell ? cell->root : this_cpu()->core_root);
        now->cell = cell;
    }
    if (vcpu) {
        cpu->vcpu_load(vcpu);
        now->vcpu = vcpu;
    }
}

static void put_vcpu(void *vcpu)
{
    cpu->vcpu_put(vcpu);
}

void cell_put(void)
{
    struct loaded *now = mine();
    struct percpu *self = this_cpu();

    if (!now->vcpu) {
        return;
    }
    self->served_vm = now->cell->id;
    self->served_vcpu = 0; /* its own number lies in the cell */
    if (watchdog_catch(put_vcpu, now->vcpu, rdtsc(), now->cell)) {
        now->cell->dirty_lost = true;
    }
    self->served_vm = FAULT_NO_VM;
    now->vcpu = NULL;
}

void cell_forget(void)
{
    cell_put();
    mine()->cell = NULL;
    root_load(this_cpu()->core_root);
}

struct call {
    struct cell *cell;
    int (*function)(void *);
    void *argument;
    int result;
};

static void call_in_cell(void *argument)
{
    struct call *call = argument;
    struct loaded before = *mine();

    cell_switch(call->cell, before.cell == call->cell ? before.vcpu : NULL);
    call->result = call->function(call->argument);
    cell_switch(before.cell, before.vcpu);
}

int run_in_cell(struct cell *cell, int (*function)(void *), void *argument)
{
    struct call call = {cell, function, argument, -EIO};
    struct percpu *self = this_cpu();

    if (self->served_vm != FAULT_NO_VM) {
        call_in_cell(&call);
        return call.result;
    }
    if (cell_current() != cell) {
        cell_put();
    }
    self->served_vm = cell->id;
    self->served_vcpu = 0;
    if (watchdog_catch(call_in_cell, &call, rdtsc(), cell)) {
        cell_forget();
        call.result = -EIO;
    }
    self->served_vm = FAULT_NO_VM;
    return call.result;
}
