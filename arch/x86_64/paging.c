/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86_64/paging.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/image.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/percpu.h"
#include "kernel/errno.h"
#include "kernel/fault.h"
#include "kernel/frame.h"
#include "kernel/string.h"

/* Page-table entries (SDM vol. 3, 4.5). */
#define PTE_PRESENT  0x001ul
#define PTE_WRITE    0x002ul
#define PTE_PWT      0x008ul
#define PTE_PCD      0x010ul
#define PTE_GLOBAL   0x100ul
#define PTE_NX       (1ul << 63)
#define PTE_ADDRESS  0x000ffffffffff000ul

#define ENTRIES      512
#define IMAGE_TABLES 8 /* 2 MiB each: the linker script asserts the size */

/* The first 16 MiB of device mappings need no frames: a screen can be written
 * on before there are any. */
#define DEVICE_TABLES 8

/* As at reset, but entry 1, PWT alone, is write-combining (1) in place of
 * write-through (4) (SDM vol. 3, 12.12). */
#define PAT_VALUE 0x0007040600070106ul

typedef uint64_t table[ENTRIES] __attribute__((aligned(4096)));

/* Static, so that everything else can be built through temp_map(). */
static table core_pml4, image_pdpt, image_pd, image_pt[IMAGE_TABLES];
static table temp_pdpt, temp_pd, temp_pt;
static table core_pdpt, device_pdpt, device_pd, device_pt[DEVICE_TABLES];

static uint64_t image_phys(const void *address)
{
    return (uint64_t)address - IMAGE_BASE;
}

static unsigned slot_of(uint64_t address, unsigned level)
{
    return address >> (12 + 9 * level) & (ENTRIES - 1);
}

void *temp_map(enum temp_slot slot, uint64_t physical)
{
    unsigned index = this_cpu()->index * TEMP_SLOTS + slot;
    char *address = (char *)TEMP_BASE + (uint64_t)index * PAGE_SIZE;
    uint64_t entry =
        (physical & PTE_ADDRESS) | PTE_PRESENT | PTE_WRITE | PTE_NX;

    if (temp_pt[index] != entry) {
        temp_pt[index] = entry;
        invlpg(address);
    }
    return address + (physical & (PAGE_SIZE - 1));
}

void temp_unmap(enum temp_slot slot)
{
    unsigned index = this_cpu()->index * TEMP_SLOTS + slot;

    temp_pt[index] = 0;
    invlpg((char *)TEMP_BASE + (uint64_t)index * PAGE_SIZE);
}

/* A fresh table frame, cleared; 0 when there is none. Uses TEMP_TABLE. */
static uint64_t table_alloc(uint16_t vm)
{
    uint64_t frame = frame_alloc(vm == FAULT_NO_VM ? OWNER_CORE : OWNER_VM,
                                 ROLE_TABLE, vm, 0);

    if (frame) {
        memset(temp_map(TEMP_TABLE, frame), 0, PAGE_SIZE);
    }
    return frame;
}

/* The physical address of the last-level table for address, or 0. Missing
 * tables are made when make is set. */
static uint64_t leaf_table(uint64_t root, uint64_t address, bool make,
                           uint16_t vm)
{
    uint64_t table_frame = root;

    for (unsigned level = 3; level > 0; level--) {
        uint64_t *entries = temp_map(TEMP_TABLE, table_frame);
        uint64_t entry = entries[slot_of(address, level)];

        if (!(entry & PTE_PRESENT)) {
            uint64_t frame = make ? table_alloc(vm) : 0;

            if (!frame) {
                return 0;
            }
            entry = frame | PTE_PRESENT | PTE_WRITE;
            entries = temp_map(TEMP_TABLE, table_frame);
            entries[slot_of(address, level)] = entry;
        }
        table_frame = entry & PTE_ADDRESS;
    }
    return table_frame;
}

static uint64_t leaf_bits(uint64_t address, unsigned protection)
{
    uint64_t bits = PTE_PRESENT;

    bits |= protection & PROT_WRITE ? PTE_WRITE : 0;
    bits |= protection & PROT_EXEC ? 0 : PTE_NX;
    bits |= protection & PROT_DEVICE ? PTE_PCD | PTE_PWT : 0;
    bits |= protection & PROT_COMBINED ? PTE_PWT : 0;
    bits |= address >= TEMP_BASE ? PTE_GLOBAL : 0;
    return bits;
}

int page_map(uint64_t root, uint64_t address, uint64_t frame,
             unsigned protection, uint16_t vm)
{
    uint64_t leaf = leaf_table(root, address, true, vm);
    uint64_t *entries;

    if (!leaf) {
        return -ENOMEM;
    }
    entries = temp_map(TEMP_TABLE, leaf);
    entries[slot_of(address, 0)] =
        (frame & PTE_ADDRESS) | leaf_bits(address, protection);
    temp_unmap(TEMP_TABLE);
    invlpg((void *)address);
    return 0;
}

int page_unmap(uint64_t root, uint64_t address)
{
    uint64_t leaf = leaf_table(root, address, false, FAULT_NO_VM);
    uint64_t *entries;

    if (!leaf) {
        return -EFAULT;
    }
    entries = temp_map(TEMP_TABLE, leaf);
    entries[slot_of(address, 0)] = 0;
    temp_unmap(TEMP_TABLE);
    invlpg((void *)address);
    return 0;
}

uint64_t page_lookup(uint64_t root, uint64_t address)
{
    uint64_t leaf = leaf_table(root, address, false, FAULT_NO_VM);
    uint64_t entry;

    if (!leaf) {
        return UINT64_MAX;
    }
    entry = ((uint64_t *)temp_map(TEMP_TABLE, leaf))[slot_of(address, 0)];
    temp_unmap(TEMP_TABLE);
    if (!(entry & PTE_PRESENT)) {
        return UINT64_MAX;
    }
    return (entry & PTE_ADDRESS) | (address & (PAGE_SIZE - 1));
}

uint64_t root_create(uint16_t vm)
{
    uint64_t root = table_alloc(vm);
    uint64_t *entries;

    if (!root) {
        return 0;
    }
    entries = temp_map(TEMP_TABLE, root);
    for (unsigned i = slot_of(TEMP_BASE, 3); i < ENTRIES; i++) {
        entries[i] = core_pml4[i];
    }
    temp_unmap(TEMP_TABLE);
    return root;
}

void root_load(uint64_t root)
{
    this_cpu()->root = root;
    write_cr3(root);
}

static void map_image(const char *start, const char *end, unsigned protection)
{
    for (const char *at = start; at < end; at += PAGE_SIZE) {
        unsigned page = (unsigned)((uint64_t)at - IMAGE_BASE) >> PAGE_SHIFT;

        image_pt[page / ENTRIES][page % ENTRIES] =
            image_phys(at) | leaf_bits((uint64_t)at, protection);
    }
}

void paging_set_types(void)
{
    msr_write(MSR_PAT, PAT_VALUE); /* without a PAT it is write-through */
}

void paging_init(void)
{
    const uint64_t link = PTE_PRESENT | PTE_WRITE;

    map_image(text_start, text_end, PROT_EXEC);
    map_image(text_end, rodata_end, PROT_READ);
    map_image(rodata_end, image_end, PROT_WRITE);
    for (unsigned i = 0; i < IMAGE_TABLES; i++) {
        image_pd[i] = image_phys(image_pt[i]) | link;
    }
    for (unsigned i = 0; i < DEVICE_TABLES; i++) {
        device_pd[i] = image_phys(device_pt[i]) | link;
    }
    device_pdpt[0] = image_phys(device_pd) | link;
    image_pdpt[slot_of(IMAGE_BASE, 2)] = image_phys(image_pd) | link;
    temp_pd[0] = image_phys(temp_pt) | link;
    temp_pdpt[0] = image_phys(temp_pd) | link;
    core_pml4[slot_of(IMAGE_BASE, 3)] = image_phys(image_pdpt) | link;
    core_pml4[slot_of(TEMP_BASE, 3)] = image_phys(temp_pdpt) | link;
    core_pml4[slot_of(CORE_BASE, 3)] = image_phys(core_pdpt) | link;
    core_pml4[slot_of(DEVICE_BASE, 3)] = image_phys(device_pdpt) | link;

    this_cpu()->core_root = image_phys(core_pml4);
    paging_set_types();
    write_cr4(read_cr4() | CR4_PGE);
    root_load(this_cpu()->core_root);
}

uint64_t paging_core_root(void)
{
    return image_phys(core_pml4);
}
