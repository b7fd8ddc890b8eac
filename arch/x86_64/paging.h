/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host page tables. There is no map of all physical memory: the image
 * (W^X), core data, device registers and the temporary mappings are shared
 * by all; one slot, the cell window, belongs to the current VM.
 */
#ifndef ARCH_PAGING_H
#define ARCH_PAGING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* PML4 slots, fixed at boot. */
#define WINDOW_BASE 0xffff800000000000ul /* slot 256: the cell window */
#define WINDOW_END  0xffff808000000000ul
#define TEMP_BASE   0xfffffe0000000000ul /* slot 508: temporary mappings */
#define DEVICE_BASE 0xfffffe8000000000ul /* slot 509: device registers */
#define CORE_BASE   0xffffff0000000000ul /* slot 510: core data, stacks */
#define IMAGE_BASE  0xffffffff80000000ul /* slot 511: the image */

enum page_prot {
    PROT_READ = 0, /* read only, no execution */
    PROT_WRITE = 1,
    PROT_EXEC = 2,
    PROT_DEVICE = 4,   /* uncached */
    PROT_COMBINED = 8, /* uncached, writes are combined: a screen's memory */
};

/* Maps one 4 KiB page at address in the tables of root. Table frames that
 * are missing are taken with owner core, or of vm when that is not
 * FAULT_NO_VM. 0; -ENOMEM when there are no frames. Replaces a mapping. */
int page_map(uint64_t root, uint64_t address, uint64_t frame,
             unsigned protection, uint16_t vm);

/* Removes a mapping; the caller invalidates. -EFAULT when there is none. */
int page_unmap(uint64_t root, uint64_t address);

/* The host-physical address behind a virtual one; UINT64_MAX if none. */
uint64_t page_lookup(uint64_t root, uint64_t address);

/* Maps size bytes of core data with guard pages around them, for good. NULL
 * when memory is used up. Only during start-up. */
void *core_alloc(size_t size);

/* Maps device registers uncached, for good; NULL when that fails. */
void *device_map(uint64_t physical, size_t size);

/* The same for a screen's memory: writes may wait, in any order, for a
 * cpu_write_fence(). */
void *screen_map(uint64_t physical, size_t size);

/* Sets this CPU's page attribute table, which page_prot's types rely on. */
void paging_set_types(void);

/* Maps plain memory (firmware tables, modules) read-only, for good; NULL when
 * that fails, or for addresses that the processor does not have. */
const void *core_map_readonly(uint64_t physical, size_t size);

/* Temporary mappings of this CPU, writable: the one way to edit a table
 * (host, EPT, bitmap) or any frame that has no other mapping. slot is 0 to
 * TEMP_SLOTS - 1; a new mapping of a slot replaces the former one. */
#define TEMP_SLOTS 4
enum temp_slot { TEMP_TABLE, TEMP_STAGE2, TEMP_COPY, TEMP_OTHER };
void *temp_map(enum temp_slot slot, uint64_t physical);
void temp_unmap(enum temp_slot slot);

/* A new PML4 that shares all slots but the window; 0 when out of frames. */
uint64_t root_create(uint16_t vm);

/* How many mappings of a PML4's tables lead to frames that count, temporary
 * mappings aside, since this takes all of them. */
uint64_t root_count(uint64_t root, bool (*counts)(uint64_t frame, uint16_t vm),
                    uint16_t vm);

/* Loads another PML4 on this CPU. */
void root_load(uint64_t root);

#endif
