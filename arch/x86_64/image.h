/* SPDX-License-Identifier: BSD-2-Clause */
/* The image's parts, as the linker script lays them out. */
#ifndef ARCH_IMAGE_H
#define ARCH_IMAGE_H

#include <stdint.h>

extern const char image_start[], text_start[], text_end[], rodata_end[];
extern const char image_load_end[], image_end[];
extern const uint8_t build_id[]; /* an ELF note (gABI, "Note Section") */

/* Switches from the boot loader's page tables to our own. Once, on the boot
 * CPU, after percpu_init(). */
void paging_init(void);
uint64_t paging_core_root(void);

#endif
