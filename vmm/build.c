/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/build.h"

#include "kernel/boot_info.h"
#include "kernel/errno.h"
#include "kernel/event.h"
#include "kernel/fault.h"
#include "kernel/format.h"
#include "kernel/frame.h"
#include "kernel/log.h"
#include "kernel/string.h"
#include "vmm/guest.h"
#include "vmm/msr.h"

struct build {
    struct vm *vm;
    const struct boot_module *modules;
    char *why;
};

/* RAM lies below the hole at 3 GiB and goes on at 4 GiB. */
static uint64_t top_of(uint64_t memory)
{
    return memory <= LOAD_HOLE ? memory : LOAD_ABOVE_4G + (memory - LOAD_HOLE);
}

/* RAM that is not tracked can be mapped by 2 MiB leaves where its frames lie
 * in a row. False: take them one by one. */
static bool build_ram_block(struct guest *guest, uint64_t gpa)
{
    struct cell *cell = &guest->vm->cell;
    uint64_t frame;

    if (guest->vm->config->snapshot != SNAPSHOT_OFF ||
        gpa % (BLOCK_FRAMES * PAGE_SIZE)) {
        return false;
    }
    frame = frame_alloc_block(OWNER_VM, ROLE_RAM, cell->id,
                              (uint32_t)(gpa >> PAGE_SHIFT));
    for (uint64_t at = 0; frame && at < BLOCK_FRAMES * PAGE_SIZE;
         at += PAGE_SIZE) {
        if (cell_set_frame(cell, CELL_RAM + gpa + at, frame + at)) {
            return false;
        }
        cell->frames++;
    }
    return frame != 0;
}

static int build_ram(struct guest *guest)
{
    struct cell *cell = &guest->vm->cell;

    for (uint64_t gpa = 0; gpa < guest->top; gpa += PAGE_SIZE) {
        uint64_t address = CELL_RAM + gpa;

        if (!guest_has_page(guest, gpa)) {
            continue;
        }
        if (build_ram_block(guest, gpa)) {
            memset((void *)address, 0, BLOCK_FRAMES * PAGE_SIZE);
            gpa += (BLOCK_FRAMES - 1) * PAGE_SIZE;
            continue;
        }
        if (cell_map_new(cell, address, ROLE_RAM,
                         (uint32_t)(gpa >> PAGE_SHIFT))) {
            return -ENOMEM;
        }
        memset((void *)address, 0, PAGE_SIZE);
    }
    return 0;
}

static int build_stage2(struct guest *guest)
{
    static const uint64_t holes[] = {LAPIC_DEFAULT_BASE, IOAPIC_BASE};
    const uint64_t root = guest->vm->cell.root;
    bool tracked = guest->vm->config->snapshot != SNAPSHOT_OFF;
    struct stage2 *s2 = &guest->stage2;
    int error = cpu->stage2_create(s2, guest->vm->id, guest->top, tracked,
                                   guest->dirty_bits);

    for (uint64_t gpa = 0; !error && gpa < guest->top; gpa += PAGE_SIZE) {
        if (guest_has_page(guest, gpa)) {
            error = cpu->stage2_map(s2, gpa, page_lookup(root, CELL_RAM + gpa),
                                    STAGE2_READ | STAGE2_WRITE | STAGE2_EXEC);
        }
    }
    if (!error) {
        guest->ones_frame = frame_alloc(OWNER_VM, ROLE_STATE, guest->vm->id, 0);
        error = guest->ones_frame ? 0 : -ENOMEM;
    }
    if (!error) {
        memset(temp_map(TEMP_COPY, guest->ones_frame), 0xff, PAGE_SIZE);
        temp_unmap(TEMP_COPY);
        error = cpu->stage2_fill(s2, guest->ones_frame, holes, 2);
    }
    return error;
}

static int build_vcpus(struct guest *guest)
{
    for (uint16_t i = 0; i < VCPUS_MAX; i++) {
        struct vcpu *vcpu = &guest->vcpu[i];
        const struct vcpu_setup setup = {
            .vm = guest->vm->id,
            .index = i,
            .stage2 = &guest->stage2,
            .apic_page = &vcpu->lapic,
            .open_msrs = msr_open,
            .open_msr_count = msr_open_count,
        };
        int error;

        vcpu->index = i;
        error = cpu->vcpu_create(&vcpu->arch, &setup);
        if (error) {
            return error;
        }
    }
    return 0;
}

static int map_image(struct cell *cell, const struct boot_module *module,
                     struct image *image)
{
    image->size = module->end - module->start;
    image->data = cell_map_image(cell, module->start, image->size);
    return image->data ? 0 : -ENOMEM;
}

static int build_images(struct guest *guest, const struct boot_module *modules)
{
    const struct vm_config *config = guest->vm->config;
    struct cell *cell = &guest->vm->cell;
    int error = map_image(cell, &modules[config->image], &guest->kernel);

    for (unsigned i = 0; !error && i < config->module_count; i++) {
        error =
            map_image(cell, &modules[config->modules[i]], &guest->modules[i]);
    }
    return error;
}

static int build_in_cell(void *argument)
{
    struct build *build = argument;
    struct vm *vm = build->vm;
    struct guest *guest = cell_alloc(&vm->cell, sizeof(*guest));
    int error;

    if (!guest) {
        return -ENOMEM;
    }
    vm->guest = guest;
    guest->vm = vm;
    guest->memory = vm->config->memory;
    guest->top = top_of(guest->memory);
    guest->dirty_bits = cell_alloc(&vm->cell, guest->top / PAGE_SIZE / 8);
    error = guest->dirty_bits ? build_ram(guest) : -ENOMEM;
    error = error ? error : build_stage2(guest);
    error = error ? error : build_vcpus(guest);
    error = error ? error : build_images(guest, build->modules);
    if (error) {
        return error;
    }
    cpuid_init(guest);
    return guest_load(guest, build->why);
}

static const char *const engines[] = {
    [DIRTY_NONE] = "nobody",
    [DIRTY_LOG] = "pml",
    [DIRTY_BITS] = "bits",
    [DIRTY_WRITE] = "protect",
};

static int tell_in_cell(void *argument)
{
    const struct vm *vm = argument;
    const struct stage2 *s2 = &vm->guest->stage2;
    struct event event;

    log_info("%s: %lu MiB of RAM, %lu 2 MiB leaves, %lu frames in all",
             vm->config->name, vm->guest->memory >> 20, s2->large,
             vm->cell.frames + s2->tables);
    log_info("%s: written pages are found by %s", vm->config->name,
             engines[s2->engine]);
    event_begin(&event, "vm-created");
    event_text(&event, "vm", vm->config->name);
    event_number(&event, "memory", vm->guest->memory);
    event_number(&event, "frames", vm->cell.frames + s2->tables);
    event_number(&event, "large", s2->large);
    event_text(&event, "dirty", engines[s2->engine]);
    event_end(&event);
    return 0;
}

void vm_created(struct vm *vm)
{
    run_in_cell(&vm->cell, tell_in_cell, vm);
}

int guest_build(struct vm *vm, const struct boot_module *modules, char why[96])
{
    struct build build = {vm, modules, why};
    int error = cell_create(&vm->cell, vm->id, vm->config->name);

    if (!error) {
        error = run_in_cell(&vm->cell, build_in_cell, &build);
    }
    if (error && !why[0]) {
        format(why, 96, "cannot be built (error %d); too little memory?",
               -error);
    }
    return error;
}
