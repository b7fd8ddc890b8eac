/* SPDX-License-Identifier: BSD-2-Clause */
/* Firmware's memory map, and the end of its boot services. */
#ifndef BOOT_EFI_MEMORY_MAP_H
#define BOOT_EFI_MEMORY_MAP_H

#include <efi.h>
#include <stdbool.h>
#include <stddef.h>

#include "boot/efi/multiboot2.h"

struct efi_map {
    char *data;
    UINTN capacity; /* bytes of data, whose owner is the caller */
    UINTN size, key, stride;
};

/* Reads the map into map->data. EFI_BUFFER_TOO_SMALL: map->size is what is
 * needed; or another error of firmware. */
EFI_STATUS efi_map_get(EFI_BOOT_SERVICES *services, struct efi_map *map);

/* How many regions the buffer could hold, and how many there are. */
size_t efi_map_room(const struct efi_map *map);
size_t efi_map_count(const struct efi_map *map);

/* Region i, below efi_map_count(). */
EFI_MEMORY_DESCRIPTOR efi_map_region(const struct efi_map *map, size_t i);

/*
 * The map as it is once boot services have ended, in Multiboot's types:
 * sorted, neighbours of one type joined. What belongs to boot services and
 * to the loader is usable then. entries has room for efi_map_count().
 * Returns the number of entries.
 */
size_t efi_map_convert(const struct efi_map *map, struct mb2_memory *entries);

/* The first address from start up to end that will not be usable, or end. */
uint64_t efi_map_usable_until(const struct efi_map *map, uint64_t start,
                              uint64_t end);

/* Bytes of the largest piece of free memory below an address. */
uint64_t efi_map_largest_below(const struct efi_map *map, uint64_t end);

/*
 * Ends boot services with the map that is then left in *map. When firmware
 * says that the map has changed meanwhile, the map is read again, as the
 * specification wants it (UEFI 2.10, 7.4.6), up to EFI_LEAVE_ATTEMPTS times;
 * nothing else of firmware is called between. *tried: ExitBootServices was
 * called once at least, so that after an error firmware's console may be
 * gone. Returns 0, or the last error of firmware.
 */
#define EFI_LEAVE_ATTEMPTS 8
EFI_STATUS efi_leave(EFI_BOOT_SERVICES *services, EFI_HANDLE self,
                     struct efi_map *map, bool *tried);

#endif
