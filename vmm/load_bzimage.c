/* SPDX-License-Identifier: BSD-2-Clause */
/* bzImages, by the 64-bit boot protocol (Documentation/x86/boot.rst). */
#include "vmm/linux_boot.h"
#include "vmm/load_parts.h"

#include "kernel/errno.h"
#include "kernel/string.h"
#include "vmm/acpi_tables.h"

#define SETUP_DATA_ADDRESS  0x6000
#define BOOT_PARAMS_ADDRESS 0x7000
#define CMDLINE_ADDRESS     0xF000
#define CMDLINE_MAX         0xFFF /* to 64 KiB, with the NUL */

#define PAGE_SIZE           4096ULL
#define SECTOR              512ULL

#define HEADER_JUMP_END     0x202 /* the header ends at this + jump_offset */
#define BOOT_FLAG           0xAA55
#define HEADER_MAGIC        0x53726448 /* "HdrS" */
#define HEADER_MAGIC_OFFSET 0x202
#define VERSION_MIN         0x20C
#define LOADED_HIGH         0x01
#define XLF_KERNEL_64       0x01
#define ENTRY_64            0x200
#define LOADER_UNDEFINED    0xFF
#define SETUP_RNG_SEED      9

/* What is to be done, once everything was checked. */
struct plan {
    struct setup_header header;
    uint64_t offset; /* of the protected-mode part in the image */
    uint64_t size;
    uint64_t initrd;
    uint64_t initrd_size;
};

bool bzimage_matches(const struct image *kernel)
{
    uint32_t magic;

    return load_read(kernel, HEADER_MAGIC_OFFSET, &magic, sizeof(magic)) &&
           magic == HEADER_MAGIC;
}

static int read_header(const struct load *load, struct setup_header *header)
{
    uint8_t jump_offset;
    uint64_t end;

    memset(header, 0, sizeof(*header));
    if (!load_read(load->kernel, HEADER_JUMP_END - 1, &jump_offset, 1))
        return load_fail(load, -EINVAL, "jump: the image ends before it");
    end = HEADER_JUMP_END + jump_offset;
    if (end < SETUP_HEADER_END_MIN || end > SETUP_HEADER_END_MAX)
        return load_fail(load, -EINVAL, "jump: a setup header up to 0x%x",
                         (unsigned)end);
    if (!load_read(load->kernel, SETUP_HEADER_OFFSET, header,
                   end - SETUP_HEADER_OFFSET))
        return load_fail(load, -EINVAL, "setup header: the image ends in it");
    return 0;
}

static int check_protocol(const struct load *load,
                          const struct setup_header *header)
{
    if (header->boot_flag != BOOT_FLAG)
        return load_fail(load, -EINVAL, "boot_flag: 0x%x is not 0xaa55",
                         header->boot_flag);
    if (header->version < VERSION_MIN)
        return load_fail(load, -EOPNOTSUPP, "version: 0x%x is below 0x20c",
                         header->version);
    if ((header->loadflags & LOADED_HIGH) == 0)
        return load_fail(load, -EOPNOTSUPP, "loadflags: not a bzImage");
    if ((header->xloadflags & XLF_KERNEL_64) == 0)
        return load_fail(load, -EOPNOTSUPP, "xloadflags: no 64-bit entry");
    if (header->relocatable_kernel == 0)
        return load_fail(load, -EOPNOTSUPP, "relocatable_kernel: it is not");
    return 0;
}

static int plan_kernel(const struct load *load, struct plan *plan)
{
    const struct setup_header *header = &plan->header;
    uint32_t alignment = header->kernel_alignment;
    uint64_t sectors = header->setup_sects;

    if (sectors == 0)
        sectors = 4; /* the protocol's word for very old images */
    plan->offset = (sectors + 1) * SECTOR;
    plan->size = header->syssize * 16ULL;
    if (plan->offset > load->kernel->size)
        return load_fail(load, -EINVAL, "setup_sects: the image ends in them");
    if (plan->size > load->kernel->size - plan->offset)
        return load_fail(load, -EINVAL, "syssize: the image ends before that");
    if (plan->size <= ENTRY_64)
        return load_fail(load, -EINVAL, "syssize: no room for the entry");
    if (plan->size > header->init_size)
        return load_fail(load, -EINVAL, "init_size: less than syssize");
    if (alignment == 0 || (alignment & (alignment - 1)) != 0)
        return load_fail(load, -EINVAL,
                         "kernel_alignment: 0x%x is no power of 2", alignment);
    if (header->pref_address % alignment != 0)
        return load_fail(load, -EINVAL, "pref_address: not aligned");
    if (header->pref_address < LOAD_HIGH)
        return load_fail(load, -EINVAL, "pref_address: below 1 MiB");
    if (!load_is_ram(load, header->pref_address, header->init_size))
        return load_fail(
            load, -EINVAL, "init_size: RAM ends before 0x%llx + 0x%x",
            (unsigned long long)header->pref_address, header->init_size);
    return 0;
}

static uint64_t round_up(uint64_t value, uint64_t step)
{
    return (value + step - 1) & ~(step - 1);
}

static int plan_initrd(const struct load *load, struct plan *plan)
{
    uint64_t top = (uint64_t)plan->header.initrd_addr_max + 1;
    uint64_t bottom = plan->header.pref_address + plan->header.init_size;
    uint64_t size = 0;

    if (top > load->low_end)
        top = load->low_end;
    for (unsigned i = 0; i < load->module_count; i++) {
        if (load->modules[i].size > load->low_end)
            return load_fail(load, -EINVAL, "initrd: larger than RAM");
        size += round_up(load->modules[i].size, 4);
    }
    if (size == 0)
        return 0;
    if (size > top || ((top - size) & ~(PAGE_SIZE - 1)) < bottom)
        return load_fail(load, -EINVAL,
                         "initrd: no room for 0x%llx bytes below 0x%llx",
                         (unsigned long long)size, (unsigned long long)top);
    plan->initrd = (top - size) & ~(PAGE_SIZE - 1);
    plan->initrd_size = size;
    return 0;
}

static int check_cmdline(const struct load *load,
                         const struct setup_header *header)
{
    uint64_t length = strlen(load->cmdline);

    if (length > header->cmdline_size || length > CMDLINE_MAX)
        return load_fail(load, -EINVAL, "cmdline_size: 0x%llx are too many",
                         (unsigned long long)length);
    return 0;
}

static int make_plan(const struct load *load, struct plan *plan)
{
    int error = read_header(load, &plan->header);

    if (error == 0)
        error = check_protocol(load, &plan->header);
    if (error == 0)
        error = plan_kernel(load, plan);
    if (error == 0)
        error = plan_initrd(load, plan);
    if (error == 0)
        error = check_cmdline(load, &plan->header);
    return error;
}

static int write_images(const struct load *load, const struct plan *plan)
{
    const uint8_t *kernel = load->kernel->data;
    uint64_t gpa = plan->initrd;
    int error = load_write(load, plan->header.pref_address,
                           kernel + plan->offset, plan->size);

    for (unsigned i = 0; i < load->module_count && error == 0; i++) {
        const struct image *part = &load->modules[i];

        error = load_write(load, gpa, part->data, part->size);
        gpa += round_up(part->size, 4);
    }
    return error;
}

static int write_seed(const struct load *load)
{
    struct {
        uint64_t next;
        uint32_t type;
        uint32_t length;
        uint8_t seed[LOAD_SEED_SIZE];
    } node = {.type = SETUP_RNG_SEED, .length = LOAD_SEED_SIZE};

    memcpy(node.seed, load->seed, sizeof(node.seed));
    return load_write(load, SETUP_DATA_ADDRESS, &node, sizeof(node));
}

static int write_boot_params(const struct load *load, const struct plan *plan)
{
    struct boot_params params;

    memset(&params, 0, sizeof(params));
    params.acpi_rsdp_addr = ACPI_RSDP;
    params.header = plan->header;
    params.header.type_of_loader = LOADER_UNDEFINED;
    params.header.cmd_line_ptr = CMDLINE_ADDRESS;
    params.header.ramdisk_image = (uint32_t)plan->initrd;
    params.header.ramdisk_size = (uint32_t)plan->initrd_size;
    params.header.setup_data = SETUP_DATA_ADDRESS;
    params.e820_entries = (uint8_t)load_memory_map(load, params.e820_table);
    return load_write(load, BOOT_PARAMS_ADDRESS, &params, sizeof(params));
}

int bzimage_load(const struct load *load)
{
    struct plan plan = {0};
    int error = make_plan(load, &plan);

    if (error == 0)
        error = write_images(load, &plan);
    if (error == 0)
        error = load_write(load, CMDLINE_ADDRESS, load->cmdline,
                           strlen(load->cmdline) + 1);
    if (error == 0)
        error = write_seed(load);
    if (error == 0)
        error = write_boot_params(load, &plan);
    if (error == 0)
        error = long_mode_load(load);
    if (error != 0)
        return error;
    load->out->kind = LOAD_LINUX64;
    load->out->entry = plan.header.pref_address + ENTRY_64;
    load->out->rsi = BOOT_PARAMS_ADDRESS;
    return 0;
}
