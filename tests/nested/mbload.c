/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads a Multiboot 1 kernel (Multiboot Specification 0.6.96). */
#include "machine.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_MAGIC  0x1BADB002
#define HEADER_SEARCH 8192
#define HEADER_ADDRS  0x10000 /* the a.out kludge */
#define INFO_FLAGS    0x24D   /* memory, cmdline, modules, map, name */
#define INFO_AT       0x9000
#define PAGE          4096
#define LOW_RAM_END   0x9FC00
#define HIGH_RAM      0x100000

struct mb_header {
    uint32_t magic, flags, checksum;
    uint32_t header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr;
};

struct mb_module {
    uint32_t start, end, string, reserved;
};

struct mb_range {
    uint32_t size; /* of what follows */
    uint64_t base, length;
    uint32_t type;
} __attribute__((packed));

/* Everything the kernel is told, in one page or so at INFO_AT. */
struct mb_info {
    uint32_t flags, mem_lower, mem_upper, boot_device, cmdline;
    uint32_t mods_count, mods_addr, syms[4], mmap_length, mmap_addr;
    uint32_t drives[2], config_table, boot_loader_name, apm_table, vbe[4];
    struct mb_module modules[MAX_MODULES];
    struct mb_range map[4];
    char strings[8192];
};

struct loader {
    struct machine *m;
    struct mb_info *info;
    uint32_t end; /* of what was loaded so far */
    size_t string_length;
};

_Noreturn static void refuse(struct machine *m, const char *file,
                             const char *why)
{
    printf("nested: %s: %s\n", file, why);
    machine_end(m, 2, "cannot load");
}

/* Reads `size` bytes at `offset` of the file to physical address `to`. */
static void read_to(struct loader *l, const char *file, uint32_t offset,
                    uint32_t to, uint32_t size)
{
    int fd = open(file, O_RDONLY);

    if (to < HIGH_RAM || to > l->m->ram_size || size > l->m->ram_size - to)
        refuse(l->m, file, "does not fit into memory");
    if (fd < 0 || pread(fd, l->m->ram + to, size, offset) != (ssize_t)size)
        refuse(l->m, file, "cannot be read");
    close(fd);
    if (to + size > l->end)
        l->end = to + size;
}

static uint32_t file_size(struct loader *l, const char *file)
{
    struct stat status;

    if (stat(file, &status))
        refuse(l->m, file, "is not there");
    return (uint32_t)status.st_size;
}

/* The text's address; what does not fit is cut off. */
static uint32_t add_string(struct loader *l, const char *text)
{
    size_t room = sizeof(l->info->strings) - l->string_length;
    char *at = l->info->strings + l->string_length;

    snprintf(at, room, "%s", text);
    l->string_length += strlen(at) + (room > strlen(at) + 1);
    return (uint32_t)((uint8_t *)at - l->m->ram);
}

static uint32_t load_flat(struct loader *l, const struct mb_header *h,
                          uint32_t header_offset)
{
    const char *file = l->m->kernel;
    uint32_t before = h->header_addr - h->load_addr;
    uint32_t size = h->load_end_addr - h->load_addr;

    if (before > header_offset)
        refuse(l->m, file, "load address before the file's start");
    if (!h->load_end_addr)
        size = file_size(l, file) - (header_offset - before);
    read_to(l, file, header_offset - before, h->load_addr, size);
    if (h->bss_end_addr > l->end)
        l->end = h->bss_end_addr;
    return h->entry_addr;
}

static uint32_t load_elf(struct loader *l, const uint8_t *head)
{
    const Elf32_Ehdr *elf = (const Elf32_Ehdr *)head;
    const Elf32_Phdr *segment = (const Elf32_Phdr *)(head + elf->e_phoff);

    if (memcmp(head, ELFMAG, SELFMAG) || head[EI_CLASS] != ELFCLASS32)
        refuse(l->m, l->m->kernel, "neither ELF32 nor load addresses");
    if (elf->e_phoff > HEADER_SEARCH - elf->e_phnum * sizeof(*segment))
        refuse(l->m, l->m->kernel, "program headers too far in");
    for (unsigned i = 0; i < elf->e_phnum; i++, segment++) {
        if (segment->p_type != PT_LOAD)
            continue;
        read_to(l, l->m->kernel, segment->p_offset, segment->p_paddr,
                segment->p_filesz);
        if (segment->p_paddr + segment->p_memsz > l->end)
            l->end = segment->p_paddr + segment->p_memsz;
    }
    return elf->e_entry;
}

static uint32_t load_kernel(struct loader *l)
{
    static uint8_t head[HEADER_SEARCH] __attribute__((aligned(8)));
    int fd = open(l->m->kernel, O_RDONLY);

    if (fd < 0 || read(fd, head, sizeof(head)) < (ssize_t)sizeof(Elf32_Ehdr))
        refuse(l->m, l->m->kernel, "cannot be read");
    close(fd);
    for (uint32_t at = 0; at + sizeof(struct mb_header) <= sizeof(head);
         at += 4) {
        const struct mb_header *h = (const void *)(head + at);

        if (h->magic != HEADER_MAGIC || h->magic + h->flags + h->checksum)
            continue;
        return h->flags & HEADER_ADDRS ? load_flat(l, h, at)
                                       : load_elf(l, head);
    }
    refuse(l->m, l->m->kernel, "has no Multiboot 1 header");
}

static void load_module(struct loader *l, const char *argument)
{
    struct mb_module *module = &l->info->modules[l->info->mods_count++];
    const char *colon = strchr(argument, ':');
    size_t length = colon ? (size_t)(colon - argument) : strlen(argument);
    char file[256];

    snprintf(file, sizeof(file), "%.*s", (int)length, argument);
    module->start = (l->end + PAGE - 1) & ~(uint32_t)(PAGE - 1);
    module->end = module->start + file_size(l, file);
    module->string = add_string(l, colon ? colon + 1 : "");
    read_to(l, file, 0, module->start, module->end - module->start);
}

static void add_range(struct mb_info *info, uint64_t base, uint64_t end,
                      uint32_t type)
{
    struct mb_range *range = &info->map[info->mmap_length / sizeof(*range)];

    *range = (struct mb_range){sizeof(*range) - sizeof(range->size), base,
                               end - base, type};
    info->mmap_length += (uint32_t)sizeof(*range);
}

static void describe_memory(struct loader *l)
{
    struct mb_info *info = l->info;

    info->mem_lower = LOW_RAM_END / 1024;
    info->mem_upper = (uint32_t)((l->m->ram_size - HIGH_RAM) / 1024);
    info->mmap_addr = INFO_AT + offsetof(struct mb_info, map);
    add_range(info, 0, LOW_RAM_END, 1);
    add_range(info, LOW_RAM_END, 0xA0000, 2);
    add_range(info, 0xE0000, HIGH_RAM, 2);
    add_range(info, HIGH_RAM, l->m->ram_size, 1);
}

uint32_t mbload(struct machine *m, uint32_t *info_at)
{
    struct loader l = {.m = m, .info = (void *)(m->ram + INFO_AT)};
    uint32_t entry = load_kernel(&l);

    memset(l.info, 0, sizeof(*l.info));
    l.info->flags = INFO_FLAGS;
    l.info->cmdline = add_string(&l, m->append);
    l.info->boot_loader_name = add_string(&l, "nested launcher");
    l.info->mods_addr = INFO_AT + offsetof(struct mb_info, modules);
    for (unsigned i = 0; i < m->module_count; i++)
        load_module(&l, m->modules[i]);
    describe_memory(&l);
    *info_at = INFO_AT;
    return entry;
}
