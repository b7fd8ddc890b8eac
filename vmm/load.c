/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/load_parts.h"

#include "kernel/errno.h"
#include "kernel/format.h"
#include "kernel/string.h"
#include "vmm/devices/power.h"

#define RESET_VECTOR  0xFFFF0ULL /* F000:FFF0 */
#define E820_RAM      1
#define E820_RESERVED 2

int load_fail(const struct load *load, int error, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vformat(load->out->error, sizeof(load->out->error), fmt, args);
    va_end(args);
    return error;
}

int load_write(const struct load *load, uint64_t gpa, const void *data,
               uint64_t size)
{
    if (size == 0)
        return 0;

    int error = load->w->write(load->w->context, gpa, data, size);

    if (error != 0)
        load_fail(load, error, "guest memory: 0x%llx bytes at 0x%llx are not",
                  (unsigned long long)size, (unsigned long long)gpa);
    return error;
}

bool load_read(const struct image *image, uint64_t offset, void *to,
               uint64_t size)
{
    if (offset > image->size || size > image->size - offset)
        return false;
    if (size > 0)
        memcpy(to, (const uint8_t *)image->data + offset, size);
    return true;
}

static bool is_within(uint64_t gpa, uint64_t size, uint64_t from, uint64_t end)
{
    return gpa >= from && gpa <= end && size <= end - gpa;
}

bool load_is_ram(const struct load *load, uint64_t gpa, uint64_t size)
{
    return is_within(gpa, size, LOAD_IMAGES, LOAD_LOW_END) ||
           is_within(gpa, size, LOAD_HIGH, load->low_end);
}

unsigned load_memory_map(const struct load *load,
                         struct load_range map[LOAD_RANGES_MAX])
{
    unsigned count = 0;

    map[count++] = (struct load_range){0, LOAD_LOW_END, E820_RAM};
    map[count++] = (struct load_range){LOAD_LOW_END, LOAD_HIGH - LOAD_LOW_END,
                                       E820_RESERVED};
    map[count++] =
        (struct load_range){LOAD_HIGH, load->low_end - LOAD_HIGH, E820_RAM};
    if (load->w->memory > LOAD_HOLE)
        map[count++] = (struct load_range){
            LOAD_ABOVE_4G, load->w->memory - LOAD_HOLE, E820_RAM};
    return count;
}

/*
 * The reset vector in ROM. Linux on a hardware-reduced machine without EFI
 * does not use the reset register by default: it goes to real mode and jumps
 * to F000:FFF0 (arch/x86/kernel/reboot.c, 6.1). This is what it finds there:
 * the reset register is written, and the processor stops.
 */
static int write_reset_vector(const struct load *load)
{
    /* mov $port, %dx; mov $value, %al; out %al, %dx; 1: cli; hlt; jmp 1b */
    static const uint8_t code[] = {0xBA,
                                   POWER_PORT_RESET & 0xFF,
                                   POWER_PORT_RESET >> 8,
                                   0xB0,
                                   POWER_RESET_VALUE,
                                   0xEE,
                                   0xFA,
                                   0xF4,
                                   0xEB,
                                   0xFC};

    return load_write(load, RESET_VECTOR, code, sizeof(code));
}

static int load_kernel(const struct load *load)
{
    if (bzimage_matches(load->kernel))
        return bzimage_load(load);
    if (multiboot_matches(load->kernel))
        return multiboot_load(load);
    return load_fail(load, -EOPNOTSUPP,
                     "image: neither a bzImage nor a Multiboot 1 kernel");
}

int load_guest(const struct image *kernel, const struct image *modules,
               const char *const *module_strings, unsigned n,
               const char *cmdline, const uint8_t seed[LOAD_SEED_SIZE],
               const struct guest_writer *w, struct load_result *out)
{
    const struct load load = {
        .kernel = kernel,
        .modules = modules,
        .module_strings = module_strings,
        .module_count = n,
        .cmdline = cmdline,
        .seed = seed,
        .w = w,
        .low_end = w->memory < LOAD_HOLE ? w->memory : LOAD_HOLE,
        .out = out,
    };

    memset(out, 0, sizeof(*out));
    if (load.low_end <= LOAD_HIGH)
        return load_fail(&load, -EINVAL, "memory: needs more than 1 MiB");
    if (n > LOAD_MODULES_MAX)
        return load_fail(&load, -EINVAL, "modules: %u are too many", n);

    int error = load_kernel(&load);

    return error != 0 ? error : write_reset_vector(&load);
}
