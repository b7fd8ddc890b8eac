/* SPDX-License-Identifier: BSD-2-Clause */
/* Multiboot Specification 0.6.96; field names and offsets are its. */
#include "vmm/load_segments.h"

#include "kernel/errno.h"
#include "kernel/string.h"

#define HEADER_MAGIC 0x1BADB002
#define LOADER_MAGIC 0x2BADB002
#define HEADER_LIMIT 8192 /* the header lies within so many bytes */
#define FLAG_VIDEO   0x4  /* asks for a video mode */
/* Must be understood; bits 0 and 1, align modules and tell the memory, are
 * always done. */
#define FLAGS_UNKNOWN   0xFFFC
#define FLAG_ADDRESSES  0x10000

#define INFO_ADDRESS    0x7000
#define MAP_ADDRESS     0x7100
#define MODULES_ADDRESS 0x7200
#define STRINGS_ADDRESS 0x8000
#define STRINGS_END     LOAD_IMAGES

#define INFO_MEMORY     0x001
#define INFO_CMDLINE    0x004
#define INFO_MODULES    0x008
#define INFO_MAP        0x040
#define INFO_NAME       0x200

#define PAGE_SIZE       4096ULL

_Static_assert(MODULES_ADDRESS + LOAD_MODULES_MAX * 16 <= STRINGS_ADDRESS,
               "the module list ends before the strings");

struct multiboot_header {
    uint32_t magic;
    uint32_t flags;
    uint32_t checksum;
    uint32_t header_addr;
    uint32_t load_addr;
    uint32_t load_end_addr;
    uint32_t bss_end_addr;
    uint32_t entry_addr;
};

#define HEADER_SIZE_MIN 12 /* without the addresses */

struct multiboot_info {
    uint32_t flags;
    uint32_t mem_lower; /* KiB */
    uint32_t mem_upper; /* KiB from 1 MiB on */
    uint32_t boot_device;
    uint32_t cmdline;
    uint32_t mods_count;
    uint32_t mods_addr;
    uint32_t syms[4];
    uint32_t mmap_length;
    uint32_t mmap_addr;
    uint32_t drives[2];
    uint32_t config_table;
    uint32_t boot_loader_name;
    uint32_t rest[13];
};

_Static_assert(sizeof(struct multiboot_info) <= MAP_ADDRESS - INFO_ADDRESS,
               "the information ends before the map");

struct multiboot_range {
    uint32_t size; /* of what follows */
    struct load_range range;
} __attribute__((packed));

struct multiboot_module {
    uint32_t mod_start;
    uint32_t mod_end;
    uint32_t string;
    uint32_t reserved;
};

/* Finds the header. Addresses that the image does not hold are 0. */
static bool find_header(const struct image *kernel,
                        struct multiboot_header *header, uint64_t *offset)
{
    uint64_t end = kernel->size < HEADER_LIMIT ? kernel->size : HEADER_LIMIT;

    memset(header, 0, sizeof(*header));
    for (uint64_t at = 0; at + HEADER_SIZE_MIN <= end; at += 4) {
        load_read(kernel, at, header, HEADER_SIZE_MIN);
        if (header->magic != HEADER_MAGIC ||
            header->magic + header->flags + header->checksum != 0)
            continue;
        load_read(kernel, at, header, sizeof(*header));
        *offset = at;
        return true;
    }
    return false;
}

bool multiboot_matches(const struct image *kernel)
{
    struct multiboot_header header;
    uint64_t offset;

    return find_header(kernel, &header, &offset);
}

/* The header's own addresses, for images that are no ELF files. */
static int address_segment(const struct load *load,
                           const struct multiboot_header *header,
                           uint64_t header_offset,
                           struct load_segments *segments)
{
    uint32_t before = header->header_addr - header->load_addr;
    struct load_segment segment = {.address = header->load_addr};

    if (header->load_addr > header->header_addr || before > header_offset)
        return load_fail(load, -EINVAL, "load_addr: does not fit header_addr");
    segment.offset = header_offset - before;
    segment.file_size = load->kernel->size - segment.offset;
    if (header->load_end_addr != 0) {
        if (header->load_end_addr <= header->load_addr)
            return load_fail(load, -EINVAL, "load_end_addr: below load_addr");
        segment.file_size = header->load_end_addr - header->load_addr;
    }
    segment.memory_size = segment.file_size;
    if (header->bss_end_addr != 0) {
        if (header->bss_end_addr < segment.address + segment.file_size)
            return load_fail(load, -EINVAL, "bss_end_addr: below the data");
        segment.memory_size = header->bss_end_addr - header->load_addr;
    }
    if (header->entry_addr < segment.address ||
        header->entry_addr - segment.address >= segment.memory_size)
        return load_fail(load, -EINVAL, "entry_addr: not in the image");
    segments->entry = header->entry_addr;
    return load_add_segment(load, segments, &segment);
}

static int find_segments(const struct load *load,
                         struct load_segments *segments)
{
    struct multiboot_header header;
    uint64_t offset;

    if (!find_header(load->kernel, &header, &offset))
        return load_fail(load, -EINVAL, "magic: there is no header");
    if ((header.flags & FLAG_VIDEO) != 0)
        return load_fail(load, -EOPNOTSUPP, "flags: asks for a video mode");
    if ((header.flags & FLAGS_UNKNOWN) != 0)
        return load_fail(load, -EOPNOTSUPP, "flags: 0x%x are not known",
                         header.flags);
    if ((header.flags & FLAG_ADDRESSES) == 0)
        return elf32_segments(load, segments);
    if (load->kernel->size - offset < sizeof(header))
        return load_fail(load, -EINVAL, "header: the image ends in it");
    return address_segment(load, &header, offset, segments);
}

/* Writes the segments and tells where the highest one ends. */
static int write_segments(const struct load *load,
                          const struct load_segments *segments, uint64_t *end)
{
    const uint8_t *kernel = load->kernel->data;
    int error = 0;

    *end = LOAD_HIGH;
    for (unsigned i = 0; i < segments->count && error == 0; i++) {
        const struct load_segment *segment = &segments->list[i];

        error = load_write(load, segment->address, kernel + segment->offset,
                           segment->file_size);
        if (segment->address + segment->memory_size > *end)
            *end = segment->address + segment->memory_size;
    }
    return error;
}

/* Writes a string behind the others; *gpa tells where. */
static int write_string(const struct load *load, const char *string,
                        uint64_t *next, uint32_t *gpa)
{
    uint64_t size = strlen(string) + 1;

    if (size > STRINGS_END - *next)
        return load_fail(load, -EINVAL, "strings: more than 32 KiB");
    *gpa = (uint32_t)*next;
    *next += size;
    return load_write(load, *gpa, string, size);
}

/* Puts module i at or above *free, at a page, and into the module list. */
static int write_module(const struct load *load, unsigned i, uint64_t *free,
                        uint64_t *next)
{
    const struct image *image = &load->modules[i];
    uint64_t start = (*free + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    struct multiboot_module module = {0};
    int error;

    if (!load_is_ram(load, start, image->size))
        return load_fail(
            load, -EINVAL, "module %u: no room for 0x%llx bytes from 0x%llx", i,
            (unsigned long long)image->size, (unsigned long long)start);
    *free = start + image->size;
    module.mod_start = (uint32_t)start;
    module.mod_end = (uint32_t)*free;
    error = write_string(load, load->module_strings[i], next, &module.string);
    if (error == 0)
        error = load_write(load, start, image->data, image->size);
    if (error == 0)
        error = load_write(load, MODULES_ADDRESS + i * sizeof(module), &module,
                           sizeof(module));
    return error;
}

static int write_map(const struct load *load, struct multiboot_info *info)
{
    struct load_range ranges[LOAD_RANGES_MAX];
    struct multiboot_range map[LOAD_RANGES_MAX];
    unsigned count = load_memory_map(load, ranges);

    for (unsigned i = 0; i < count; i++)
        map[i] = (struct multiboot_range){sizeof(ranges[i]), ranges[i]};
    info->mmap_addr = MAP_ADDRESS;
    info->mmap_length = (uint32_t)(count * sizeof(map[0]));
    return load_write(load, MAP_ADDRESS, map, info->mmap_length);
}

static int write_info(const struct load *load, uint64_t free)
{
    struct multiboot_info info = {
        .flags =
            INFO_MEMORY | INFO_CMDLINE | INFO_MODULES | INFO_MAP | INFO_NAME,
        .mem_lower = LOAD_LOW_END / 1024,
        .mem_upper = (uint32_t)((load->low_end - LOAD_HIGH) / 1024),
        .mods_count = load->module_count,
        .mods_addr = MODULES_ADDRESS,
    };
    uint64_t next = STRINGS_ADDRESS;
    int error = write_string(load, "bulkhead", &next, &info.boot_loader_name);

    if (error == 0)
        error = write_string(load, load->cmdline, &next, &info.cmdline);
    for (unsigned i = 0; i < load->module_count && error == 0; i++)
        error = write_module(load, i, &free, &next);
    if (error == 0)
        error = write_map(load, &info);
    if (error == 0)
        error = load_write(load, INFO_ADDRESS, &info, sizeof(info));
    return error;
}

int multiboot_load(const struct load *load)
{
    struct load_segments segments = {.count = 0};
    uint64_t end;
    int error = find_segments(load, &segments);

    if (error == 0)
        error = write_segments(load, &segments, &end);
    if (error == 0)
        error = write_info(load, end);
    if (error != 0)
        return error;
    load->out->kind = LOAD_MULTIBOOT32;
    load->out->entry = segments.entry;
    load->out->eax = LOADER_MAGIC;
    load->out->ebx = INFO_ADDRESS;
    return 0;
}
