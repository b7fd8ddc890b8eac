/* sources: vmm/load*.c kernel/format.c */
/* fuzz: -runs=30000 -max_len=256 */
/* SPDX-License-Identifier: BSD-2-Clause */
/* A bzImage that is almost right: what surrounds it, then damage. */
#include "tests/fuzz/load_fuzz.h"
#include "vmm/linux_boot.h"

#define IMAGE_SIZE 4096

static void make_bzimage(uint8_t image[IMAGE_SIZE])
{
    struct setup_header header = {
        .setup_sects = 1,
        .syssize = (IMAGE_SIZE - 1024) / 16,
        .boot_flag = 0xAA55,
        .jump_opcode = 0xEB,
        .jump_offset = 0x6A,
        .header = 0x53726448,
        .version = 0x20F,
        .loadflags = 1,
        .initrd_addr_max = 0x7FFFFFFF,
        .kernel_alignment = 0x200000,
        .relocatable_kernel = 1,
        .xloadflags = 1,
        .cmdline_size = 2047,
        .pref_address = 0x400000,
        .init_size = 0x200000,
    };

    memset(image, 0xC3, IMAGE_SIZE);
    memcpy(image + SETUP_HEADER_OFFSET, &header, sizeof(header));
}

static void check_linux(const uint8_t *image, const struct load_result *out)
{
    const struct boot_params *params = (const void *)(ram + out->rsi);
    const struct setup_header *header = &params->header;

    require(out->rsi == 0x7000);
    require(out->entry == header->pref_address + 0x200);
    require(header->type_of_loader == 0xFF);
    require(header->pref_address + header->init_size <= ram_size);
    require(memcmp(ram + out->entry,
                   image + (image[0x1F1] ? image[0x1F1] + 1 : 5) * 512 + 0x200,
                   16) == 0);
    if (header->ramdisk_size) {
        require(header->ramdisk_image >=
                header->pref_address + header->init_size);
        require((uint64_t)header->ramdisk_image + header->ramdisk_size <=
                ram_size);
    }
    require(strlen((const char *)ram + header->cmd_line_ptr) <=
            header->cmdline_size);
    require(out->cr3 % 4096 == 0 && out->cr3 < LOAD_IMAGES && out->gdt != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct load_input load = take_load(&in);
    struct load_result out;
    uint8_t image[IMAGE_SIZE];
    unsigned length;

    make_bzimage(image);
    length = damage_image(&in, image, sizeof(image));
    if (load_checked(image, length, &load, &out) == 0 &&
        out.kind == LOAD_LINUX64)
        check_linux(image, &out);
    use_rig();
    return 0;
}
