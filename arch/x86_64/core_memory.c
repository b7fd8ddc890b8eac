/* SPDX-License-Identifier: BSD-2-Clause */
/* Mappings of the core that last: data with guard pages, device registers,
 * firmware's tables. Addresses are handed out upward and never come back. */
#include "arch/x86_64/paging.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/image.h"
#include "kernel/fault.h"
#include "kernel/frame.h"
#include "kernel/string.h"

static uint64_t core_next = CORE_BASE + PAGE_SIZE;
static uint64_t device_next = DEVICE_BASE;

void *core_alloc(size_t size)
{
    uint64_t start = core_next;
    uint64_t pages = (size + PAGE_SIZE - 1) >> PAGE_SHIFT;

    for (uint64_t i = 0; i < pages; i++) {
        uint64_t frame = frame_alloc(OWNER_CORE, ROLE_NONE, FAULT_NO_VM, 0);

        if (!frame || page_map(paging_core_root(), start + i * PAGE_SIZE, frame,
                               PROT_WRITE, FAULT_NO_VM)) {
            return NULL;
        }
    }
    core_next = start + (pages + 1) * PAGE_SIZE; /* leaves a guard page */
    memset((void *)start, 0, pages * PAGE_SIZE);
    return (void *)start;
}

/* Firmware's tables tell addresses: one beyond what the processor has (SDM
 * vol. 2, CPUID leaf 80000008H) would set reserved bits of an entry. */
static bool is_physical(uint64_t physical, size_t size)
{
    uint64_t end;

    return !__builtin_add_overflow(physical, size, &end) &&
           (end - 1) >> (cpuid(0x80000008, 0).eax & 0xff) == 0;
}

static void *map_physical(uint64_t *next, uint64_t physical, size_t size,
                          unsigned protection)
{
    uint64_t offset = physical & (PAGE_SIZE - 1);
    uint64_t pages = (offset + size + PAGE_SIZE - 1) >> PAGE_SHIFT;
    uint64_t start = *next;

    if (!is_physical(physical, size)) {
        return NULL;
    }
    for (uint64_t i = 0; i < pages; i++) {
        if (page_map(paging_core_root(), start + i * PAGE_SIZE,
                     physical - offset + i * PAGE_SIZE, protection,
                     FAULT_NO_VM)) {
            return NULL;
        }
    }
    *next = start + (pages + 1) * PAGE_SIZE;
    return (void *)(start + offset);
}

void *device_map(uint64_t physical, size_t size)
{
    return map_physical(&device_next, physical, size, PROT_WRITE | PROT_DEVICE);
}

void *screen_map(uint64_t physical, size_t size)
{
    return map_physical(&device_next, physical, size,
                        PROT_WRITE | PROT_COMBINED);
}

const void *core_map_readonly(uint64_t physical, size_t size)
{
    return map_physical(&core_next, physical, size, PROT_READ);
}
