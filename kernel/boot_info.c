/* SPDX-License-Identifier: BSD-2-Clause */
/* What both protocols share: adding what they tell, within its bounds. */
#include "kernel/boot_info.h"

#include <stdbool.h>
#include <stddef.h>

#include "kernel/boot_parts.h"
#include "kernel/string.h"

#define MULTIBOOT1 0x2badb002
#define MULTIBOOT2 0x36d76289

#define LOW_END    0xa0000ull
#define LOW_PAGE   4096ull

void boot_copy_text(char *to, size_t room, const char *from, size_t size)
{
    size_t n = strnlen(from, size < room ? size : room - 1);

    memcpy(to, from, n);
    to[n] = '\0';
}

void boot_copy_line(char *to, const char *from, size_t size)
{
    boot_copy_text(to, BOOT_LINE_SIZE, from, size);
}

void boot_add_module(struct boot_info *info, uint64_t start, uint64_t end,
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
    boot_copy_line(module->line, line, line_size);
}

/* UEFI's map has many regions, one beside the other: they are joined. */
void boot_add_range(struct boot_info *info, uint64_t start, uint64_t size,
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

void boot_read_framebuffer(const struct multiboot_framebuffer *fb,
                           const struct multiboot_colors *colors,
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

void boot_info_read(uint32_t magic, uint64_t address, struct boot_info *info)
{
    if (magic == MULTIBOOT1) {
        multiboot1_read(address, info);
    } else if (magic == MULTIBOOT2) {
        multiboot2_read(address, info);
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
