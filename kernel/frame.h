/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frame table: each 4 KiB page of host memory has exactly one owner.
 * Frames are handed out while the machine is put together; afterwards the
 * only traffic is from a VM's own spares to its memory, and to quarantine.
 */
#ifndef KERNEL_FRAME_H
#define KERNEL_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/frame_owner.h"

#define PAGE_SIZE  4096ul
#define PAGE_SHIFT 12

struct frame {
    uint8_t owner; /* enum frame_owner */
    uint8_t role;  /* enum frame_role, for OWNER_VM */
    uint16_t vm;   /* index of the VM, for OWNER_VM; else FAULT_NO_VM */
    uint32_t page; /* role RAM or MIRROR: guest frame number */
};

/* A range of usable memory, as the boot loader reported it. */
struct memory_range {
    uint64_t start, end; /* bytes, host-physical; end is exclusive */
};

/* Takes one frame, its content undefined; 0 when memory is used up.
 * Only before frame_seal(). */
uint64_t frame_alloc(enum frame_owner owner, enum frame_role role, uint16_t vm,
                     uint32_t page);

/* Takes 512 frames in a row from a 2 MiB boundary on, for pages page to page +
 * 511; 0 when there is no such row. Otherwise as frame_alloc(). */
#define BLOCK_FRAMES 512
uint64_t frame_alloc_block(enum frame_owner owner, enum frame_role role,
                           uint16_t vm, uint32_t page);

/* The table's entry of a host-physical address; owner firmware when the
 * address is no memory that Bulkhead manages. */
struct frame frame_lookup(uint64_t address);

/* Changes the entry of a frame. -EFAULT when the address is not managed. */
int frame_assign(uint64_t address, struct frame entry);

/* Takes the frame out of use for ever. */
void frame_quarantine(uint64_t address);

/* A VM could not be built: its frames belong to nobody any more, and are not
 * handed out again. */
void frame_disown(uint16_t vm);

/* Frames by owner, for reports. */
uint64_t frame_count(enum frame_owner owner);

/* After this, frame_alloc() gives nothing: start-up is over. */
void frame_seal(void);

#endif
