/* sources: vmm/load*.c kernel/format.c */
/* fuzz: -runs=30000 -max_len=256 */
/* SPDX-License-Identifier: BSD-2-Clause */
/* A Multiboot kernel that is almost right: an ELF file, or the addresses of
 * its header; what surrounds it, then damage. */
#include "tests/fuzz/load_fuzz.h"

#define IMAGE_SIZE 1024

static uint8_t image[IMAGE_SIZE];

static void put(unsigned at, unsigned size, uint64_t value)
{
    memcpy(image + at, &value, size);
}

static void put_header(unsigned at, uint32_t flags)
{
    put(at, 4, 0x1BADB002);
    put(at + 4, 4, flags);
    put(at + 8, 4, 0u - 0x1BADB002 - flags);
}

/* Load addresses, as of an image that is no ELF file. */
static void make_flat(void)
{
    put_header(0x80, 0x10000);
    put(0x8C, 4, 0x100080); /* header_addr */
    put(0x90, 4, 0x100000); /* load_addr */
    put(0x94, 4, 0x100300); /* load_end_addr */
    put(0x98, 4, 0x102000); /* bss_end_addr */
    put(0x9C, 4, 0x100020); /* entry_addr */
}

static void make_elf32(void)
{
    memcpy(image, "\177ELF\1\1\1", 7);
    put(16, 2, 2);          /* e_type */
    put(18, 2, 3);          /* e_machine */
    put(24, 4, 0xC0100020); /* e_entry */
    put(28, 4, 0x34);       /* e_phoff */
    put(42, 2, 32);         /* e_phentsize */
    put(44, 2, 2);          /* e_phnum */
    for (unsigned i = 0; i < 2; i++) {
        unsigned at = 0x34 + 32 * i;

        put(at, 4, 1); /* PT_LOAD */
        put(at + 4, 4, 0x100 + 0x100 * i);
        put(at + 8, 4, 0xC0100000 + 0x4000 * i);
        put(at + 12, 4, 0x100000 + 0x4000 * i);
        put(at + 16, 4, 0x80);
        put(at + 20, 4, 0x80 + 0x1000 * i);
    }
    put_header(0x200, 0);
}

static void make_elf64(void)
{
    memcpy(image, "\177ELF\2\1\1", 7);
    put(16, 2, 2);        /* e_type */
    put(18, 2, 62);       /* e_machine */
    put(24, 8, 0x100020); /* e_entry */
    put(32, 8, 0x40);     /* e_phoff */
    put(54, 2, 56);       /* e_phentsize */
    put(56, 2, 1);        /* e_phnum */
    put(0x40, 4, 1);      /* PT_LOAD */
    put(0x48, 8, 0x100);
    put(0x50, 8, 0x100000);
    put(0x58, 8, 0x100000);
    put(0x60, 8, 0x80);
    put(0x68, 8, 0x2000);
    put_header(0x200, 0);
}

/* The information structure that EBX points to, and what it points to. */
static void check_multiboot(const struct load_input *load,
                            const struct load_result *out)
{
    uint32_t info = out->ebx, mods;

    require(out->eax == 0x2BADB002 && info == 0x7000);
    require(ram32(info) & 0x40);
    require(strlen((const char *)ram + ram32(info + 16)) ==
            load->cmdline_length);
    require(ram32(info + 20) == load->modules);
    mods = ram32(info + 24);
    for (unsigned i = 0; i < load->modules; i++) {
        uint32_t start = ram32(mods + 16 * i), end = ram32(mods + 16 * i + 4);

        require(start % 4096 == 0 && start <= end && end <= ram_size);
        require(end - start == load->module_size[i]);
        require(start > out->entry || start == end);
    }
    require(ram32(info + 44) % 24 == 0 && ram32(info + 44) >= 72);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const makers[])(void) = {make_flat, make_elf32, make_elf64};
    struct input in = {data, size};
    struct load_input load = take_load(&in);
    struct load_result out;
    unsigned length;

    memset(image, 0xC3, sizeof(image));
    memset(image, 0, 0x100);
    makers[take_below(&in, COUNT(makers))]();
    length = damage_image(&in, image, sizeof(image));
    if (load_checked(image, length, &load, &out) == 0 &&
        out.kind == LOAD_MULTIBOOT32)
        check_multiboot(&load, &out);
    use_rig();
    return 0;
}
