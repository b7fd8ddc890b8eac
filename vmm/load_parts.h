/* SPDX-License-Identifier: BSD-2-Clause */
/* What the loaders of vmm/load.h share; for them only. */
#ifndef VMM_LOAD_PARTS_H
#define VMM_LOAD_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/load.h"

/* Everything load_guest() was given. */
struct load {
    const struct image *kernel;
    const struct image *modules;
    const char *const *module_strings;
    unsigned module_count;
    const char *cmdline;
    const uint8_t *seed;
    const struct guest_writer *w;
    uint64_t low_end; /* RAM below 4 GiB ends here */
    struct load_result *out;
};

/* Puts the text into out->error and returns error. */
int load_fail(const struct load *load, int error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Writes guest memory; after an error, says where. */
int load_write(const struct load *load, uint64_t gpa, const void *data,
               uint64_t size);

/* Copies a part of an image; false when it is not all inside the image. */
bool load_read(const struct image *image, uint64_t offset, void *to,
               uint64_t size);

/* All of it is RAM below 4 GiB, where images may go. */
bool load_is_ram(const struct load *load, uint64_t gpa, uint64_t size);

/* The memory map, in the form of e820: type 1 is RAM, 2 is reserved. */
struct load_range {
    uint64_t base;
    uint64_t size;
    uint32_t type;
} __attribute__((packed));

#define LOAD_RANGES_MAX 4

unsigned load_memory_map(const struct load *load,
                         struct load_range map[LOAD_RANGES_MAX]);

/* Writes GDT and page tables and notes them in the result. */
int long_mode_load(const struct load *load);

/* Image formats. matches() needs no more than the image to be sure; load() may
 * then still refuse it. */
bool bzimage_matches(const struct image *kernel);
int bzimage_load(const struct load *load);
bool multiboot_matches(const struct image *kernel);
int multiboot_load(const struct load *load);

#endif
