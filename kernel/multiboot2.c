/* SPDX-License-Identifier: BSD-2-Clause */
/* Multiboot2 information: one piece, read only as far as it lies inside
 * itself. */
#include <stddef.h>

#include "kernel/boot_parts.h"

#define INFO_MAX 0x100000u /* bytes: what claims to be larger is damaged */

/* Multiboot2 2.0, 3.6. */
enum tag_type {
    TAG_END = 0,
    TAG_COMMAND_LINE = 1,
    TAG_LOADER_NAME = 2,
    TAG_MODULE = 3,
    TAG_MEMORY_MAP = 6,
    TAG_FRAMEBUFFER = 8,
    TAG_EFI_32 = 11,
    TAG_EFI_64 = 12,
    TAG_RSDP_1 = 14,
    TAG_RSDP_2 = 15,
    TAG_EFI_MEMORY_MAP = 17,
};

/* Bytes of the RSDP (ACPI 6.4, 5.2.5.3). */
#define RSDP_1_SIZE 20
#define RSDP_2_SIZE 36

struct tag {
    uint32_t type, size;
} __attribute__((packed));

struct tag_module {
    struct tag tag;
    uint32_t start, end;
    char string[];
} __attribute__((packed));

struct tag_framebuffer {
    struct tag tag;
    struct multiboot_framebuffer framebuffer;
    uint16_t reserved;
    struct multiboot_colors colors;
} __attribute__((packed));

struct tag_memory_map {
    struct tag tag;
    uint32_t entry_size, entry_version;
} __attribute__((packed));

struct memory_map_entry {
    uint64_t start, size;
    uint32_t type, reserved;
} __attribute__((packed));

static void read_memory_map(const struct tag_memory_map *map,
                            struct boot_info *info)
{
    const char *at = (const char *)(map + 1);
    const char *end = (const char *)map + map->tag.size;

    if (map->tag.size < sizeof(*map) ||
        map->entry_size < sizeof(struct memory_map_entry)) {
        return;
    }
    for (; map->entry_size <= end - at; at += map->entry_size) {
        const struct memory_map_entry *entry = (const void *)at;

        boot_add_range(info, entry->start, entry->size, entry->type);
    }
}

/* All of it is inside the information. */
static void read_tag(const struct tag *tag, struct boot_info *info)
{
    const struct tag_module *module = (const void *)tag;
    uint32_t size = tag->size - (uint32_t)sizeof(*tag);
    const struct tag_framebuffer *framebuffer = (const void *)tag;

    switch (tag->type) {
    case TAG_COMMAND_LINE:
        boot_copy_line(info->line, (const char *)(tag + 1), size);
        break;
    case TAG_LOADER_NAME:
        boot_copy_text(info->loader, sizeof(info->loader),
                       (const char *)(tag + 1), size);
        break;
    case TAG_MODULE:
        if (tag->size > sizeof(*module)) {
            boot_add_module(info, module->start, module->end, module->string,
                            tag->size - sizeof(*module));
        }
        break;
    case TAG_MEMORY_MAP:
        read_memory_map((const void *)tag, info);
        break;
    case TAG_FRAMEBUFFER:
        if (tag->size >= offsetof(struct tag_framebuffer, reserved)) {
            boot_read_framebuffer(
                &framebuffer->framebuffer,
                tag->size >= sizeof(*framebuffer) ? &framebuffer->colors : NULL,
                info);
        }
        break;
    case TAG_EFI_32:
    case TAG_EFI_64:
    case TAG_EFI_MEMORY_MAP:
        info->uefi = true;
        break;
    case TAG_RSDP_1:
        if (!info->rsdp && size >= RSDP_1_SIZE) {
            info->rsdp = (uint64_t)(tag + 1);
        }
        break;
    case TAG_RSDP_2:
        if (size >= RSDP_2_SIZE) {
            info->rsdp = (uint64_t)(tag + 1);
        }
        break;
    default:
        break;
    }
}

void multiboot2_read(uint64_t address, struct boot_info *info)
{
    uint32_t size = *(const uint32_t *)address;
    uint64_t at = address + 8;

    info->protocol = "Multiboot2";
    info->info_start = address;
    info->info_end = address + (size < INFO_MAX ? size : INFO_MAX);
    while (at + sizeof(struct tag) <= info->info_end) {
        const struct tag *tag = (const void *)at;

        if (tag->type == TAG_END || tag->size < sizeof(*tag) ||
            tag->size > info->info_end - at) {
            break;
        }
        read_tag(tag, info);
        at += (tag->size + 7) & ~7u;
    }
}
