/* sources: vmm/load*.c kernel/format.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/load_rig.h"
#include "vmm/linux_boot.h"

/* A bzImage: two setup sectors, the header, 40 paragraphs of payload. */
#define PAYLOAD_OFFSET 1024
#define PAYLOAD_SIZE   (40 * 16)
#define BZIMAGE_SIZE   (PAYLOAD_OFFSET + PAYLOAD_SIZE)

struct bzimage {
    uint8_t bytes[BZIMAGE_SIZE];
};

static struct setup_header *header_of(struct bzimage *image)
{
    return (struct setup_header *)(image->bytes + SETUP_HEADER_OFFSET);
}

static struct bzimage make_bzimage(void)
{
    struct bzimage image;
    struct setup_header *header = header_of(&image);

    memset(&image, 0xC3, sizeof(image));
    memset(header, 0, sizeof(*header));
    header->setup_sects = 1;
    header->syssize = PAYLOAD_SIZE / 16;
    header->boot_flag = 0xAA55;
    header->jump_opcode = 0xEB;
    header->jump_offset = 0x6A; /* as in Linux 6.1 */
    header->header = 0x53726448;
    header->version = 0x20F;
    header->loadflags = 1;
    header->initrd_addr_max = 0x7FFFFFFF;
    header->kernel_alignment = 0x200000;
    header->relocatable_kernel = 1;
    header->xloadflags = 1;
    header->cmdline_size = 2047;
    header->pref_address = 0x400000;
    header->init_size = 0x200000;
    return image;
}

static int load_bzimage(struct bzimage *image, uint64_t memory,
                        struct load_result *out)
{
    struct guest_writer w = fresh_ram(memory);

    return load_exact(image, sizeof(*image), NULL, NULL, 0, "quiet", &w, out);
}

static void bzimage_state(void **state)
{
    struct bzimage image = make_bzimage();
    struct load_result out;

    (void)state;
    assert_int_equal(load_bzimage(&image, 16 * MIB, &out), 0);
    assert_int_equal(out.kind, LOAD_LINUX64);
    assert_int_equal(out.entry, 0x400200);
    assert_memory_equal(ram + 0x400000, image.bytes + PAYLOAD_OFFSET,
                        PAYLOAD_SIZE);
    assert_int_equal(ram[0x400000 + PAYLOAD_SIZE], 0);
    assert_int_equal(out.gdt_limit, 31);
    assert_true(ram64(out.gdt + LOAD_CS) == 0x00AF9B000000FFFF);
    assert_true(ram64(out.gdt + LOAD_DS) == 0x00CF93000000FFFF);
}

/* mov $0xCF9, %dx; mov $6, %al; out %al, %dx; cli; hlt; jmp to the cli */
static void jump_to_the_bios_resets(void **state)
{
    static const uint8_t code[] = {0xBA, 0xF9, 0x0C, 0xB0, 0x06,
                                   0xEE, 0xFA, 0xF4, 0xEB, 0xFC};
    struct bzimage image = make_bzimage();
    struct load_result out;

    (void)state;
    assert_int_equal(load_bzimage(&image, 16 * MIB, &out), 0);
    assert_memory_equal(ram + 0xFFFF0, code, sizeof(code));
}

static void bzimage_boot_params(void **state)
{
    struct bzimage image = make_bzimage();
    struct load_result out;

    (void)state;
    assert_int_equal(load_bzimage(&image, 16 * MIB, &out), 0);

    uint64_t params = out.rsi;
    uint64_t node = ram64(params + 0x250);

    assert_true(ram64(params + 0x70) == 0xE0000);
    assert_int_equal(ram[params + 0x210], 0xFF);
    assert_string_equal(ram + ram32(params + 0x228), "quiet");
    assert_int_equal(ram32(params + 0x218), 0);
    assert_int_equal(ram32(params + 0x21C), 0);
    assert_int_equal(ram32(params + 0x202), 0x53726448);
    for (unsigned i = 0; i < 0x40; i++)
        assert_int_equal(ram[params + i], 0); /* screen_info */
    for (unsigned i = 0x26C; i < 0x2D0; i++)
        assert_int_equal(ram[params + i], 0); /* behind the header */
    assert_true(ram64(node) == 0);
    assert_int_equal(ram32(node + 8), 9);
    assert_int_equal(ram32(node + 12), LOAD_SEED_SIZE);
    assert_memory_equal(ram + node + 16, seed, LOAD_SEED_SIZE);
}

static void assert_e820(uint64_t params, unsigned i, uint64_t base,
                        uint64_t size, uint32_t type)
{
    uint64_t at = params + 0x2D0 + 20 * i;

    assert_true(ram64(at) == base);
    assert_true(ram64(at + 8) == size);
    assert_int_equal(ram32(at + 16), type);
}

static void bzimage_memory_map(void **state)
{
    struct bzimage image = make_bzimage();
    struct load_result out;

    (void)state;
    assert_int_equal(load_bzimage(&image, 16 * MIB, &out), 0);
    assert_int_equal(ram[out.rsi + 0x1E8], 3);
    assert_e820(out.rsi, 0, 0, 0x9FC00, 1);
    assert_e820(out.rsi, 1, 0x9FC00, 0x60400, 2);
    assert_e820(out.rsi, 2, MIB, 15 * MIB, 1);
}

static void bzimage_in_5_gib(void **state)
{
    struct bzimage image = make_bzimage();
    static const uint8_t page[4096] = {1};
    struct image initrd = {page, sizeof(page)};
    const char *strings[] = {""};
    struct load_result out;
    struct guest_writer w = fresh_ram(8 * MIB);

    (void)state;
    w.memory = 5ULL << 30; /* the test's RAM holds what is written */
    header_of(&image)->initrd_addr_max = 8 * MIB - 1;
    assert_int_equal(
        load_exact(&image, sizeof(image), &initrd, strings, 1, "", &w, &out),
        0);
    assert_int_equal(ram[out.rsi + 0x1E8], 4);
    assert_e820(out.rsi, 2, MIB, (3ULL << 30) - MIB, 1);
    assert_e820(out.rsi, 3, 4ULL << 30, 2ULL << 30, 1);
    assert_int_equal(ram32(out.rsi + 0x218), 8 * MIB - 4096);
}

/* Walks the page tables that the loader built. */
static uint64_t walk(uint64_t cr3, uint64_t address)
{
    uint64_t entry = ram64(cr3 + 8 * (address >> 39 & 511));

    assert_int_equal(entry & 0xFFF, 3);
    entry = ram64((entry & ~0xFFFULL) + 8 * (address >> 30 & 511));
    if ((entry & 1) == 0)
        return UINT64_MAX;
    assert_int_equal(entry & 0xFFF, 3);
    entry = ram64((entry & ~0xFFFULL) + 8 * (address >> 21 & 511));
    assert_int_equal(entry & 0x1FFFFF, 0x83);
    return (entry & ~0x1FFFFFULL) | (address & 0x1FFFFF);
}

static void bzimage_identity_map(void **state)
{
    struct bzimage image = make_bzimage();
    struct load_result out;

    (void)state;
    assert_int_equal(load_bzimage(&image, 16 * MIB, &out), 0);
    for (uint64_t at = 0; at < 4ULL << 30; at += 0x1FF123)
        assert_true(walk(out.cr3, at) == at);
    assert_true(walk(out.cr3, 4ULL << 30) == UINT64_MAX);
}

static void bzimage_initrd(void **state)
{
    struct bzimage image = make_bzimage();
    struct image parts[] = {{"first", 5}, {"", 0}, {"second", 6}};
    const char *strings[] = {"", "", ""};
    struct guest_writer w = fresh_ram(8 * MIB);
    struct load_result out;

    (void)state;
    assert_int_equal(
        load_exact(&image, sizeof(image), parts, strings, 3, "", &w, &out), 0);

    uint32_t initrd = ram32(out.rsi + 0x218);

    assert_int_equal(initrd, 8 * MIB - 4096);
    assert_int_equal(ram32(out.rsi + 0x21C), 16);
    assert_memory_equal(ram + initrd, "first\0\0\0second\0\0", 16);
}

static int load_initrd(uint64_t initrd_size, uint64_t memory,
                       struct load_result *out)
{
    struct bzimage image = make_bzimage();
    uint8_t *data = calloc(1, initrd_size);
    struct image initrd = {data, initrd_size};
    const char *strings[] = {""};
    struct guest_writer w = fresh_ram(memory);
    int error =
        load_exact(&image, sizeof(image), &initrd, strings, 1, "", &w, out);

    free(data);
    return error;
}

static void bzimage_initrd_must_fit(void **state)
{
    struct load_result out;

    (void)state;
    assert_int_equal(load_initrd(2 * MIB, 8 * MIB, &out), 0);
    assert_int_equal(ram32(out.rsi + 0x218), 6 * MIB);
    assert_int_equal(load_initrd(2 * MIB + 1, 8 * MIB, &out), -EINVAL);
    assert_non_null(strstr(out.error, "initrd"));
    assert_int_equal(load_initrd(9 * MIB, 8 * MIB, &out), -EINVAL);
    assert_non_null(strstr(out.error, "initrd"));
}

static void bzimage_initrd_below_its_limit(void **state)
{
    struct bzimage image = make_bzimage();
    struct image initrd = {calloc(1, 2 * MIB), 2 * MIB};
    const char *strings[] = {""};
    struct guest_writer w = fresh_ram(16 * MIB);
    struct load_result out;

    (void)state;
    header_of(&image)->initrd_addr_max = MIB - 1; /* less than its size */
    assert_int_equal(
        load_exact(&image, sizeof(image), &initrd, strings, 1, "", &w, &out),
        -EINVAL);
    header_of(&image)->initrd_addr_max = UINT32_MAX;
    assert_int_equal(
        load_exact(&image, sizeof(image), &initrd, strings, 1, "", &w, &out),
        0);
    assert_int_equal(ram32(out.rsi + 0x218), 14 * MIB);
    free((void *)initrd.data);
}

static void bzimage_initrds_of_hostile_size(void **state)
{
    struct bzimage image = make_bzimage();
    struct image parts[LOAD_MODULES_MAX + 1];
    const char *strings[LOAD_MODULES_MAX + 1];
    struct guest_writer w = fresh_ram(8 * MIB);
    struct load_result out;

    (void)state;
    for (unsigned i = 0; i <= LOAD_MODULES_MAX; i++) {
        parts[i] = (struct image){"", UINT64_MAX - 1};
        strings[i] = "";
    }
    assert_int_equal(
        load_exact(&image, sizeof(image), parts, strings, 2, "", &w, &out),
        -EINVAL);
    assert_int_equal(load_exact(&image, sizeof(image), parts, strings,
                                LOAD_MODULES_MAX + 1, "", &w, &out),
                     -EINVAL);
    assert_non_null(strstr(out.error, "modules"));
}

static void assert_refused(struct bzimage *image, int error, const char *field)
{
    struct load_result out;

    assert_int_equal(load_bzimage(image, 8 * MIB, &out), error);
    if (strncmp(out.error, field, strlen(field)) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", out.error, field);
    assert_int_equal(write_count, 0);
}

#define REFUSED(member, value, error)         \
    do {                                      \
        struct bzimage bad = make_bzimage();  \
        header_of(&bad)->member = value;      \
        assert_refused(&bad, error, #member); \
    } while (0)

static void bzimage_bad_fields(void **state)
{
    struct bzimage image = make_bzimage();
    struct load_result out;

    (void)state;
    REFUSED(boot_flag, 0, -EINVAL);
    REFUSED(version, 0x20B, -EOPNOTSUPP);
    REFUSED(loadflags, 0x80, -EOPNOTSUPP);
    REFUSED(xloadflags, 0xFE, -EOPNOTSUPP);
    REFUSED(relocatable_kernel, 0, -EOPNOTSUPP);
    REFUSED(setup_sects, 0, -EINVAL); /* means 4 */
    REFUSED(setup_sects, 255, -EINVAL);
    REFUSED(syssize, PAYLOAD_SIZE / 16 + 1, -EINVAL);
    REFUSED(syssize, UINT32_MAX, -EINVAL);
    REFUSED(syssize, 0x20, -EINVAL);
    REFUSED(init_size, 0, -EINVAL);
    REFUSED(init_size, PAYLOAD_SIZE - 1, -EINVAL);
    REFUSED(init_size, 4 * MIB + 1, -EINVAL);
    REFUSED(init_size, UINT32_MAX, -EINVAL);
    REFUSED(kernel_alignment, 0, -EINVAL);
    REFUSED(kernel_alignment, 3, -EINVAL);
    REFUSED(pref_address, 0x400100, -EINVAL);
    REFUSED(pref_address, 0, -EINVAL);
    REFUSED(cmdline_size, 4, -EINVAL);
    header_of(&image)->pref_address = 8 * MIB;
    assert_refused(&image, -EINVAL, "init_size");
    header_of(&image)->pref_address = 0xFFFFFFFFFFE00000;
    assert_refused(&image, -EINVAL, "init_size");
    image = make_bzimage();
    header_of(&image)->jump_offset = 0x61;
    assert_refused(&image, -EINVAL, "jump");
    header_of(&image)->jump_offset = 0x8F;
    assert_refused(&image, -EINVAL, "jump");
    header_of(&image)->jump_offset = 0x62;
    assert_int_equal(load_bzimage(&image, 8 * MIB, &out), 0);
    header_of(&image)->jump_offset = 0x8E;
    assert_int_equal(load_bzimage(&image, 8 * MIB, &out), 0);
    header_of(&image)->init_size = 4 * MIB;
    assert_int_equal(load_bzimage(&image, 8 * MIB, &out), 0);
}

static void bzimage_command_line(void **state)
{
    struct bzimage image = make_bzimage();
    struct guest_writer w = fresh_ram(8 * MIB);
    char cmdline[6000];
    struct load_result out;

    (void)state;
    memset(cmdline, 'c', sizeof(cmdline));
    header_of(&image)->cmdline_size = UINT32_MAX;
    cmdline[4095] = '\0';
    assert_int_equal(
        load_exact(&image, sizeof(image), NULL, NULL, 0, cmdline, &w, &out), 0);
    assert_string_equal(ram + ram32(out.rsi + 0x228), cmdline);
    cmdline[4095] = 'c';
    cmdline[4096] = '\0';
    assert_int_equal(
        load_exact(&image, sizeof(image), NULL, NULL, 0, cmdline, &w, &out),
        -EINVAL);
    assert_non_null(strstr(out.error, "cmdline_size"));
}

static void truncated_images(void **state)
{
    struct bzimage image = make_bzimage();

    (void)state;
    assert_int_equal(try_prefixes(&image, sizeof(image)), 0);
}

static void damaged_images(void **state)
{
    struct bzimage image = make_bzimage();

    (void)state;
    damage(&image, sizeof(image), 0x290);
}

static void failing_writer(void **state)
{
    struct bzimage image = make_bzimage();

    (void)state;
    fail_each_write(&image, sizeof(image));
}

static void little_memory(void **state)
{
    struct bzimage image = make_bzimage();
    struct load_result out;

    (void)state;
    assert_int_equal(load_bzimage(&image, MIB, &out), -EINVAL);
    assert_non_null(strstr(out.error, "memory"));
    assert_int_equal(load_bzimage(&image, 0, &out), -EINVAL);
}

/* A distribution's kernel, when BULKHEAD_VMLINUZ names one. */
static void real_kernel(void **state)
{
    const char *path = getenv("BULKHEAD_VMLINUZ");
    FILE *file = path == NULL ? NULL : fopen(path, "rb");
    struct load_result out;

    (void)state;
    if (file == NULL)
        skip();
    fseek(file, 0, SEEK_END);

    uint64_t size = (uint64_t)ftell(file);
    uint8_t *data = malloc(size);

    rewind(file);
    assert_int_equal(fread(data, 1, size, file), size);
    fclose(file);

    struct guest_writer w = fresh_ram(256 * MIB);

    assert_int_equal(load_exact(data, size, NULL, NULL, 0, "quiet", &w, &out),
                     0);
    assert_int_equal(out.kind, LOAD_LINUX64);
    assert_memory_equal(ram + out.entry - 0x200, data + (data[0x1F1] + 1) * 512,
                        4096);
    w = fresh_ram(16 * MIB);
    assert_int_equal(load_exact(data, size, NULL, NULL, 0, "", &w, &out),
                     -EINVAL);
    for (uint64_t length = 0; length < size; length += size / 50) {
        w = fresh_ram(64 * MIB);
        assert_true(load_exact(data, length, NULL, NULL, 0, "", &w, &out) < 0);
    }
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bzimage_state),
        cmocka_unit_test(jump_to_the_bios_resets),
        cmocka_unit_test(bzimage_boot_params),
        cmocka_unit_test(bzimage_memory_map),
        cmocka_unit_test(bzimage_in_5_gib),
        cmocka_unit_test(bzimage_identity_map),
        cmocka_unit_test(bzimage_initrd),
        cmocka_unit_test(bzimage_initrd_must_fit),
        cmocka_unit_test(bzimage_initrd_below_its_limit),
        cmocka_unit_test(bzimage_initrds_of_hostile_size),
        cmocka_unit_test(bzimage_bad_fields),
        cmocka_unit_test(bzimage_command_line),
        cmocka_unit_test(truncated_images),
        cmocka_unit_test(damaged_images),
        cmocka_unit_test(failing_writer),
        cmocka_unit_test(little_memory),
        cmocka_unit_test(real_kernel),
    };

    return cmocka_run_group_tests(tests, NULL, free_ram);
}
