/* SPDX-License-Identifier: BSD-2-Clause */
/* Multiboot2 (specification 2.0), as far as a loader needs it. */
#ifndef BOOT_EFI_MULTIBOOT2_H
#define BOOT_EFI_MULTIBOOT2_H

#include <stdint.h>

/* The header in the kernel: 3.1. */
#define MB2_SEARCH       32768
#define MB2_HEADER_MAGIC 0xe85250d6u
#define MB2_OPTIONAL     1

struct mb2_header {
    uint32_t magic, architecture, length, checksum;
};

enum mb2_request {
    MB2_REQUEST_END = 0,
    MB2_REQUEST_ADDRESSES = 2,
    MB2_REQUEST_ENTRY = 3,
    MB2_REQUEST_CONSOLE = 4,
    MB2_REQUEST_FRAMEBUFFER = 5,
    MB2_REQUEST_ALIGNMENT = 6,
    MB2_REQUEST_RELOCATION = 10,
};

struct mb2_header_tag {
    uint16_t type, flags;
    uint32_t size;
};

/* The information for the kernel: 3.6. */
enum mb2_tag_type {
    MB2_END = 0,
    MB2_COMMAND_LINE = 1,
    MB2_LOADER_NAME = 2,
    MB2_MODULE = 3,
    MB2_MEMORY_MAP = 6,
    MB2_FRAMEBUFFER = 8,
    MB2_EFI_64 = 12,
    MB2_RSDP_1 = 14,
    MB2_RSDP_2 = 15,
};

enum mb2_memory_type {
    MB2_USABLE = 1,
    MB2_RESERVED = 2,
    MB2_ACPI = 3,
    MB2_NVS = 4,
    MB2_BAD = 5,
};

struct mb2_memory {
    uint64_t start, size;
    uint32_t type, reserved;
};

/* 3.6.12, with the colours of type 1 (direct). */
struct mb2_framebuffer {
    uint64_t address;
    uint32_t pitch, width, height;
    uint8_t bits, kind;
    uint16_t reserved;
    uint8_t red_shift, red_bits, green_shift, green_bits, blue_shift, blue_bits;
} __attribute__((packed));

#endif
