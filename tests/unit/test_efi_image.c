/* SPDX-License-Identifier: BSD-2-Clause */
/* sources: boot/efi/image.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "boot/efi/image.h"
#include "boot/efi/multiboot2.h"
#include "kernel/errno.h"

struct elf {
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

/* A kernel as it should be: two segments, the header in the first one. */
struct kernel {
    struct elf elf;
    struct segment segments[3];
    uint64_t gap;
    struct {
        struct mb2_header header;
        struct mb2_header_tag entry;
        uint32_t entry_address, pad;
        struct mb2_header_tag alignment;
        struct mb2_header_tag end;
    } multiboot;
    char text[64];
    char data[32];
};

static struct kernel good(void)
{
    struct kernel kernel = {
        .elf = {{0x7f, 'E', 'L', 'F', 2, 1, 1},
                .type = 2,
                .machine = 62,
                .phoff = offsetof(struct kernel, segments),
                .phentsize = sizeof(struct segment),
                .phnum = 3},
        .segments = {{1, 7, offsetof(struct kernel, text), 0, 0x200010, 64, 64,
                      4096},
                     {1, 6, offsetof(struct kernel, data), 0, 0x203000, 32,
                      0x1801, 4096},
                     {4, 4, UINT64_MAX, 0, UINT64_MAX, 1, 1, 4}},
        .multiboot = {{MB2_HEADER_MAGIC, 0, 48, 0},
                      {MB2_REQUEST_ENTRY, 0, 12},
                      0x200010,
                      0,
                      {MB2_REQUEST_ALIGNMENT, 0, 8},
                      {MB2_REQUEST_END, 0, 8}},
    };

    memset(kernel.text, 't', sizeof(kernel.text));
    memset(kernel.data, 'd', sizeof(kernel.data));
    return kernel;
}

static void sign(struct kernel *kernel)
{
    struct mb2_header *header = &kernel->multiboot.header;

    header->checksum = -(header->magic + header->architecture + header->length);
}

static struct efi_image image;
static const char *why;

/* From a buffer of just this size. */
static int check_bytes(const void *bytes, size_t size)
{
    void *copy = malloc(size ? size : 1);
    int status;

    memcpy(copy, bytes, size);
    status = efi_image_check(copy, size, &image, &why);
    assert_int_equal(status, why ? -EINVAL : 0);
    if (!status) {
        char *buffer = malloc(image.end - image.start);

        assert_true(image.entry >= image.start && image.entry < image.end);
        efi_image_place(copy, &image, buffer);
        free(buffer);
    }
    free(copy);
    return status;
}

static int check(struct kernel kernel)
{
    sign(&kernel);
    return check_bytes(&kernel, sizeof(kernel));
}

static void a_good_kernel_is_laid_out(void **state)
{
    struct kernel kernel = good();
    char *buffer;

    (void)state;
    sign(&kernel);
    assert_int_equal(efi_image_check(&kernel, sizeof(kernel), &image, &why), 0);
    assert_int_equal(image.start, 0x200000);
    assert_int_equal(image.end, 0x205000);
    assert_int_equal(image.entry, 0x200010);
    buffer = malloc(0x5000);
    memset(buffer, 'x', 0x5000);
    efi_image_place(&kernel, &image, buffer);
    for (unsigned i = 0; i < 0x5000; i++) {
        char wanted = 0;

        if (i >= 0x10 && i < 0x50) {
            wanted = 't';
        } else if (i >= 0x3000 && i < 0x3020) {
            wanted = 'd';
        }
        assert_int_equal(buffer[i], wanted);
    }
    free(buffer);
}

#define REFUSED(field, value, told)               \
    do {                                          \
        struct kernel kernel = good();            \
                                                  \
        kernel.field = value;                     \
        assert_int_equal(check(kernel), -EINVAL); \
        assert_non_null(strstr(why, told));       \
    } while (0)

static void other_files_are_refused(void **state)
{
    (void)state;
    assert_int_equal(check_bytes("", 0), -EINVAL);
    assert_int_equal(check_bytes("not a kernel\n", 13), -EINVAL);
    REFUSED(elf.ident[0], 0, "no 64-bit ELF");
    REFUSED(elf.ident[4], 1, "no 64-bit ELF");
    REFUSED(elf.machine, 3, "x86_64");
    REFUSED(elf.type, 3, "x86_64");
    REFUSED(elf.phentsize, 32, "program headers");
    REFUSED(elf.phoff, UINT64_MAX - 7, "program headers");
    REFUSED(elf.phoff, sizeof(struct kernel), "program headers");
    REFUSED(elf.phoff, 65, "program headers");
    REFUSED(elf.phnum, 65535, "program headers");
    REFUSED(elf.phnum, 0, "nothing in it");
}

static void bad_segments_are_refused(void **state)
{
    (void)state;
    REFUSED(segments[0].offset, UINT64_MAX, "segments");
    REFUSED(segments[0].offset, sizeof(struct kernel) - 63, "segments");
    REFUSED(segments[0].filesz, UINT64_MAX, "segments");
    REFUSED(segments[0].memsz, 63, "segments");
    REFUSED(segments[1].memsz, UINT64_MAX, "between 1 MiB");
    REFUSED(segments[1].memsz, 0x4000000, "64 MiB");
    REFUSED(segments[1].paddr, 0x100000000, "between 1 MiB");
    REFUSED(segments[1].paddr, 0xffffff00, "between 1 MiB");
    REFUSED(segments[0].paddr, 0xfffff, "between 1 MiB");
    REFUSED(segments[0].paddr, 0xffffffff80200000, "between 1 MiB");
}

static void bad_headers_are_refused(void **state)
{
    struct kernel unsigned_one = good();

    (void)state;
    assert_int_equal(check_bytes(&unsigned_one, sizeof(unsigned_one)), -EINVAL);
    assert_non_null(strstr(why, "no Multiboot2 header")); /* not signed */
    REFUSED(multiboot.header.length, 8, "no Multiboot2 header");
    REFUSED(multiboot.header.length, 4096, "no Multiboot2 header");
    REFUSED(multiboot.entry.size, 7, "damaged");
    REFUSED(multiboot.entry.size, 0xfffffff8, "damaged");
    REFUSED(multiboot.entry.size, 8, "asks");
    REFUSED(multiboot.entry.type, 9, "asks");
    REFUSED(multiboot.alignment.type, 7, "asks");
    REFUSED(multiboot.entry_address, 0x1fffff, "no entry");
    REFUSED(multiboot.entry_address, 0x205000, "no entry");
    REFUSED(multiboot.entry.type, 0, "no entry");
}

static void optional_requests_are_passed_over(void **state)
{
    struct kernel kernel = good();

    (void)state;
    kernel.multiboot.alignment.type = 7;
    kernel.multiboot.alignment.flags = MB2_OPTIONAL;
    assert_int_equal(check(kernel), 0);
    kernel.multiboot.alignment.type = MB2_REQUEST_FRAMEBUFFER;
    kernel.multiboot.alignment.flags = 0;
    assert_int_equal(check(kernel), 0);
}

static void a_file_that_is_cut_short_is_refused(void **state)
{
    struct kernel kernel = good();

    (void)state;
    sign(&kernel);
    for (size_t size = 0; size < sizeof(kernel); size++) {
        assert_int_equal(check_bytes(&kernel, size), -EINVAL);
    }
    assert_int_equal(check_bytes(&kernel, sizeof(kernel)), 0);
}

/* Any damage is refused, or leaves a file that can be laid out in bounds. */
static void any_damage_is_survived(void **state)
{
    static const uint8_t bytes[] = {0, 1, 7, 8, 0x7f, 0x80, 0xff};
    uint32_t random = 1;

    (void)state;
    for (size_t at = 0; at < sizeof(struct kernel); at++) {
        for (unsigned i = 0; i < sizeof(bytes); i++) {
            struct kernel kernel = good();

            sign(&kernel);
            ((uint8_t *)&kernel)[at] = bytes[i];
            check_bytes(&kernel, sizeof(kernel));
        }
    }
    for (unsigned round = 0; round < 20000; round++) {
        struct kernel kernel = good();

        for (unsigned i = 0; i < 1 + round % 4; i++) {
            random = random * 1664525 + 1013904223;
            ((uint8_t *)&kernel)[random / 256 % 300] = (uint8_t)(random >> 24);
        }
        check(kernel);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_kernel_is_laid_out),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(bad_segments_are_refused),
        cmocka_unit_test(bad_headers_are_refused),
        cmocka_unit_test(optional_requests_are_passed_over),
        cmocka_unit_test(a_file_that_is_cut_short_is_refused),
        cmocka_unit_test(any_damage_is_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
