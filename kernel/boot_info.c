/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/boot_info.h"

#include <stdbool.h>
#include <stddef.h>

#include "kernel/string.h"

#define MULTIBOOT1       0x2badb002
#define MULTIBOOT2       0x36d76289

#define MEMORY_AVAILABLE 1

#define LOW_END          0xa0000ull
#define LOW_PAGE         4096ull

/* More than any loader has to tell: what claims to be larger is damaged. */
#define INFO_MAX    0x100000u /* bytes of Multiboot2 information */
#define ENTRIES_MAX 4096u     /* of Multiboot1's memory map */

/* As far as there are size bytes, and as far as they fit into room. */
static void copy_text(char *to, size_t room, const char *from, size_t size)
{
    size_t n = strnlen(from, size < room ? size : room - 1);

    memcpy(to, from, n);
    to[n] = '\0';
}

static void copy_line(char *to, const char *from, size_t size)
{
    copy_text(to, BOOT_LINE_SIZE, from, size);
}

static void add_module(struct boot_info *info, uint64_t start, uint64_t end,
                       const char *line, size_t line_size)
{
    struct boot_module *module = &info->modules[info->module_count];

    if (info->module_count == BOOT_MODULES_MAX) {
        info->modules_ignored++;
        return;
    }
    info->module_count++;
    module->start = start;
    module->end = end < start ? start : end;
    copy_line(module->line, line, line_size);
}

/* UEFI's map has many regions, one beside the other: they are joined. */
static void add_range(struct boot_info *info, uint64_t start, uint64_t size,
                      uint32_t type)
{
    struct boot_range *next = &info->ranges[info->range_count];

    if (type != MEMORY_AVAILABLE || start + size <= start) {
        return;
    }
    if (info->range_count && next[-1].end == start) {
        next[-1].end = start + size;
    } else if (info->range_count < BOOT_RANGES_MAX) {
        *next = (struct boot_range){start, start + size};
        info->range_count++;
    } else {
        info->ranges_ignored++;
    }
}

/* The same in both protocols (Multiboot 3.3, Multiboot2 3.6.12). */
struct framebuffer {
    uint64_t address;
    uint32_t pitch, width, height;
    uint8_t bits, type;
} __attribute__((packed));

struct framebuffer_colors {
    struct boot_color red, green, blue;
};

static void read_framebuffer(const struct framebuffer *fb,
                             const struct framebuffer_colors *colors,
                             struct boot_info *info)
{
    static const enum boot_screen kinds[] = {
        BOOT_SCREEN_OTHER, /* a palette */
        BOOT_SCREEN_PIXELS,
        BOOT_SCREEN_TEXT,
    };

    info->screen = (struct boot_framebuffer){
        .kind = fb->type < 3 ? kinds[fb->type] : BOOT_SCREEN_OTHER,
        .address = fb->address,
        .pitch = fb->pitch,
        .width = fb->width,
        .height = fb->height,
        .bits = fb->bits,
    };
    if (info->screen.kind == BOOT_SCREEN_PIXELS && !colors) {
        info->screen.kind = BOOT_SCREEN_OTHER;
    } else if (info->screen.kind == BOOT_SCREEN_PIXELS) {
        info->screen.red = colors->red;
        info->screen.green = colors->green;
        info->screen.blue = colors->blue;
    }
}

/* Multiboot 0.6.96, 3.3. */
struct multiboot1 {
    uint32_t flags, mem_lower, mem_upper, boot_device, cmdline;
    uint32_t mods_count, mods_addr, syms[4], mmap_length, mmap_addr;
    uint32_t drives_length, drives_addr, config_table, loader_name, apm_table;
    uint32_t vbe[4];
    struct framebuffer framebuffer;
    struct framebuffer_colors colors;
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

        add_module(info, modules[i].start, modules[i].end, line ? line : "",
                   line ? BOOT_LINE_SIZE : 1);
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
        add_range(info, range->start, range->size, range->type);
        at += range->entry_size + 4ull;
    }
}

static void read_multiboot1(uint64_t address, struct boot_info *info)
{
    const struct multiboot1 *mb = (const void *)address;

    info->protocol = "Multiboot1";
    info->info_start = address;
    info->info_end = address + sizeof(*mb);
    if (mb->flags & 1u << 2) {
        copy_line(info->line, (const char *)(uint64_t)mb->cmdline,
                  BOOT_LINE_SIZE);
    }
    if (mb->flags & 1u << 9) {
        copy_text(info->loader, sizeof(info->loader),
                  (const char *)(uint64_t)mb->loader_name, BOOT_LOADER_SIZE);
    }
    if (mb->flags & 1u << 12) {
        read_framebuffer(&mb->framebuffer, &mb->colors, info);
    }
    if (mb->flags & 1u << 3) {
        read_modules1(mb, info);
    }
    if (mb->flags & 1u << 6) {
        read_memory_map1(mb, info);
    }
    if (!info->range_count && mb->flags & 1) {
        add_range(info, 0x100000, (uint64_t)mb->mem_upper * 1024,
                  MEMORY_AVAILABLE);
    }
}

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
    struct framebuffer framebuffer;
    uint16_t reserved;
    struct framebuffer_colors colors;
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

        add_range(info, entry->start, entry->size, entry->type);
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
        copy_line(info->line, (const char *)(tag + 1), size);
        break;
    case TAG_LOADER_NAME:
        copy_text(info->loader, sizeof(info->loader), (const char *)(tag + 1),
                  size);
        break;
    case TAG_MODULE:
        if (tag->size > sizeof(*module)) {
            add_module(info, module->start, module->end, module->string,
                       tag->size - sizeof(*module));
        }
        break;
    case TAG_MEMORY_MAP:
        read_memory_map((const void *)tag, info);
        break;
    case TAG_FRAMEBUFFER:
        if (tag->size >= offsetof(struct tag_framebuffer, reserved)) {
            read_framebuffer(
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

static void read_multiboot2(uint64_t address, struct boot_info *info)
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

void boot_info_read(uint32_t magic, uint64_t address, struct boot_info *info)
{
    if (magic == MULTIBOOT1) {
        read_multiboot1(address, info);
    } else if (magic == MULTIBOOT2) {
        read_multiboot2(address, info);
    } else {
        info->protocol = "a protocol that is not known";
    }
}

static bool is_usable(const struct boot_info *info, uint64_t page)
{
    for (unsigned i = 0; i < info->range_count; i++) {
        if (page >= info->ranges[i].start &&
            page + LOW_PAGE <= info->ranges[i].end) {
            return true;
        }
    }
    return false;
}

/* Loaders may put small files there. */
static bool is_taken(const struct boot_info *info, uint64_t page)
{
    for (unsigned i = 0; i < info->module_count; i++) {
        if (page < info->modules[i].end &&
            page + LOW_PAGE > info->modules[i].start) {
            return true;
        }
    }
    return page < info->info_end && page + LOW_PAGE > info->info_start;
}

uint64_t boot_info_low_page(const struct boot_info *info)
{
    uint64_t page = LOW_END - LOW_PAGE;

    while (page && (!is_usable(info, page) || is_taken(info, page))) {
        page -= LOW_PAGE;
    }
    return page;
}
