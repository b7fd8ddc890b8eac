/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/efi/memory_map.h"

#include "kernel/string.h"

#define PAGE_SHIFT 12

EFI_STATUS efi_map_get(EFI_BOOT_SERVICES *services, struct efi_map *map)
{
    UINT32 version;

    map->size = map->capacity;
    return services->GetMemoryMap(&map->size, (void *)map->data, &map->key,
                                  &map->stride, &version);
}

size_t efi_map_room(const struct efi_map *map)
{
    return map->stride < sizeof(EFI_MEMORY_DESCRIPTOR)
               ? 0
               : map->capacity / map->stride;
}

size_t efi_map_count(const struct efi_map *map)
{
    return map->stride < sizeof(EFI_MEMORY_DESCRIPTOR)
               ? 0
               : map->size / map->stride;
}

EFI_MEMORY_DESCRIPTOR efi_map_region(const struct efi_map *map, size_t i)
{
    EFI_MEMORY_DESCRIPTOR region;

    memcpy(&region, map->data + i * map->stride, sizeof(region));
    return region;
}

/* UEFI 2.10, table 7.10: what a region is after ExitBootServices. */
static uint32_t type_after(uint32_t type)
{
    switch (type) {
    case EfiLoaderCode:
    case EfiLoaderData:
    case EfiBootServicesCode:
    case EfiBootServicesData:
    case EfiConventionalMemory:
        return MB2_USABLE;
    case EfiACPIReclaimMemory:
        return MB2_ACPI;
    case EfiACPIMemoryNVS:
        return MB2_NVS;
    case EfiUnusableMemory:
        return MB2_BAD;
    default:
        return MB2_RESERVED;
    }
}

/* The bytes of a region; 0 if that is nothing that an address can reach. */
static uint64_t size_of(const EFI_MEMORY_DESCRIPTOR *region)
{
    const uint64_t size = region->NumberOfPages << PAGE_SHIFT;

    return size >> PAGE_SHIFT == region->NumberOfPages &&
                   region->PhysicalStart + size >= region->PhysicalStart
               ? size
               : 0;
}

static size_t join(struct mb2_memory *entries, size_t count)
{
    size_t last = 0;

    for (size_t i = 1; i < count; i++) {
        struct mb2_memory *before = &entries[last];

        if (before->type == entries[i].type &&
            before->start + before->size == entries[i].start) {
            before->size += entries[i].size;
        } else {
            entries[++last] = entries[i];
        }
    }
    return count ? last + 1 : 0;
}

size_t efi_map_convert(const struct efi_map *map, struct mb2_memory *entries)
{
    size_t count = 0;

    for (size_t i = 0; i < efi_map_count(map); i++) {
        const EFI_MEMORY_DESCRIPTOR region = efi_map_region(map, i);
        const uint64_t size = size_of(&region);
        size_t place = count;

        if (!size) {
            continue;
        }
        for (; place && entries[place - 1].start > region.PhysicalStart;
             place--) {
            entries[place] = entries[place - 1];
        }
        entries[place] = (struct mb2_memory){region.PhysicalStart, size,
                                             type_after(region.Type), 0};
        count++;
    }
    return join(entries, count);
}

/* The end of the usable region that holds the address; 0 if none does. */
static uint64_t usable_end(const struct efi_map *map, uint64_t address)
{
    for (size_t i = 0; i < efi_map_count(map); i++) {
        const EFI_MEMORY_DESCRIPTOR region = efi_map_region(map, i);

        if (type_after(region.Type) == MB2_USABLE &&
            address >= region.PhysicalStart &&
            address - region.PhysicalStart < size_of(&region)) {
            return region.PhysicalStart + size_of(&region);
        }
    }
    return 0;
}

uint64_t efi_map_usable_until(const struct efi_map *map, uint64_t start,
                              uint64_t end)
{
    while (start < end) {
        const uint64_t next = usable_end(map, start);

        if (!next) {
            return start;
        }
        start = next;
    }
    return end;
}

uint64_t efi_map_largest_below(const struct efi_map *map, uint64_t end)
{
    uint64_t largest = 0;

    for (size_t i = 0; i < efi_map_count(map); i++) {
        const EFI_MEMORY_DESCRIPTOR region = efi_map_region(map, i);
        uint64_t size = size_of(&region);

        if (region.Type != EfiConventionalMemory ||
            region.PhysicalStart >= end) {
            continue;
        }
        if (size > end - region.PhysicalStart) {
            size = end - region.PhysicalStart;
        }
        largest = size > largest ? size : largest;
    }
    return largest;
}

EFI_STATUS efi_leave(EFI_BOOT_SERVICES *services, EFI_HANDLE self,
                     struct efi_map *map, bool *tried)
{
    EFI_STATUS status = EFI_SUCCESS;

    *tried = false;
    for (unsigned i = 0; i < EFI_LEAVE_ATTEMPTS; i++) {
        status = efi_map_get(services, map);
        if (status != EFI_SUCCESS) {
            return status;
        }
        *tried = true;
        status = services->ExitBootServices(self, map->key);
        if (status != EFI_INVALID_PARAMETER) {
            return status;
        }
    }
    return status;
}
