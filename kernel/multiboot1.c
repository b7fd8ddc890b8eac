/* SPDX-License-Identifier: BSD-2-Clause */
/* Multiboot1 information. Its addresses are the loader's and are believed;
 * its lengths are bounded. */
#include "kernel/boot_parts.h"

#define ENTRIES_MAX 4096u /* of the memory map: no loader has as many */

/* Multiboot 0.6.96, 3.3. */
struct multiboot1 {
    uint32_t flags, mem_lower, mem_upper, boot_device, cmdline;
    uint32_t mods_count, mods_addr, syms[4], mmap_length, mmap_addr;
    uint32_t drives_length, drives_addr, config_table, loader_name, apm_table;
    uint32_t vbe[4];
    struct multiboot_framebuffer framebuffer;
    struct multiboot_colors colors;
} __attribute__((packed));

_Static_assert(offsetof(struct multiboot1, framebuffer) == 88,
               "the place that Multiboot 3.3 gives it");

struct multiboot1_module {
    uint32_t start, end, string, reserved;
} __attribute__((packed));

struct multiboot1_range {
    uint32_t entry_size; /* without this field */
    uint64_t start, size;
    uint32_t type;
} __attribute__((packed));

static void read_modules1(const struct multiboot1 *mb, struct boot_info *info)
{
    const struct multiboot1_module *modules =
        (const void *)(uint64_t)mb->mods_addr;
    uint32_t count = mb->mods_count;

    for (uint32_t i = 0; i < count && i < BOOT_MODULES_MAX; i++) {
        const char *line = (const char *)(uint64_t)modules[i].string;

        boot_add_module(info, modules[i].start, modules[i].end,
                        line ? line : "", line ? BOOT_LINE_SIZE : 1);
    }
    info->modules_ignored = count - info->module_count;
}

static void read_memory_map1(const struct multiboot1 *mb,
                             struct boot_info *info)
{
    uint64_t at = mb->mmap_addr, end = at + mb->mmap_length;

    for (unsigned i = 0; i < ENTRIES_MAX; i++) {
        const struct multiboot1_range *range = (const void *)at;

        if (at + sizeof(*range) > end ||
            range->entry_size < sizeof(*range) - 4 ||
            range->entry_size > end - at) {
            break;
        }
        boot_add_range(info, range->start, range->size, range->type);
        at += range->entry_size + 4ull;
    }
}

void multiboot1_read(uint64_t address, struct boot_info *info)
{
    const struct multiboot1 *mb = (const void *)address;

    info->protocol = "Multiboot1";
    info->info_start = address;
    info->info_end = address + sizeof(*mb);
    if (mb->flags & 1u << 2) {
        boot_copy_line(info->line, (const char *)(uint64_t)mb->cmdline,
                       BOOT_LINE_SIZE);
    }
    if (mb->flags & 1u << 9) {
        boot_copy_text(info->loader, sizeof(info->loader),
                       (const char *)(uint64_t)mb->loader_name,
                       BOOT_LOADER_SIZE);
    }
    if (mb->flags & 1u << 12) {
        boot_read_framebuffer(&mb->framebuffer, &mb->colors, info);
    }
    if (mb->flags & 1u << 3) {
        read_modules1(mb, info);
    }
    if (mb->flags & 1u << 6) {
        read_memory_map1(mb, info);
    }
    if (!info->range_count && mb->flags & 1) {
        boot_add_range(info, 0x100000, (uint64_t)mb->mem_upper * 1024,
                       MEMORY_AVAILABLE);
    }
}
