/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/efi/firmware.h"

#define PAGE      4096ull
#define HIGHEST   0xffffffffull
#define SLACK     32 /* further regions for which a map has room */
#define MAP_TRIES 4

/* Allocates and keeps account; address as the kind of request wants it. */
static EFI_STATUS allocate(struct firmware *firmware, EFI_ALLOCATE_TYPE how,
                           EFI_MEMORY_TYPE type, uint64_t pages,
                           EFI_PHYSICAL_ADDRESS *address)
{
    EFI_STATUS status;

    if (firmware->allocation_count == EFI_ALLOCATIONS_MAX) {
        return EFI_OUT_OF_RESOURCES;
    }
    status = firmware->services->AllocatePages(how, type, pages, address);
    if (status == EFI_SUCCESS) {
        firmware->allocations[firmware->allocation_count].start = *address;
        firmware->allocations[firmware->allocation_count++].pages = pages;
    }
    return status;
}

uint64_t memory_allocate(struct firmware *firmware, EFI_MEMORY_TYPE type,
                         uint64_t size)
{
    const uint64_t pages = (size + PAGE - 1) / PAGE;

    for (;;) {
        EFI_PHYSICAL_ADDRESS address = HIGHEST;

        if (allocate(firmware, AllocateMaxAddress, type, pages ? pages : 1,
                     &address)) {
            return 0;
        }
        if (address >= firmware->kept_end ||
            address + pages * PAGE <= firmware->kept_start) {
            return address;
        }
    }
}

EFI_STATUS memory_read_map(struct firmware *firmware)
{
    struct efi_map *map = &firmware->map;
    EFI_STATUS status = efi_map_get(firmware->services, map);

    for (unsigned i = 0; i < MAP_TRIES && status == EFI_BUFFER_TOO_SMALL; i++) {
        UINTN size = map->size + SLACK * map->stride;

        map->data = (char *)memory_allocate(firmware, EfiLoaderData, size);
        map->capacity = map->data ? size : 0;
        if (!map->data) {
            return EFI_OUT_OF_RESOURCES;
        }
        status = efi_map_get(firmware->services, map);
    }
    return status;
}

void memory_keep(struct firmware *firmware, uint64_t start, uint64_t end)
{
    const size_t count = efi_map_count(&firmware->map);

    firmware->kept_start = start;
    firmware->kept_end = end;
    for (size_t i = 0; i < count; i++) {
        const EFI_MEMORY_DESCRIPTOR region = efi_map_region(&firmware->map, i);
        uint64_t from = region.PhysicalStart;
        uint64_t to = from + region.NumberOfPages * PAGE;

        from = from > start ? from : start;
        to = to < end ? to : end;
        if (region.Type == EfiConventionalMemory && from < to) {
            allocate(firmware, AllocateAddress, EfiLoaderData,
                     (to - from) / PAGE, &from);
        }
    }
}

void memory_release(struct firmware *firmware)
{
    while (firmware->allocation_count) {
        const unsigned i = --firmware->allocation_count;

        firmware->services->FreePages(firmware->allocations[i].start,
                                      firmware->allocations[i].pages);
    }
}
