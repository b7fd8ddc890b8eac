/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/efi/image.h"

#include <stdbool.h>

#include "boot/efi/multiboot2.h"
#include "kernel/errno.h"
#include "kernel/string.h"

#define PAGE      4096ull
#define LOWEST    0x100000ull    /* below are firmware and the other CPUs */
#define HIGHEST   0x100000000ull /* addresses of 32 bits */
#define SPAN_MAX  0x4000000ull
#define PT_LOAD   1
#define ET_EXEC   2
#define EM_X86_64 62

/* System V ABI, generic: chapters 4 and 5. */
struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct segment {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

static const char *check_header(const struct elf_header *elf, size_t size)
{
    static const uint8_t ident[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};

    if (size < sizeof(*elf) || memcmp(elf->ident, ident, sizeof(ident))) {
        return "is no 64-bit ELF program";
    }
    if (elf->machine != EM_X86_64 || elf->type != ET_EXEC) {
        return "is no ELF program of x86_64";
    }
    if (elf->phentsize != sizeof(struct segment) || elf->phoff % 8 ||
        elf->phoff > size ||
        elf->phnum > (size - elf->phoff) / sizeof(struct segment)) {
        return "is cut short or damaged (its program headers)";
    }
    return NULL;
}

static const struct segment *segments(const void *file)
{
    const struct elf_header *elf = file;

    return (const void *)((const char *)file + elf->phoff);
}

static const char *check_segment(const struct segment *segment, size_t size)
{
    if (segment->offset > size || segment->filesz > size - segment->offset ||
        segment->filesz > segment->memsz) {
        return "is cut short or damaged (its segments)";
    }
    if (segment->paddr < LOWEST || segment->paddr >= HIGHEST ||
        segment->memsz > HIGHEST - segment->paddr) {
        return "is not linked to be loaded between 1 MiB and 4 GiB";
    }
    return NULL;
}

static const char *check_segments(const void *file, size_t size,
                                  struct efi_image *image)
{
    const struct elf_header *elf = file;
    const char *why = NULL;

    image->start = HIGHEST;
    image->end = 0;
    for (unsigned i = 0; i < elf->phnum && !why; i++) {
        const struct segment *segment = &segments(file)[i];
        uint64_t end = segment->paddr + segment->memsz;

        if (segment->type != PT_LOAD || !segment->memsz) {
            continue;
        }
        why = check_segment(segment, size);
        image->start =
            segment->paddr < image->start ? segment->paddr : image->start;
        image->end = end > image->end ? end : image->end;
    }
    image->start &= ~(PAGE - 1);
    image->end = (image->end + PAGE - 1) & ~(PAGE - 1);
    if (!why && image->start >= image->end) {
        why = "has nothing in it that can be loaded";
    }
    if (!why && image->end - image->start > SPAN_MAX) {
        why = "takes more than 64 MiB of memory";
    }
    return why;
}

/* The header, by its magic number; its size is checked. */
static const struct mb2_header *find_header(const char *file, size_t size)
{
    const size_t end = size < MB2_SEARCH ? size : MB2_SEARCH;

    for (size_t at = 0; at + sizeof(struct mb2_header) <= end; at += 8) {
        const struct mb2_header *header = (const void *)(file + at);

        if (header->magic == MB2_HEADER_MAGIC &&
            header->magic + header->architecture + header->length +
                    header->checksum ==
                0 &&
            header->length >= sizeof(*header) && header->length <= end - at) {
            return header;
        }
    }
    return NULL;
}

/* May a tag be left unserved? The addresses are those of the segments;
 * module alignment, the console, the frame buffer and relocation are what
 * they are, and good for any request. */
static bool may_ignore(const struct mb2_header_tag *tag)
{
    return tag->flags & MB2_OPTIONAL || tag->type == MB2_REQUEST_ADDRESSES ||
           tag->type == MB2_REQUEST_CONSOLE ||
           tag->type == MB2_REQUEST_FRAMEBUFFER ||
           tag->type == MB2_REQUEST_ALIGNMENT ||
           tag->type == MB2_REQUEST_RELOCATION;
}

static const char *check_multiboot(const struct mb2_header *header,
                                   struct efi_image *image)
{
    uint32_t at = sizeof(*header);

    image->entry = 0;
    while (at + sizeof(struct mb2_header_tag) <= header->length) {
        const struct mb2_header_tag *tag =
            (const void *)((const char *)header + at);

        if (tag->type == MB2_REQUEST_END) {
            break;
        }
        if (tag->size < sizeof(*tag) || tag->size > header->length - at) {
            return "has a damaged Multiboot2 header";
        }
        if (tag->type == MB2_REQUEST_ENTRY && tag->size >= 12) {
            memcpy(&image->entry, tag + 1, sizeof(image->entry));
        } else if (!may_ignore(tag)) {
            return "asks in its Multiboot2 header for what this loader does "
                   "not do";
        }
        at += (tag->size + 7) & ~7u;
    }
    if (image->entry < image->start || image->entry >= image->end) {
        return "names no entry inside itself in its Multiboot2 header";
    }
    return NULL;
}

int efi_image_check(const void *file, size_t size, struct efi_image *image,
                    const char **why)
{
    const struct mb2_header *header;

    *why = check_header(file, size);
    if (!*why) {
        *why = check_segments(file, size, image);
    }
    if (!*why) {
        header = find_header(file, size);
        *why = header ? check_multiboot(header, image)
                      : "has no Multiboot2 header";
    }
    return *why ? -EINVAL : 0;
}

void efi_image_place(const void *file, const struct efi_image *image,
                     void *buffer)
{
    const struct elf_header *elf = file;

    memset(buffer, 0, image->end - image->start);
    for (unsigned i = 0; i < elf->phnum; i++) {
        const struct segment *segment = &segments(file)[i];

        if (segment->type == PT_LOAD && segment->memsz) {
            memcpy((char *)buffer + (segment->paddr - image->start),
                   (const char *)file + segment->offset, segment->filesz);
        }
    }
}
