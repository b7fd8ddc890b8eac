/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes the Multiboot2 information, a tag after the other. */
#ifndef BOOT_EFI_INFORMATION_H
#define BOOT_EFI_INFORMATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct efi_information {
    char *buffer;
    size_t size, used;
    bool full; /* a tag did not fit; it and those behind it are left out */
};

/* An empty one in a buffer of size bytes, aligned to 8. */
void information_begin(struct efi_information *info, void *buffer, size_t size);

/* Adds a tag: a head, which may be empty, and data behind it. */
void information_add(struct efi_information *info, uint32_t type,
                     const void *head, size_t head_size, const void *data,
                     size_t size);

void information_add_text(struct efi_information *info, uint32_t type,
                          const char *text);

/* Host-physical addresses below 4 GiB; end exclusive. */
void information_add_module(struct efi_information *info, uint64_t start,
                            uint64_t end, const char *words);

/* Room for a memory map of count regions at most (struct mb2_memory), which
 * the caller fills in later; NULL if there is none. Shrink it to what was
 * filled in before anything else is added. */
void *information_begin_map(struct efi_information *info, size_t count);
void information_shrink_map(struct efi_information *info, void *map,
                            size_t count);

/* Adds the end. 0; -ENOSPC when something did not fit. */
int information_end(struct efi_information *info);

#endif
