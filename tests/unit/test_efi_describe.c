/* SPDX-License-Identifier: BSD-2-Clause */
/* sources: boot/efi/describe.c boot/efi/information.c */
/* sources: kernel/boot_info.c kernel/multiboot1.c kernel/multiboot2.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "boot/efi/describe.h"
#include "boot/efi/multiboot2.h"
#include "kernel/boot_info.h"

static EFI_GRAPHICS_OUTPUT_MODE_INFORMATION mode;
static EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE current = {
    .Info = &mode, .FrameBufferBase = 0x4080000000};
static EFI_GRAPHICS_OUTPUT_PROTOCOL output = {.Mode = &current};
static bool has_output;

static EFI_STATUS EFIAPI locate(EFI_GUID *id, void *registration, void **found)
{
    const EFI_GUID wanted = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;

    (void)registration;
    assert_memory_equal(id, &wanted, sizeof(wanted));
    *found = &output;
    return has_output ? EFI_SUCCESS : EFI_NOT_FOUND;
}

static EFI_BOOT_SERVICES services = {.LocateProtocol = locate};
static EFI_CONFIGURATION_TABLE tables[3];
static EFI_SYSTEM_TABLE machine = {.BootServices = &services,
                                   .ConfigurationTable = tables};
static uint64_t room[64];
static struct efi_information info;

static void describe(void)
{
    information_begin(&info, room, sizeof(room));
    describe_machine(&machine, &info);
    assert_int_equal(information_end(&info), 0);
}

/* What is in a tag; NULL if there is none. */
static const void *tag(uint32_t type, uint32_t size)
{
    const char *at = (const char *)room + 8;

    for (;;) {
        uint32_t head[2];

        memcpy(head, at, sizeof(head));
        if (head[0] == type) {
            assert_int_equal(head[1], 8 + size);
            return at + 8;
        }
        if (head[0] == MB2_END) {
            return NULL;
        }
        at += (head[1] + 7) & ~7u;
    }
}

static int set_up(void **state)
{
    (void)state;
    has_output = true;
    machine.NumberOfTableEntries = 0;
    mode = (EFI_GRAPHICS_OUTPUT_MODE_INFORMATION){
        .HorizontalResolution = 1920,
        .VerticalResolution = 1080,
        .PixelFormat = PixelBlueGreenRedReserved8BitPerColor,
        .PixelsPerScanLine = 2048};
    return 0;
}

static void nothing_is_made_up(void **state)
{
    (void)state;
    has_output = false;
    describe();
    assert_int_equal(*(const uint64_t *)tag(MB2_EFI_64, 8), (uint64_t)&machine);
    assert_int_equal(info.used, 32);
    has_output = true;
    mode.PixelFormat = PixelBltOnly; /* no memory behind it */
    describe();
    assert_int_equal(info.used, 32);
}

static void the_screen_is_told(void **state)
{
    const struct mb2_framebuffer wanted = {
        0x4080000000, 8192, 1920, 1080, 32, 1, 0, 16, 8, 8, 8, 0, 8};

    (void)state;
    describe();
    assert_memory_equal(tag(MB2_FRAMEBUFFER, 30), &wanted, 30);
}

static void colours_lie_where_firmware_says(void **state)
{
    const struct mb2_framebuffer *screen;

    (void)state;
    mode.PixelFormat = PixelRedGreenBlueReserved8BitPerColor;
    describe();
    screen = tag(MB2_FRAMEBUFFER, 30);
    assert_int_equal(screen->red_shift, 0);
    assert_int_equal(screen->blue_shift, 16);
    mode.PixelFormat = PixelBitMask;
    mode.PixelInformation = (EFI_PIXEL_BITMASK){0xf800, 0x7e0, 0x1f, 0};
    describe();
    screen = tag(MB2_FRAMEBUFFER, 30);
    assert_int_equal(screen->bits, 16);
    assert_int_equal(screen->pitch, 4096);
    assert_int_equal(screen->red_shift, 11);
    assert_int_equal(screen->red_bits, 5);
    assert_int_equal(screen->green_shift, 5);
    assert_int_equal(screen->green_bits, 6);
    assert_int_equal(screen->blue_shift, 0);
    assert_int_equal(screen->blue_bits, 5);
}

/* The newer root wins, in whichever order firmware has them. */
static void the_root_of_acpi_is_told(void **state)
{
    static char old[20] = "RSD PTR old", new[36] = "RSD PTR new";
    static struct boot_info boot;
    const EFI_CONFIGURATION_TABLE both[] = {{ACPI_TABLE_GUID, old},
                                            {ACPI_20_TABLE_GUID, new}};

    (void)state;
    for (unsigned first = 0; first < 2; first++) {
        tables[0] = (EFI_CONFIGURATION_TABLE){.VendorTable = NULL};
        tables[1] = both[first];
        tables[2] = both[!first];
        machine.NumberOfTableEntries = 3;
        describe();
        boot.rsdp = 0;
        boot_info_read(0x36d76289, (uint64_t)room, &boot);
        assert_string_equal((const char *)boot.rsdp, new);
        machine.NumberOfTableEntries = 2;
        describe();
        boot.rsdp = 0;
        boot_info_read(0x36d76289, (uint64_t)room, &boot);
        assert_string_equal((const char *)boot.rsdp, first ? new : old);
    }
}

static void every_answer_of_firmware_has_words(void **state)
{
    const EFI_STATUS answers[] = {
        EFI_NOT_FOUND,    EFI_UNSUPPORTED,   EFI_END_OF_FILE,
        EFI_DEVICE_ERROR, EFI_NO_MEDIA,      EFI_VOLUME_CORRUPTED,
        EFI_ABORTED,      EFI_MEDIA_CHANGED, EFI_OUT_OF_RESOURCES};

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        assert_true(strlen(describe_status(answers[i])) > 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_is_made_up, set_up),
        cmocka_unit_test_setup(the_screen_is_told, set_up),
        cmocka_unit_test_setup(colours_lie_where_firmware_says, set_up),
        cmocka_unit_test_setup(the_root_of_acpi_is_told, set_up),
        cmocka_unit_test(every_answer_of_firmware_has_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
