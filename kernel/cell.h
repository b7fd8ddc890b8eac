/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A cell: everything that belongs to one VM, and the host address space in
 * which it alone is mapped. What lies in the cell window is reachable only
 * while the cell is loaded; this struct is the core's handle on it.
 */
#ifndef KERNEL_CELL_H
#define KERNEL_CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/x86_64/paging.h"
#include "kernel/config.h"
#include "kernel/frame_owner.h"

struct arch_vcpu;

/* The cell window's parts; the same addresses in every cell. */
#define CELL_RAM    WINDOW_BASE                   /* guest memory, by GPA */
#define CELL_MIRROR (WINDOW_BASE + (128ul << 30)) /* its mirror, by GPA */
#define CELL_UNDO   (WINDOW_BASE + (256ul << 30)) /* the undo log's pages */
#define CELL_HEAP   (WINDOW_BASE + (320ul << 30)) /* structures */
#define CELL_IMAGES                                          \
    (WINDOW_BASE + (384ul << 30)) /* boot modules, read-only \
                                   */

struct cell {
    uint16_t id; /* index of its VM */
    char name[VM_NAME_SIZE];
    uint64_t root;      /* physical address of the PML4 */
    uint64_t heap_next; /* next free address of CELL_HEAP */
    uint64_t image_next;
    uint64_t frames; /* frames that belong to it */
    bool dirty_lost; /* what the hardware knew of written pages is gone */
};

/* 0; -ENOMEM. During start-up only, as the next three. */
int cell_create(struct cell *cell, uint16_t id, const char *name);

/* Takes a frame for the cell and maps it; role and page go into the frame
 * table. 0; -ENOMEM. */
int cell_map_new(struct cell *cell, uint64_t address, enum frame_role role,
                 uint32_t page);

/* Zeroed structures in the cell's heap, page-aligned; NULL. The cell must be
 * loaded. */
void *cell_alloc(struct cell *cell, size_t size);

/* Maps a boot module read-only; NULL. */
const void *cell_map_image(struct cell *cell, uint64_t physical, size_t size);

/* The host frame behind an address of the cell; UINT64_MAX if none. */
uint64_t cell_lookup(const struct cell *cell, uint64_t address);

/* Puts another frame behind an address that was mapped before. 0; -ENOMEM.
 * The caller owns the content and the frame table. */
int cell_set_frame(struct cell *cell, uint64_t address, uint64_t frame);

/* Nothing is behind this address any more. */
void cell_unmap(struct cell *cell, uint64_t address);

/* How many pages of a VM are mapped where this cell is. From the core, with
 * no temporary mapping in use. */
uint64_t cell_reaches(const struct cell *cell, uint16_t vm);

/* Loads a cell and, with it, one of its vCPUs: CR3 and the current VMCS
 * change here and nowhere else. cell NULL: the core alone. */
void cell_switch(struct cell *cell, struct arch_vcpu *vcpu);

/* Puts the loaded vCPU away, as a service of its own VM: what goes wrong (its
 * memory may have gone bad) is neither the core's fault nor that of the VM
 * that is served next. From the core, with no VM served. */
void cell_put(void);

/* The loaded vCPU's state is not to be trusted (its service was abandoned):
 * put it away as that does, and load the core alone. No VM is served then. */
void cell_forget(void);

/* The cell loaded on this CPU, or NULL. */
struct cell *cell_current(void);

/* Calls function(argument) with cell loaded, whatever was loaded before; its
 * result. From the core, what goes wrong in there is the VM's fault and not
 * the core's: it is posted, and the result is -EIO. */
int run_in_cell(struct cell *cell, int (*function)(void *), void *argument);

#endif
