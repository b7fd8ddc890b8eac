/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest RAM for the tests of the loaders, and what every load must obey. */
#ifndef LOAD_RIG_H
#define LOAD_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "kernel/errno.h"
#include "vmm/load.h"

#define MIB     (1ULL << 20)
#define RAM_MAX (256 * MIB)

static const uint8_t seed[LOAD_SEED_SIZE] = "0123456789abcdefghijklmnopqrstu";

/* Guest RAM, and the writes since fresh_ram(). */
static uint8_t *ram;
static uint64_t ram_size;
static unsigned writes_left;
static unsigned write_count;
static struct {
    uint64_t gpa;
    uint64_t size;
} writes[256];

static bool is_written(uint64_t gpa, uint64_t size)
{
    for (unsigned i = 0; i < write_count; i++)
        if (gpa < writes[i].gpa + writes[i].size && writes[i].gpa < gpa + size)
            return true;
    return false;
}

static int write_ram(void *context, uint64_t gpa, const void *data,
                     uint64_t size)
{
    assert_ptr_equal(context, &ram);
    if (writes_left == 0)
        return -EFAULT;
    writes_left--;
    if (gpa > ram_size || size > ram_size - gpa)
        fail_msg("0x%llx bytes at 0x%llx", (unsigned long long)size,
                 (unsigned long long)gpa);
    if (is_written(gpa, size))
        fail_msg("0x%llx is written twice", (unsigned long long)gpa);
    assert_true(write_count < sizeof(writes) / sizeof(writes[0]));
    writes[write_count].gpa = gpa;
    writes[write_count++].size = size;
    memcpy(ram + gpa, data, size);
    return 0;
}

/* A guest with so much RAM, all zero. */
static struct guest_writer fresh_ram(uint64_t size)
{
    if (ram == NULL)
        ram = calloc(1, RAM_MAX);
    assert_non_null(ram);
    assert_true(size <= RAM_MAX);
    for (unsigned i = 0; i < write_count; i++)
        memset(ram + writes[i].gpa, 0, writes[i].size);
    write_count = 0;
    writes_left = UINT32_MAX;
    ram_size = size;
    return (struct guest_writer){&ram, size, write_ram};
}

static int free_ram(void **state)
{
    (void)state;
    free(ram);
    return 0;
}

static uint64_t ram64(uint64_t gpa)
{
    uint64_t value;

    memcpy(&value, ram + gpa, sizeof(value));
    return value;
}

static inline uint32_t ram32(uint64_t gpa)
{
    return (uint32_t)ram64(gpa);
}

/* Loads with a copy of the image that is exactly as large as told, so that
 * AddressSanitizer sees every read behind it. */
static int load_exact(const void *image, uint64_t size,
                      const struct image *modules, const char *const *strings,
                      unsigned n, const char *cmdline,
                      const struct guest_writer *w, struct load_result *out)
{
    void *copy = malloc(size);
    struct image kernel = {copy, size};

    memcpy(copy, image, size);
    int error = load_guest(&kernel, modules, strings, n, cmdline, seed, w, out);
    free(copy);
    if (error != 0)
        assert_true(strlen(out->error) > 0);
    else
        assert_string_equal(out->error, "");
    return error;
}

/* Every beginning of a valid image is loaded or refused. */
static unsigned try_prefixes(const void *image, uint64_t size)
{
    unsigned loaded = 0;

    for (uint64_t length = 0; length < size; length++) {
        struct guest_writer w = fresh_ram(8 * MIB);
        struct load_result out;

        loaded += load_exact(image, length, NULL, NULL, 0, "", &w, &out) == 0;
    }
    return loaded;
}

/* Random damage in the headers: loaded or refused, nothing read or written
 * where it must not be. */
static void damage(const void *image, uint64_t size, unsigned header)
{
    for (unsigned round = 0; round < 3000; round++) {
        struct guest_writer w = fresh_ram(8 * MIB);
        struct load_result out;
        uint8_t copy[4096];

        memcpy(copy, image, size);
        for (int i = rand() % 4; i >= 0; i--)
            copy[(unsigned)rand() % header] =
                (uint8_t)(rand() % 2 ? rand() : -(rand() % 2));
        load_exact(copy, size, NULL, NULL, 0, "", &w, &out);
    }
}

/* Lets each write fail in turn; the load must say so. */
static void fail_each_write(const void *image, uint64_t size)
{
    struct image module = {"m", 1};
    const char *strings[] = {"s"};
    unsigned count = 0;
    int error;

    do {
        struct guest_writer w = fresh_ram(8 * MIB);
        struct load_result out;

        writes_left = count++;
        error = load_exact(image, size, &module, strings, 1, "", &w, &out);
        assert_true(error == 0 || error == -EFAULT);
        if (error != 0)
            assert_non_null(strstr(out.error, "guest memory"));
    } while (error != 0);
    assert_true(count > 6);
}

#endif
