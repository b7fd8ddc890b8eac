/* sources: kernel/boot_info.c kernel/multiboot1.c kernel/multiboot2.c */
/* fuzz: -runs=50000 -max_len=2048 */
/* SPDX-License-Identifier: BSD-2-Clause */
/* What the boot loader left: Multiboot2 information as it is, or Multiboot1's
 * with addresses that have memory behind them, as boot_info.h assumes. */
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>

#include "kernel/boot_info.h"

#define MULTIBOOT1 0x2badb002
#define MULTIBOOT2 0x36d76289

/* Of the memory below 4 GiB. The last page of it cannot be read. */
#define AREA     0x20000u
#define LIST_MAX 0x11000u /* what an address in it has behind it, at least */

static uint8_t *area(void)
{
    static uint8_t *memory;

    if (memory)
        return memory;
    memory = mmap(NULL, AREA + 4096, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    require(memory != MAP_FAILED);
    require(mprotect(memory + AREA, 4096, PROT_NONE) == 0);
    return memory;
}

static void check(const struct boot_info *info)
{
    require(info->module_count <= BOOT_MODULES_MAX);
    require(info->range_count <= BOOT_RANGES_MAX);
    require(strnlen(info->line, BOOT_LINE_SIZE) < BOOT_LINE_SIZE);
    for (unsigned i = 0; i < info->module_count; i++) {
        const struct boot_module *m = &info->modules[i];

        require(m->start <= m->end && m->end <= UINT32_MAX);
        require(strnlen(m->line, BOOT_LINE_SIZE) < BOOT_LINE_SIZE);
    }
    for (unsigned i = 0; i < info->range_count; i++)
        require(info->ranges[i].start < info->ranges[i].end);
}

/* The information ends where the memory that can be read does. */
static void read2(const uint8_t *data, size_t size, struct boot_info *info)
{
    static uint8_t before[4096];
    uint32_t told;
    uint8_t *at;

    size &= ~(size_t)7;
    if (size < 8 || size > sizeof(before))
        return;
    memcpy(before, data, size);
    memcpy(&told, before, sizeof(told));
    /* it says its size, up to what there is */
    told = told > size ? (uint32_t)size : told;
    memcpy(before, &told, sizeof(told));
    at = area() + AREA - size;
    memcpy(at, before, size);
    boot_info_read(MULTIBOOT2, (uintptr_t)at, info);
    require(info->info_end <= (uintptr_t)at + size);
    require(info->rsdp == 0 || (info->rsdp >= (uintptr_t)at + 16 &&
                                info->rsdp + 20 <= info->info_end));
    require(memcmp(at, before, size) == 0);
}

static void put32(unsigned at, uint32_t value)
{
    memcpy(area() + at, &value, sizeof(value));
}

static uint32_t get32(unsigned at)
{
    uint32_t value;

    memcpy(&value, area() + at, sizeof(value));
    return value;
}

/* Counts, lengths and contents are the input's; addresses lie in the area,
 * behind the information, with enough behind them. */
static void read1(const uint8_t *data, size_t size, struct boot_info *info)
{
    /* cmdline, mods, mmap, boot_loader_name */
    static const unsigned addresses[] = {16, 24, 48, 64};
    uint32_t base = (uint32_t)(uintptr_t)area(), at[COUNT(addresses)];

    memcpy(area(), data, size);
    for (unsigned have = (unsigned)size; have < AREA; have *= 2)
        memcpy(area() + have, area(), have < AREA - have ? have : AREA - have);
    for (unsigned i = 0; i < COUNT(addresses); i++) {
        at[i] = 0x1000 * (i + 1) + get32(addresses[i]) % 0x800;
        put32(addresses[i], base + at[i]);
    }
    for (unsigned i = 0; i < BOOT_MODULES_MAX; i++) {
        unsigned string = at[1] + 16 * i + 8;

        if (get32(string) % 4)
            put32(string, base + get32(string) % (AREA - 4096));
        else
            put32(string, 0);
    }
    if (get32(44) % 16) {
        put32(44, get32(44) % 0x10000);
    } else { /* all of the addresses that there are, in one step */
        put32(44, UINT32_MAX);
        put32(at[2], UINT32_MAX - 4);
    }
    boot_info_read(MULTIBOOT1, base, info);
    require(info->module_count + info->modules_ignored ==
            (get32(0) & 8 ? get32(20) : 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct boot_info info;
    uint32_t magic = size && data[0] % 2 ? MULTIBOOT1 : MULTIBOOT2;

    memset(&info, 0, sizeof(info));
    if (size < 2)
        return 0;
    if (magic == MULTIBOOT1)
        read1(data + 1, size - 1, &info);
    else
        read2(data + 1, size - 1, &info);
    check(&info);
    return 0;
}
