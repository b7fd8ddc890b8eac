/* SPDX-License-Identifier: BSD-2-Clause */
/* What the loader asks of firmware: a console, files and memory. */
#ifndef BOOT_EFI_FIRMWARE_H
#define BOOT_EFI_FIRMWARE_H

#include <efi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot/efi/memory_map.h"

#define EFI_ALLOCATIONS_MAX 160

struct firmware {
    EFI_HANDLE self;
    EFI_SYSTEM_TABLE *system;
    EFI_BOOT_SERVICES *services;
    EFI_FILE_HANDLE root;          /* of the partition that the loader is on */
    char config_path[256];         /* with \ between folders */
    struct efi_map map;            /* as it was read last */
    uint64_t kept_start, kept_end; /* where the image goes */
    struct {
        uint64_t start, pages;
    } allocations[EFI_ALLOCATIONS_MAX];
    unsigned allocation_count;
};

/* Prints a line on firmware's console; format() tells the conversions. */
void say(const struct firmware *firmware, const char *text, ...)
    __attribute__((format(printf, 2, 3)));

/* Waits for a key, at most so many seconds. */
void wait_for_key(const struct firmware *firmware, unsigned seconds);

/* Finds the partition and the configuration file beside the loader. False,
 * and it is said, when firmware does not tell. */
bool files_open(struct firmware *firmware);

/*
 * The size of a file, whose path has / or \ between its folders. EFI_NOT_FOUND
 * when there is none, EFI_UNSUPPORTED when it is a folder.
 */
EFI_STATUS file_size(const struct firmware *firmware, const char *path,
                     uint64_t *size);

/* Reads a file of which the size is known. */
EFI_STATUS file_read(const struct firmware *firmware, const char *path,
                     void *buffer, uint64_t size);

/* Reads the memory map into a buffer that has room for more than it needs
 * now, so that it can be read again when nothing can be allocated. */
EFI_STATUS memory_read_map(struct firmware *firmware);

/* Whole pages below 4 GiB, outside of what is kept; 0 when there are none. */
uint64_t memory_allocate(struct firmware *firmware, EFI_MEMORY_TYPE type,
                         uint64_t size);

/* Keeps start to end free of anything that is allocated from now on, as far
 * as it is free now. */
void memory_keep(struct firmware *firmware, uint64_t start, uint64_t end);

/* Gives everything back. */
void memory_release(struct firmware *firmware);

#endif
