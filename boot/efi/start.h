/* SPDX-License-Identifier: BSD-2-Clause */
/* The page that starts the image: code, and at its end what it needs. */
#ifndef BOOT_EFI_START_H
#define BOOT_EFI_START_H

/* Offsets in the page of 32-bit words: where the image is and goes, how many
 * words it has, its entry, and the Multiboot2 information. Above them is a
 * little stack. */
#define START_SOURCE      0xf00
#define START_TARGET      0xf04
#define START_WORDS       0xf08
#define START_ENTRY       0xf0c
#define START_INFORMATION 0xf10

#ifndef __ASSEMBLER__
extern const char start_page[], start_page_end[];
#endif

#endif
