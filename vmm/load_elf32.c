/* SPDX-License-Identifier: BSD-2-Clause */
/* ELF32 executables for the i386 (System V ABI, chapters 4 and 5). */
#include "vmm/load_segments.h"

#include "kernel/errno.h"
#include "kernel/string.h"

#define ELF_MAGIC "\177ELF\1\1\1" /* 32 bits, little-endian, version 1 */
#define ET_EXEC   2
#define EM_386    3
#define PT_LOAD   1
#define PHNUM_MAX 64

struct elf32_header {
    uint8_t e_ident[16];
    uint16_t e_type;
    uint16_t e_machine;
    uint32_t e_version;
    uint32_t e_entry;
    uint32_t e_phoff;
    uint32_t e_shoff;
    uint32_t e_flags;
    uint16_t e_ehsize;
    uint16_t e_phentsize;
    uint16_t e_phnum;
    uint16_t e_shentsize;
    uint16_t e_shnum;
    uint16_t e_shstrndx;
};

struct elf32_program_header {
    uint32_t p_type;
    uint32_t p_offset;
    uint32_t p_vaddr;
    uint32_t p_paddr;
    uint32_t p_filesz;
    uint32_t p_memsz;
    uint32_t p_flags;
    uint32_t p_align;
};

static bool overlaps(const struct load_segment *a, const struct load_segment *b)
{
    return a->address < b->address + b->memory_size &&
           b->address < a->address + a->memory_size;
}

int load_add_segment(const struct load *load, struct load_segments *segments,
                     const struct load_segment *segment)
{
    if (segment->memory_size == 0 && segment->file_size == 0)
        return 0;
    if (segment->offset > load->kernel->size ||
        segment->file_size > load->kernel->size - segment->offset)
        return load_fail(load, -EINVAL,
                         "p_filesz: the image ends before 0x%llx + 0x%llx",
                         (unsigned long long)segment->offset,
                         (unsigned long long)segment->file_size);
    if (segment->file_size > segment->memory_size)
        return load_fail(load, -EINVAL, "p_memsz: less than p_filesz");
    if (!load_is_ram(load, segment->address, segment->memory_size))
        return load_fail(load, -EINVAL,
                         "p_paddr: 0x%llx + 0x%llx is not free RAM",
                         (unsigned long long)segment->address,
                         (unsigned long long)segment->memory_size);
    for (unsigned i = 0; i < segments->count; i++)
        if (overlaps(segment, &segments->list[i]))
            return load_fail(load, -EINVAL, "p_paddr: 0x%llx overlaps",
                             (unsigned long long)segment->address);
    if (segments->count == LOAD_SEGMENTS_MAX)
        return load_fail(load, -EINVAL, "e_phnum: more than 32 segments");
    segments->list[segments->count++] = *segment;
    return 0;
}

static int read_header(const struct load *load, struct elf32_header *header)
{
    if (!load_read(load->kernel, 0, header, sizeof(*header)))
        return load_fail(load, -EINVAL, "ELF header: the image ends in it");
    if (memcmp(header->e_ident, ELF_MAGIC, sizeof(ELF_MAGIC) - 1) != 0)
        return load_fail(load, -EOPNOTSUPP, "e_ident: not a 32-bit ELF file");
    if (header->e_machine != EM_386)
        return load_fail(load, -EOPNOTSUPP, "e_machine: %u is not the i386",
                         header->e_machine);
    if (header->e_type != ET_EXEC)
        return load_fail(load, -EOPNOTSUPP, "e_type: %u is no executable",
                         header->e_type);
    if (header->e_phentsize < sizeof(struct elf32_program_header))
        return load_fail(load, -EINVAL, "e_phentsize: %u is too small",
                         header->e_phentsize);
    if (header->e_phnum == 0 || header->e_phnum > PHNUM_MAX)
        return load_fail(load, -EINVAL, "e_phnum: %u is not 1 to 64",
                         header->e_phnum);
    return 0;
}

/* The entry is a virtual address: translates it when it lies in the segment,
 * as GRUB does. */
static bool find_entry(uint32_t entry, const struct elf32_program_header *ph,
                       uint64_t *physical)
{
    if (entry < ph->p_vaddr || entry - ph->p_vaddr >= ph->p_memsz)
        return false;
    *physical = (uint64_t)ph->p_paddr + (entry - ph->p_vaddr);
    return true;
}

int elf32_segments(const struct load *load, struct load_segments *segments)
{
    struct elf32_header header;
    struct elf32_program_header ph;
    bool entry_found = false;
    int error = read_header(load, &header);

    for (unsigned i = 0; i < header.e_phnum && error == 0; i++) {
        uint64_t at = header.e_phoff + (uint64_t)i * header.e_phentsize;

        if (!load_read(load->kernel, at, &ph, sizeof(ph)))
            return load_fail(load, -EINVAL, "e_phoff: the image ends in %u", i);
        if (ph.p_type != PT_LOAD)
            continue;
        error =
            load_add_segment(load, segments,
                             &(struct load_segment){ph.p_offset, ph.p_filesz,
                                                    ph.p_paddr, ph.p_memsz});
        if (!entry_found)
            entry_found = find_entry(header.e_entry, &ph, &segments->entry);
    }
    if (error == 0 && !entry_found)
        return load_fail(load, -EINVAL, "e_entry: 0x%x is in no segment",
                         header.e_entry);
    return error;
}
