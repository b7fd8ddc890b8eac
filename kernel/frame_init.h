/* SPDX-License-Identifier: BSD-2-Clause */
/* Filling the frame table at start-up, before anything allocates. */
#ifndef KERNEL_FRAME_INIT_H
#define KERNEL_FRAME_INIT_H

#include <stdint.h>

#include "kernel/frame_owner.h"

struct reserved_range {
    uint64_t start, end;
    enum frame_owner owner;
};

/* Usable memory, as the boot loader reported it; bytes, end exclusive. */
void frame_add_memory(uint64_t start, uint64_t end);

/* A part of it that is taken: the image, modules, boot information. */
void frame_reserve(uint64_t start, uint64_t end, enum frame_owner owner);

/* Builds the table once all ranges are known. 0; -ENOMEM. */
int frame_table_init(void);

#endif
