/* SPDX-License-Identifier: BSD-2-Clause */
/* The pieces of a Multiboot kernel: for the Multiboot loaders only. */
#ifndef VMM_LOAD_SEGMENTS_H
#define VMM_LOAD_SEGMENTS_H

#include <stdint.h>

#include "vmm/load_parts.h"

#define LOAD_SEGMENTS_MAX 32

struct load_segment {
    uint64_t offset; /* in the image */
    uint64_t file_size;
    uint64_t address; /* guest-physical */
    uint64_t memory_size;
};

struct load_segments {
    struct load_segment list[LOAD_SEGMENTS_MAX];
    unsigned count;
    uint64_t entry; /* guest-physical */
};

/* Checks a segment and adds it: file part inside the image and not larger than
 * the memory part, memory part all RAM and clear of earlier segments. One
 * without memory is passed over. Returns 0, or -EINVAL with an error text that
 * names the fields as a program header does. */
int load_add_segment(const struct load *load, struct load_segments *segments,
                     const struct load_segment *segment);

/* Reads the program headers of an ELF32 executable. Returns 0, -EINVAL or
 * -EOPNOTSUPP. */
int elf32_segments(const struct load *load, struct load_segments *segments);

#endif
