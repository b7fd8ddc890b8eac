/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The data of Linux's x86 boot protocol: names and offsets as in boot.rst and
 * zero-page.rst in Documentation/x86 of Linux 6.1.
 */
#ifndef VMM_LINUX_BOOT_H
#define VMM_LINUX_BOOT_H

#include <stdint.h>

#include "vmm/load_parts.h"

/* In the image and in boot_params alike. */
#define SETUP_HEADER_OFFSET  0x1F1
#define SETUP_HEADER_END_MIN 0x264 /* up to and with init_size */
#define SETUP_HEADER_END_MAX 0x290 /* where boot_params goes on */

struct setup_header {
    uint8_t setup_sects;
    uint16_t root_flags;
    uint32_t syssize; /* in 16 bytes */
    uint16_t ram_size;
    uint16_t vid_mode;
    uint16_t root_dev;
    uint16_t boot_flag;
    uint8_t jump_opcode;
    uint8_t jump_offset;
    uint32_t header;
    uint16_t version;
    uint32_t realmode_swtch;
    uint16_t start_sys_seg;
    uint16_t kernel_version;
    uint8_t type_of_loader;
    uint8_t loadflags;
    uint16_t setup_move_size;
    uint32_t code32_start;
    uint32_t ramdisk_image;
    uint32_t ramdisk_size;
    uint32_t bootsect_kludge;
    uint16_t heap_end_ptr;
    uint8_t ext_loader_ver;
    uint8_t ext_loader_type;
    uint32_t cmd_line_ptr;
    uint32_t initrd_addr_max;
    uint32_t kernel_alignment;
    uint8_t relocatable_kernel;
    uint8_t min_alignment;
    uint16_t xloadflags;
    uint32_t cmdline_size;
    uint32_t hardware_subarch;
    uint64_t hardware_subarch_data;
    uint32_t payload_offset;
    uint32_t payload_length;
    uint64_t setup_data;
    uint64_t pref_address;
    uint32_t init_size;
    uint8_t later[SETUP_HEADER_END_MAX - SETUP_HEADER_END_MIN];
} __attribute__((packed));

_Static_assert(sizeof(struct setup_header) ==
                   SETUP_HEADER_END_MAX - SETUP_HEADER_OFFSET,
               "the setup header ends where boot_params goes on");

struct boot_params {
    uint8_t before_rsdp[0x070]; /* screen_info is 0: there is no screen */
    uint64_t acpi_rsdp_addr;
    uint8_t before_e820_entries[0x1E8 - 0x078];
    uint8_t e820_entries;
    uint8_t before_header[SETUP_HEADER_OFFSET - 0x1E9];
    struct setup_header header;
    uint8_t before_e820_table[0x2D0 - SETUP_HEADER_END_MAX];
    struct load_range e820_table[LOAD_RANGES_MAX]; /* the rest is 0 */
} __attribute__((packed));

_Static_assert(sizeof(struct boot_params) ==
                   0x2D0 + LOAD_RANGES_MAX * sizeof(struct load_range),
               "e820_table is at 0x2D0");

#endif
