/* SPDX-License-Identifier: BSD-2-Clause */
/* What the readers of Multiboot1 and Multiboot2 information share. */
#ifndef KERNEL_BOOT_PARTS_H
#define KERNEL_BOOT_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/boot_info.h"

#define MEMORY_AVAILABLE 1 /* a type of memory, in both maps */

/* As far as there are size bytes, and as far as they fit into room. */
void boot_copy_text(char *to, size_t room, const char *from, size_t size);
void boot_copy_line(char *to, const char *from, size_t size);

/* Adds a module, or counts that it is ignored. */
void boot_add_module(struct boot_info *info, uint64_t start, uint64_t end,
                     const char *line, size_t line_size);

/* Adds usable memory; other types, and what is empty, are left out. */
void boot_add_range(struct boot_info *info, uint64_t start, uint64_t size,
                    uint32_t type);

/* The same in both protocols (Multiboot 3.3, Multiboot2 3.6.12). */
struct multiboot_framebuffer {
    uint64_t address;
    uint32_t pitch, width, height;
    uint8_t bits, type;
} __attribute__((packed));

struct multiboot_colors {
    struct boot_color red, green, blue;
};

/* colors: NULL when they are not told. */
void boot_read_framebuffer(const struct multiboot_framebuffer *fb,
                           const struct multiboot_colors *colors,
                           struct boot_info *info);

/* The information at a physical address, mapped as it is. */
void multiboot1_read(uint64_t address, struct boot_info *info);
void multiboot2_read(uint64_t address, struct boot_info *info);

#endif
