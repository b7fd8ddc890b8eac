/* SPDX-License-Identifier: BSD-2-Clause */
/* What the loaders' targets share: how an input becomes an image, and what
 * every load must obey besides what the rig of the unit tests checks. */
#ifndef TESTS_FUZZ_LOAD_FUZZ_H
#define TESTS_FUZZ_LOAD_FUZZ_H

#include "tests/fuzz/fuzz.h"
#include "tests/unit/load_rig.h"

#define FUZZ_MODULES 3
#define MODULE_EXACT 4096u
#define MODULE_MAX   (65535u << 7)

/* Damages an image of size bytes: its end is cut off, numbers are changed.
 * Returns how much is left. */
static unsigned damage_image(struct input *in, uint8_t *image, unsigned size)
{
    unsigned cut = (unsigned)take(in, 1);

    if (cut > 200)
        size = take_below(in, size + 1);
    while (in->left > 3) {
        unsigned at = (unsigned)take(in, 2);
        unsigned width = 1u << take_below(in, 4);
        uint64_t value = take_number(in);

        for (unsigned i = 0; i < width && size > 0; i++)
            image[(at + i) % size] = (uint8_t)(value >> 8 * i);
    }
    return size;
}

/* Modules, a command line, RAM: what is loaded beside the image. */
struct load_input {
    uint64_t ram_size;
    unsigned modules;
    uint64_t module_size[FUZZ_MODULES];
    unsigned cmdline_length;
};

static struct load_input take_load(struct input *in)
{
    struct load_input load = {0};

    load.ram_size = (1 + take_below(in, 16)) * MIB;
    load.modules = take_below(in, FUZZ_MODULES + 1);
    for (unsigned i = 0; i < load.modules; i++)
        load.module_size[i] = take(in, 2) << (take(in, 1) % 32 ? 0 : 7);
    load.cmdline_length = take_below(in, 5000);
    return load;
}

/* Zeroes; of a small one the sanitizer knows where it ends. */
static struct image take_module(uint64_t size)
{
    static uint8_t zeroes[MODULE_MAX];

    return (struct image){size <= MODULE_EXACT ? calloc(1, size) : zeroes,
                          size};
}

static bool is_entry(const struct load_result *out)
{
    return out->entry >= LOAD_IMAGES && out->entry < ram_size &&
           (out->entry < LOAD_LOW_END || out->entry >= LOAD_HIGH);
}

/* Loads it, and looks at what came of it. */
static int load_checked(const uint8_t *image, unsigned size,
                        const struct load_input *load, struct load_result *out)
{
    static char cmdline[5000], string[300];
    struct guest_writer w = fresh_ram(load->ram_size);
    struct image modules[FUZZ_MODULES];
    const char *strings[FUZZ_MODULES];
    int error;

    memset(cmdline, 'c', load->cmdline_length);
    cmdline[load->cmdline_length] = '\0';
    memset(string, 's', sizeof(string) - 1);
    for (unsigned i = 0; i < load->modules; i++) {
        modules[i] = take_module(load->module_size[i]);
        strings[i] = string + load->module_size[i] % sizeof(string);
    }
    error = load_exact(image, size, modules, strings, load->modules, cmdline,
                       &w, out);
    for (unsigned i = 0; i < load->modules; i++)
        free(modules[i].size <= MODULE_EXACT ? (void *)modules[i].data : NULL);
    require(error == 0 || error == -EINVAL || error == -EOPNOTSUPP);
    require(strchr(out->error, '\n') == NULL);
    require(error != 0 || is_entry(out));
    require(error == 0 || out->entry == 0);
    return error;
}

/* The unit tests' parts of the rig. */
static inline void use_rig(void)
{
    (void)try_prefixes;
    (void)damage;
    (void)fail_each_write;
    (void)free_ram;
    (void)ram64;
}

#endif
