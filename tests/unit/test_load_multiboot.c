/* sources: vmm/load*.c kernel/format.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/load_rig.h"

/* An ELF32 Multiboot kernel with two segments, the second with bss. */
#define ELF_SIZE   0x400
#define ELF_PH     0x34
#define ELF_HEADER 0x100

struct elf {
    uint8_t bytes[ELF_SIZE];
};

static void put16(struct elf *elf, unsigned at, uint16_t value)
{
    memcpy(elf->bytes + at, &value, sizeof(value));
}

static void put32(struct elf *elf, unsigned at, uint32_t value)
{
    memcpy(elf->bytes + at, &value, sizeof(value));
}

static void put_program_header(struct elf *elf, unsigned i, uint32_t type,
                               uint32_t offset, uint32_t paddr, uint32_t filesz,
                               uint32_t memsz)
{
    unsigned at = ELF_PH + 32 * i;

    put32(elf, at, type);
    put32(elf, at + 4, offset);
    put32(elf, at + 8, paddr + 0xC0000000); /* p_vaddr */
    put32(elf, at + 12, paddr);
    put32(elf, at + 16, filesz);
    put32(elf, at + 20, memsz);
}

static void put_multiboot(struct elf *elf, unsigned at, uint32_t flags)
{
    put32(elf, at, 0x1BADB002);
    put32(elf, at + 4, flags);
    put32(elf, at + 8, 0U - 0x1BADB002 - flags);
}

static struct elf make_elf(void)
{
    struct elf elf;

    for (unsigned i = 0; i < sizeof(elf.bytes); i++)
        elf.bytes[i] = (uint8_t)(i * 7);
    memset(elf.bytes, 0, 0x100);
    memcpy(elf.bytes, "\177ELF\1\1\1", 7);
    put16(&elf, 16, 2);          /* e_type */
    put16(&elf, 18, 3);          /* e_machine */
    put32(&elf, 24, 0xC0100020); /* e_entry, virtual */
    put32(&elf, 28, ELF_PH);     /* e_phoff */
    put16(&elf, 42, 32);         /* e_phentsize */
    put16(&elf, 44, 3);          /* e_phnum */
    put_program_header(&elf, 0, 1, 0x100, 0x100000, 0x80, 0x80);
    put_program_header(&elf, 1, 4, 0xFFFFFFFF, 0xFFFFFFFF, 5, 3); /* PT_NOTE */
    put_program_header(&elf, 2, 1, 0x200, 0x101000, 0x200, 0x3456);
    put_multiboot(&elf, ELF_HEADER, 3);
    return elf;
}

static int load_elf(struct elf *elf, struct load_result *out)
{
    struct guest_writer w = fresh_ram(4 * MIB);

    return load_exact(elf, sizeof(*elf), NULL, NULL, 0, "a b", &w, out);
}

static void elf_is_loaded(void **state)
{
    struct elf elf = make_elf();
    struct load_result out;

    (void)state;
    assert_int_equal(load_elf(&elf, &out), 0);
    assert_int_equal(out.kind, LOAD_MULTIBOOT32);
    assert_int_equal(out.entry, 0x100020);
    assert_int_equal(out.eax, 0x2BADB002);
    assert_memory_equal(ram + 0x100000, elf.bytes + 0x100, 0x80);
    assert_memory_equal(ram + 0x101000, elf.bytes + 0x200, 0x200);
    assert_false(is_written(0x101200, 0x3256));
}

static void multiboot_information(void **state)
{
    struct elf elf = make_elf();
    struct load_result out;

    (void)state;
    assert_int_equal(load_elf(&elf, &out), 0);

    uint64_t info = out.ebx;

    assert_int_equal(ram32(info), 0x24D);
    assert_int_equal(ram32(info + 4), 639);
    assert_int_equal(ram32(info + 8), 3 * 1024);
    assert_string_equal(ram + ram32(info + 16), "a b");
    assert_int_equal(ram32(info + 20), 0);
    assert_int_equal(ram32(info + 44), 3 * 24);
    assert_string_equal(ram + ram32(info + 64), "bulkhead");

    uint64_t map = ram32(info + 48);

    assert_int_equal(ram32(map), 20);
    assert_true(ram64(map + 4) == 0);
    assert_true(ram64(map + 12) == 0x9FC00);
    assert_int_equal(ram32(map + 20), 1);
    assert_int_equal(ram32(map + 24), 20);
    assert_int_equal(ram32(map + 44), 2);
    assert_true(ram64(map + 52) == MIB);
    assert_true(ram64(map + 60) == 3 * MIB);
}

static void multiboot_modules(void **state)
{
    struct elf elf = make_elf();
    struct image modules[] = {{"one", 3}, {"", 0}, {"three", 5}};
    const char *strings[] = {"1 x", "", "3 y"};
    struct guest_writer w = fresh_ram(4 * MIB);
    struct load_result out;

    (void)state;
    assert_int_equal(
        load_exact(&elf, sizeof(elf), modules, strings, 3, "", &w, &out), 0);
    assert_int_equal(ram32(out.ebx + 20), 3);

    uint64_t list = ram32(out.ebx + 24);

    assert_int_equal(ram32(list), 0x105000);
    assert_int_equal(ram32(list + 4), 0x105003);
    assert_string_equal(ram + ram32(list + 8), "1 x");
    assert_memory_equal(ram + 0x105000, "one", 3);
    assert_int_equal(ram32(list + 16), ram32(list + 20));
    assert_int_equal(ram32(list + 32), 0x106000);
    assert_string_equal(ram + ram32(list + 40), "3 y");
    assert_memory_equal(ram + 0x106000, "three", 5);
}

static void multiboot_modules_must_fit(void **state)
{
    struct elf elf = make_elf();
    uint8_t *data = calloc(1, 4 * MIB);
    struct image module = {data, 4 * MIB - 0x105000};
    const char *strings[] = {""};
    struct guest_writer w = fresh_ram(4 * MIB);
    struct load_result out;

    (void)state;
    assert_int_equal(
        load_exact(&elf, sizeof(elf), &module, strings, 1, "", &w, &out), 0);
    module.size++;
    w = fresh_ram(4 * MIB);
    assert_int_equal(
        load_exact(&elf, sizeof(elf), &module, strings, 1, "", &w, &out),
        -EINVAL);
    assert_non_null(strstr(out.error, "module 0"));
    module.size = UINT64_MAX;
    w = fresh_ram(4 * MIB);
    assert_int_equal(
        load_exact(&elf, sizeof(elf), &module, strings, 1, "", &w, &out),
        -EINVAL);
    free(data);
}

static void multiboot_strings_must_fit(void **state)
{
    static char cmdline[0x9000];
    struct elf elf = make_elf();
    struct guest_writer w = fresh_ram(4 * MIB);
    struct load_result out;

    (void)state;
    memset(cmdline, 'c', sizeof(cmdline) - 1);
    cmdline[0x8000 - 10] = '\0'; /* "bulkhead" and two NULs */
    assert_int_equal(
        load_exact(&elf, sizeof(elf), NULL, NULL, 0, cmdline, &w, &out), 0);
    cmdline[0x8000 - 10] = 'c';
    cmdline[0x8000 - 9] = '\0';
    w = fresh_ram(4 * MIB);
    assert_int_equal(
        load_exact(&elf, sizeof(elf), NULL, NULL, 0, cmdline, &w, &out),
        -EINVAL);
    assert_non_null(strstr(out.error, "strings"));
}

static void assert_elf_refused(struct elf *elf, int error, const char *field)
{
    struct load_result out;

    assert_int_equal(load_elf(elf, &out), error);
    if (strncmp(out.error, field, strlen(field)) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", out.error, field);
    assert_int_equal(write_count, 0);
}

#define ELF_REFUSED(put, at, value, error, field) \
    do {                                          \
        struct elf elf = make_elf();              \
        put(&elf, at, value);                     \
        assert_elf_refused(&elf, error, field);   \
    } while (0)

static void elf_bad_fields(void **state)
{
    unsigned second = ELF_PH + 64; /* the segment with bss */

    (void)state;
    ELF_REFUSED(put32, 0, 0, -EOPNOTSUPP, "e_ident");
    ELF_REFUSED(put16, 4, 0x0102, -EOPNOTSUPP, "e_ident"); /* ELF64 */
    ELF_REFUSED(put16, 16, 3, -EOPNOTSUPP, "e_type");
    ELF_REFUSED(put16, 18, 62, -EOPNOTSUPP, "e_machine");
    ELF_REFUSED(put32, 24, 0xC0100080, -EINVAL, "e_entry");
    ELF_REFUSED(put32, 24, 0x100000, -EINVAL, "e_entry");
    ELF_REFUSED(put32, 28, ELF_SIZE, -EINVAL, "e_phoff");
    ELF_REFUSED(put32, 28, UINT32_MAX, -EINVAL, "e_phoff");
    ELF_REFUSED(put16, 42, 31, -EINVAL, "e_phentsize");
    ELF_REFUSED(put16, 42, 0xFFFF, -EINVAL, "e_phoff");
    ELF_REFUSED(put16, 44, 0, -EINVAL, "e_phnum");
    ELF_REFUSED(put16, 44, 65, -EINVAL, "e_phnum");
    ELF_REFUSED(put32, second + 4, 0x201, -EINVAL, "p_filesz");
    ELF_REFUSED(put32, second + 4, UINT32_MAX, -EINVAL, "p_filesz");
    ELF_REFUSED(put32, second + 16, UINT32_MAX, -EINVAL, "p_filesz");
    ELF_REFUSED(put32, second + 20, 0x1FF, -EINVAL, "p_memsz");
    ELF_REFUSED(put32, second + 20, UINT32_MAX, -EINVAL, "p_paddr");
    ELF_REFUSED(put32, second + 20, 3 * MIB, -EINVAL, "p_paddr");
    ELF_REFUSED(put32, second + 12, 0, -EINVAL, "p_paddr");
    ELF_REFUSED(put32, second + 12, 0xFFFF, -EINVAL, "p_paddr");
    ELF_REFUSED(put32, second + 12, 0xFFFFF, -EINVAL, "p_paddr");
    ELF_REFUSED(put32, second + 12, 0x9F000, -EINVAL, "p_paddr");
    ELF_REFUSED(put32, second + 12, 0xE0000, -EINVAL, "p_paddr");
    ELF_REFUSED(put32, second + 12, UINT32_MAX, -EINVAL, "p_paddr");
    ELF_REFUSED(put32, second + 12, 0x10007F, -EINVAL, "p_paddr");
    ELF_REFUSED(put32, second + 12, 0x100000, -EINVAL, "p_paddr");
    ELF_REFUSED(put32, ELF_HEADER + 8, 0, -EOPNOTSUPP, "image");
}

static void multiboot_flags(void **state)
{
    static const struct {
        uint32_t flags;
        const char *error;
    } rows[] = {{0x7, "flags"}, {0x8, "flags"}, {0x8000, "flags"}};
    struct load_result out;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct elf elf = make_elf();

        put_multiboot(&elf, ELF_HEADER, rows[i].flags);
        assert_elf_refused(&elf, -EOPNOTSUPP, rows[i].error);
    }
    struct elf elf = make_elf();

    put_multiboot(&elf, ELF_HEADER, 0x20000); /* optional: may be ignored */
    assert_int_equal(load_elf(&elf, &out), 0);
}

static void header_is_found_in_time(void **state)
{
    static struct {
        uint8_t before[8192 - 12];
        struct elf elf;
    } image;
    struct guest_writer w = fresh_ram(4 * MIB);
    struct load_result out;

    (void)state;
    put_multiboot(&image.elf, 0, 3);
    load_exact(&image, sizeof(image), NULL, NULL, 0, "", &w, &out);
    assert_non_null(strstr(out.error, "e_ident")); /* found, but no ELF */
    memset(&image, 0, sizeof(image));
    put_multiboot(&image.elf, 4, 3);
    load_exact(&image, sizeof(image), NULL, NULL, 0, "", &w, &out);
    assert_non_null(strstr(out.error, "image: neither"));
}

static void too_many_segments(void **state)
{
    uint8_t image[0x1000] = {0};
    struct elf elf = make_elf();
    struct guest_writer w = fresh_ram(4 * MIB);
    struct load_result out;

    (void)state;
    put16(&elf, 44, 33);
    put32(&elf, 28, ELF_SIZE);
    memcpy(image, &elf, sizeof(elf));
    for (unsigned i = 0; i < 33; i++) {
        struct elf part;

        put_program_header(&part, 0, 1, 0, 0x100000 + i * 0x100, 0x10, 0x100);
        memcpy(image + ELF_SIZE + 32 * i, part.bytes + ELF_PH, 24);
    }
    assert_int_equal(
        load_exact(image, sizeof(image), NULL, NULL, 0, "", &w, &out), -EINVAL);
    assert_non_null(strstr(out.error, "e_phnum"));
    image[44] = 32;
    assert_int_equal(
        load_exact(image, sizeof(image), NULL, NULL, 0, "", &w, &out), 0);
}

/* A flat image: the header at 0x20, loaded at 1 MiB, entry at 0x40. */
static struct elf make_flat(void)
{
    struct elf flat;

    memset(&flat, 0x90, sizeof(flat));
    put_multiboot(&flat, 0x20, 0x10003);
    put32(&flat, 0x2C, 0x100010); /* header_addr */
    put32(&flat, 0x30, 0x100000); /* load_addr */
    put32(&flat, 0x34, 0x100100); /* load_end_addr */
    put32(&flat, 0x38, 0x100200); /* bss_end_addr */
    put32(&flat, 0x3C, 0x100030); /* entry_addr */
    return flat;
}

static void flat_image(void **state)
{
    struct elf flat = make_flat();
    struct load_result out;

    (void)state;
    assert_int_equal(load_elf(&flat, &out), 0);
    assert_int_equal(out.entry, 0x100030);
    assert_memory_equal(ram + 0x100000, flat.bytes + 0x10, 0x100);
    assert_false(is_written(0x100100, 0x100));
    put32(&flat, 0x34, 0); /* all of the file */
    put32(&flat, 0x38, 0); /* no bss */
    assert_int_equal(load_elf(&flat, &out), 0);
    assert_memory_equal(ram + 0x100000, flat.bytes + 0x10, ELF_SIZE - 0x10);
}

#define FLAT_REFUSED(at, value, field)             \
    do {                                           \
        struct elf flat = make_flat();             \
        put32(&flat, at, value);                   \
        assert_elf_refused(&flat, -EINVAL, field); \
    } while (0)

static void flat_without_addresses(void **state)
{
    struct elf flat = make_flat();
    struct guest_writer w = fresh_ram(4 * MIB);
    struct load_result out;

    (void)state;
    load_exact(&flat, 0x3F, NULL, NULL, 0, "", &w, &out);
    assert_string_equal(out.error, "header: the image ends in it");
}

static void flat_bad_fields(void **state)
{
    (void)state;
    FLAT_REFUSED(0x2C, 0xFFFFF, "load_addr");
    FLAT_REFUSED(0x2C, 0x100021, "load_addr");
    FLAT_REFUSED(0x30, 0, "load_addr");
    FLAT_REFUSED(0x34, 0xFFFFF, "load_end_addr");
    FLAT_REFUSED(0x34, 0x101000, "bss_end_addr");
    FLAT_REFUSED(0x34, UINT32_MAX, "bss_end_addr");
    FLAT_REFUSED(0x38, 0x1000FF, "bss_end_addr");
    FLAT_REFUSED(0x38, UINT32_MAX, "p_paddr");
    FLAT_REFUSED(0x3C, 0x100200, "entry_addr");
    FLAT_REFUSED(0x3C, 0xFFFFF, "entry_addr");
    {
        struct elf flat = make_flat();

        put32(&flat, 0x34, 0x100400);
        put32(&flat, 0x38, 0);
        assert_elf_refused(&flat, -EINVAL, "p_filesz");
    }
}

static void truncated_images(void **state)
{
    struct elf elf = make_elf();
    struct elf flat = make_flat();

    (void)state;
    assert_int_equal(try_prefixes(&elf, sizeof(elf)), 0);
    assert_int_equal(try_prefixes(&flat, sizeof(flat)), ELF_SIZE - 0x110);
}

static void damaged_images(void **state)
{
    struct elf elf = make_elf();
    struct elf flat = make_flat();

    (void)state;
    damage(&elf, sizeof(elf), 0x110);
    damage(&flat, sizeof(flat), 0x40);
}

static void failing_writer(void **state)
{
    struct elf elf = make_elf();

    (void)state;
    fail_each_write(&elf, sizeof(elf));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elf_is_loaded),
        cmocka_unit_test(multiboot_information),
        cmocka_unit_test(multiboot_modules),
        cmocka_unit_test(multiboot_modules_must_fit),
        cmocka_unit_test(multiboot_strings_must_fit),
        cmocka_unit_test(elf_bad_fields),
        cmocka_unit_test(multiboot_flags),
        cmocka_unit_test(header_is_found_in_time),
        cmocka_unit_test(too_many_segments),
        cmocka_unit_test(flat_image),
        cmocka_unit_test(flat_without_addresses),
        cmocka_unit_test(flat_bad_fields),
        cmocka_unit_test(truncated_images),
        cmocka_unit_test(damaged_images),
        cmocka_unit_test(failing_writer),
    };

    return cmocka_run_group_tests(tests, NULL, free_ram);
}
