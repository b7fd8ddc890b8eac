/* SPDX-License-Identifier: BSD-2-Clause */
/* What the boot loader left, copied out of its memory. */
#ifndef KERNEL_BOOT_INFO_H
#define KERNEL_BOOT_INFO_H

#include <stdbool.h>
#include <stdint.h>

#define BOOT_LINE_SIZE   1280
#define BOOT_MODULES_MAX 32
#define BOOT_RANGES_MAX  64
#define BOOT_LOADER_SIZE 48

struct boot_module {
    uint64_t start, end; /* host-physical, end exclusive */
    char line[BOOT_LINE_SIZE];
};

struct boot_range {
    uint64_t start, end;
};

/* What the loader left on the screen. */
enum boot_screen {
    BOOT_SCREEN_UNKNOWN, /* it does not say: under a BIOS, VGA text */
    BOOT_SCREEN_TEXT,    /* VGA text */
    BOOT_SCREEN_PIXELS,  /* a linear framebuffer of direct colours */
    BOOT_SCREEN_OTHER,   /* what we cannot write on */
};

struct boot_color {
    uint8_t position, size; /* of a colour's bits in a pixel */
};

struct boot_framebuffer {
    enum boot_screen kind;
    uint64_t address;              /* physical */
    uint32_t pitch, width, height; /* bytes a row; pixels or characters */
    uint8_t bits;                  /* of a pixel, with padding */
    struct boot_color red, green, blue;
};

struct boot_info {
    const char *protocol;          /* in words */
    char loader[BOOT_LOADER_SIZE]; /* its name, "" if it tells none */
    bool uefi;                     /* the firmware is UEFI */
    struct boot_framebuffer screen;
    char line[BOOT_LINE_SIZE];
    struct boot_module modules[BOOT_MODULES_MAX];
    unsigned module_count, modules_ignored;
    struct boot_range ranges[BOOT_RANGES_MAX]; /* usable memory */
    unsigned range_count, ranges_ignored;
    uint64_t rsdp;                 /* physical address, or 0 */
    uint64_t info_start, info_end; /* the loader's own structure */
};

/*
 * Reads Multiboot1 or Multiboot2 information at a physical address, a multiple
 * of 4, by magic. Before paging_init(): it uses the boot code's identity map
 * of the first 4 GiB. Sizes and counts are not believed: each step is bounded,
 * Multiboot2's tags are read only as far as they lie inside the information,
 * which ends after 1 MiB. Believed is that there is memory where the loader
 * says (Multiboot1's addresses are 32 bits wide, and all of these are mapped),
 * and that what it calls usable memory is.
 */
void boot_info_read(uint32_t magic, uint64_t address, struct boot_info *info);

/* The highest page of usable memory below 640 KiB that holds neither a module
 * nor the information; 0 if there is none. */
uint64_t boot_info_low_page(const struct boot_info *info);

#endif
