/* SPDX-License-Identifier: BSD-2-Clause */
/* sources: boot/efi/memory_map.c boot/efi/information.c */
/* sources: kernel/boot_info.c kernel/multiboot1.c kernel/multiboot2.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "boot/efi/information.h"
#include "boot/efi/memory_map.h"
#include "kernel/boot_info.h"
#include "kernel/errno.h"

#define STRIDE 48 /* as real firmware has it: more than the struct */
#define MAX    16
#define MAGIC  0x36d76289

/* Firmware: a map that changes while it is being left. */
static struct {
    EFI_MEMORY_DESCRIPTOR regions[MAX];
    unsigned count;
    UINTN key;
    unsigned changes; /* this many keys are stale when they are used */
    bool grows;       /* each change adds a region */
    EFI_STATUS end;   /* what ExitBootServices answers otherwise */
    unsigned gets, exits;
    bool ended;
} fake;

static EFI_STATUS EFIAPI get_map(UINTN *size, EFI_MEMORY_DESCRIPTOR *map,
                                 UINTN *key, UINTN *stride, UINT32 *version)
{
    const UINTN needed = fake.count * STRIDE;
    const bool fits = *size >= needed;

    assert_false(fake.ended);
    fake.gets++;
    *size = needed;
    *stride = STRIDE;
    *version = 1;
    if (!fits) {
        return EFI_BUFFER_TOO_SMALL;
    }
    *key = fake.key;
    for (unsigned i = 0; i < fake.count; i++) {
        memset((char *)map + i * STRIDE, 0xee, STRIDE);
        memcpy((char *)map + i * STRIDE, &fake.regions[i],
               sizeof(fake.regions[i]));
    }
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI exit_services(EFI_HANDLE self, UINTN key)
{
    assert_ptr_equal(self, &fake);
    assert_false(fake.ended);
    fake.exits++;
    if (fake.changes) {
        fake.changes--;
        fake.key++;
        if (fake.grows) {
            fake.regions[fake.count] = (EFI_MEMORY_DESCRIPTOR){
                EfiConventionalMemory, 0, 0x40000000ull * fake.count, 0, 1, 0};
            fake.count++;
        }
        return EFI_INVALID_PARAMETER;
    }
    assert_int_equal(key, fake.key);
    fake.ended = fake.end == EFI_SUCCESS;
    return fake.end;
}

static EFI_BOOT_SERVICES services = {.GetMemoryMap = get_map,
                                     .ExitBootServices = exit_services};
static char buffer[STRIDE * MAX];
static struct efi_map map;

static void add(uint32_t type, uint64_t start, uint64_t pages)
{
    fake.regions[fake.count++] =
        (EFI_MEMORY_DESCRIPTOR){type, 0, start, 0, pages, 15};
}

static int set_up(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof(fake));
    fake.key = 77;
    map = (struct efi_map){.data = buffer, .capacity = sizeof(buffer)};
    add(EfiConventionalMemory, 0x100000, 16);
    return 0;
}

static EFI_STATUS leave(bool *tried)
{
    return efi_leave(&services, &fake, &map, tried);
}

static void leaves_at_once(void **state)
{
    bool tried;

    (void)state;
    assert_int_equal(leave(&tried), EFI_SUCCESS);
    assert_true(tried && fake.ended);
    assert_int_equal(fake.gets, 1);
    assert_int_equal(fake.exits, 1);
}

static void a_stale_key_is_followed_by_a_new_map(void **state)
{
    bool tried;

    (void)state;
    fake.changes = 3;
    fake.grows = true;
    assert_int_equal(leave(&tried), EFI_SUCCESS);
    assert_true(fake.ended);
    assert_int_equal(fake.gets, 4);
    assert_int_equal(fake.exits, 4);
    assert_int_equal(efi_map_count(&map), 4); /* the last map is kept */
    assert_int_equal(efi_map_region(&map, 3).PhysicalStart, 0xc0000000);
}

static void a_map_that_never_rests_is_given_up(void **state)
{
    bool tried;

    (void)state;
    fake.changes = 1000;
    assert_int_equal(leave(&tried), EFI_INVALID_PARAMETER);
    assert_true(tried);
    assert_int_equal(fake.exits, EFI_LEAVE_ATTEMPTS);
}

static void a_map_that_outgrows_its_buffer_is_given_up(void **state)
{
    bool tried;

    (void)state;
    map.capacity = 2 * STRIDE;
    fake.changes = 2;
    fake.grows = true;
    assert_int_equal(leave(&tried), EFI_BUFFER_TOO_SMALL);
    assert_true(tried);
    assert_int_equal(fake.exits, 2);
}

static void errors_before_the_first_attempt_leave_firmware_alive(void **state)
{
    bool tried;

    (void)state;
    map.capacity = 0;
    assert_int_equal(leave(&tried), EFI_BUFFER_TOO_SMALL);
    assert_false(tried);
    assert_int_equal(map.size, STRIDE); /* what it takes */
    assert_int_equal(fake.exits, 0);
}

static void other_errors_are_not_tried_again(void **state)
{
    bool tried;

    (void)state;
    fake.end = EFI_DEVICE_ERROR;
    assert_int_equal(leave(&tried), EFI_DEVICE_ERROR);
    assert_true(tried);
    assert_int_equal(fake.exits, 1);
}

/* What is usable afterwards, by UEFI's types. */
static void types_become_those_of_multiboot(void **state)
{
    static const uint32_t wanted[] = {
        [EfiReservedMemoryType] = MB2_RESERVED,
        [EfiLoaderCode] = MB2_USABLE,
        [EfiLoaderData] = MB2_USABLE,
        [EfiBootServicesCode] = MB2_USABLE,
        [EfiBootServicesData] = MB2_USABLE,
        [EfiRuntimeServicesCode] = MB2_RESERVED,
        [EfiRuntimeServicesData] = MB2_RESERVED,
        [EfiConventionalMemory] = MB2_USABLE,
        [EfiUnusableMemory] = MB2_BAD,
        [EfiACPIReclaimMemory] = MB2_ACPI,
        [EfiACPIMemoryNVS] = MB2_NVS,
        [EfiMemoryMappedIO] = MB2_RESERVED,
        [EfiMemoryMappedIOPortSpace] = MB2_RESERVED,
        [EfiPalCode] = MB2_RESERVED,
        [14] = MB2_RESERVED, /* persistent */
        [15] = MB2_RESERVED, /* not accepted yet */
        [16] = MB2_RESERVED, /* unheard of */
    };
    struct mb2_memory entries[MAX];
    bool tried;

    (void)state;
    for (uint32_t type = 0; type < 17; type++) {
        fake.count = 0;
        fake.ended = false;
        add(type == 16 ? 0x80000001 : type, 0x300000, 2);
        assert_int_equal(leave(&tried), EFI_SUCCESS);
        assert_int_equal(efi_map_convert(&map, entries), 1);
        assert_int_equal(entries[0].start, 0x300000);
        assert_int_equal(entries[0].size, 0x2000);
        assert_int_equal(entries[0].type, wanted[type]);
    }
}

/* Out of order, with neighbours, a hole, and two that cannot be. */
static void scatter(void)
{
    fake.count = 0;
    add(EfiConventionalMemory, 0x100000000, 0x40000);
    add(EfiBootServicesData, 0x200000, 0x100);
    add(EfiConventionalMemory, 0x100000, 0x100);
    add(EfiLoaderData, 0x300000, 0x100);
    add(EfiRuntimeServicesData, 0x400000, 0x10);
    add(EfiConventionalMemory, 0x410000, 0x10);
    add(EfiConventionalMemory, 0x500000, UINT64_MAX);
    add(EfiConventionalMemory, UINT64_MAX - 0xfff, 2);
    add(EfiConventionalMemory, 0x430000, 0);
    assert_int_equal(efi_map_get(&services, &map), EFI_SUCCESS);
}

static void regions_are_sorted_and_joined(void **state)
{
    const struct mb2_memory wanted[] = {
        {0x100000, 0x300000, MB2_USABLE, 0},
        {0x400000, 0x10000, MB2_RESERVED, 0},
        {0x410000, 0x10000, MB2_USABLE, 0},
        {0x100000000, 0x40000000, MB2_USABLE, 0},
    };
    struct mb2_memory entries[MAX];

    (void)state;
    scatter();
    assert_int_equal(efi_map_convert(&map, entries), 4);
    assert_memory_equal(entries, wanted, sizeof(wanted));
    fake.count = 0;
    assert_int_equal(efi_map_get(&services, &map), EFI_SUCCESS);
    assert_int_equal(efi_map_convert(&map, entries), 0);
}

static void what_is_taken_is_found(void **state)
{
    (void)state;
    scatter();
    assert_int_equal(efi_map_usable_until(&map, 0x200000, 0x2c0000), 0x2c0000);
    assert_int_equal(efi_map_usable_until(&map, 0x180000, 0x400000), 0x400000);
    assert_int_equal(efi_map_usable_until(&map, 0x180000, 0x400001), 0x400000);
    assert_int_equal(efi_map_usable_until(&map, 0x40f000, 0x412000), 0x40f000);
    assert_int_equal(efi_map_usable_until(&map, 0x41f000, 0x430000), 0x420000);
    assert_int_equal(efi_map_largest_below(&map, 0x100000000), 0x100000);
    assert_int_equal(efi_map_largest_below(&map, 0x100800000), 0x800000);
    assert_int_equal(efi_map_largest_below(&map, 0x100000), 0);
}

static void a_stride_that_is_too_small_is_an_empty_map(void **state)
{
    (void)state;
    scatter();
    map.stride = 32;
    assert_int_equal(efi_map_count(&map), 0);
    assert_int_equal(efi_map_room(&map), 0);
    map.stride = 0;
    assert_int_equal(efi_map_count(&map), 0);
}

static const char rsdp[36] = "RSD PTR ";

static void fill(struct efi_information *info, void *room, size_t size)
{
    struct mb2_memory *entries;

    information_begin(info, room, size);
    information_add_text(info, MB2_COMMAND_LINE, "loglevel=info");
    information_add_text(info, MB2_LOADER_NAME, "loader");
    information_add_module(info, 0x1000000, 0x1000123, "vm=alpha mem=4M");
    information_add_module(info, 0x2000000, 0x2000000, "");
    information_add(info, MB2_RSDP_2, "", 0, rsdp, sizeof(rsdp));
    entries = information_begin_map(info, efi_map_room(&map));
    if (entries) {
        information_shrink_map(info, entries, efi_map_convert(&map, entries));
    }
}

/* The kernel's own reader finds all of it again. */
static void the_kernel_reads_what_was_written(void **state)
{
    static struct boot_info boot;
    struct efi_information info;
    uint64_t *room = malloc(2048);

    (void)state;
    scatter();
    fill(&info, room, 2048);
    assert_int_equal(information_end(&info), 0);
    boot_info_read(MAGIC, (uint64_t)room, &boot);
    assert_string_equal(boot.line, "loglevel=info");
    assert_string_equal(boot.loader, "loader");
    assert_int_equal(boot.module_count, 2);
    assert_string_equal(boot.modules[0].line, "vm=alpha mem=4M");
    assert_int_equal(boot.modules[0].end, 0x1000123);
    assert_string_equal(boot.modules[1].line, "");
    assert_int_equal(boot.range_count, 3);
    assert_int_equal(boot.ranges[2].end, 0x140000000);
    assert_memory_equal((void *)boot.rsdp, rsdp, sizeof(rsdp));
    assert_int_equal(boot.info_end - boot.info_start, info.used);
    free(room);
}

/* Where other CPUs start. */
static void the_highest_low_page_is_found(void **state)
{
    static struct boot_info boot;

    (void)state;
    boot.range_count = 0;
    assert_int_equal(boot_info_low_page(&boot), 0);
    boot.ranges[boot.range_count++] = (struct boot_range){0, 0x1000};
    boot.ranges[boot.range_count++] = (struct boot_range){0x200000, 1 << 30};
    boot.ranges[boot.range_count++] = (struct boot_range){0x500, 0x9ff};
    assert_int_equal(boot_info_low_page(&boot), 0);
    boot.ranges[boot.range_count++] = (struct boot_range){0x3800, 0x5800};
    assert_int_equal(boot_info_low_page(&boot), 0x4000);
    boot.ranges[boot.range_count++] = (struct boot_range){0x2000, 0x3000};
    assert_int_equal(boot_info_low_page(&boot), 0x4000);
    boot.ranges[boot.range_count++] = (struct boot_range){0x60000, 0x9fc00};
    assert_int_equal(boot_info_low_page(&boot), 0x9e000);
    boot.ranges[boot.range_count++] = (struct boot_range){0x9f800, 0x100000};
    assert_int_equal(boot_info_low_page(&boot), 0x9e000);
    boot.ranges[boot.range_count++] = (struct boot_range){0x9f000, 0x100000};
    assert_int_equal(boot_info_low_page(&boot), 0x9f000);
    boot.modules[boot.module_count].start = 0x9e001;
    boot.modules[boot.module_count++].end = 0x9f001;
    assert_int_equal(boot_info_low_page(&boot), 0x9d000);
    boot.info_start = 0x9dfff;
    boot.info_end = 0x9e000;
    assert_int_equal(boot_info_low_page(&boot), 0x9c000);
}

static void too_little_room_is_told(void **state)
{
    struct efi_information info;
    size_t size = 0;

    (void)state;
    scatter();
    for (;; size++) {
        uint64_t *room = malloc(size + 1);

        fill(&info, room, size);
        if (!information_end(&info)) {
            free(room);
            break;
        }
        free(room);
    }
    assert_true(size >= 8 + 24 + 16 + 32 + 24 + 48 + 16 + 24 * MAX);
    assert_true(size < 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(leaves_at_once, set_up),
        cmocka_unit_test_setup(a_stale_key_is_followed_by_a_new_map, set_up),
        cmocka_unit_test_setup(a_map_that_never_rests_is_given_up, set_up),
        cmocka_unit_test_setup(a_map_that_outgrows_its_buffer_is_given_up,
                               set_up),
        cmocka_unit_test_setup(
            errors_before_the_first_attempt_leave_firmware_alive, set_up),
        cmocka_unit_test_setup(other_errors_are_not_tried_again, set_up),
        cmocka_unit_test_setup(types_become_those_of_multiboot, set_up),
        cmocka_unit_test_setup(regions_are_sorted_and_joined, set_up),
        cmocka_unit_test_setup(what_is_taken_is_found, set_up),
        cmocka_unit_test_setup(a_stride_that_is_too_small_is_an_empty_map,
                               set_up),
        cmocka_unit_test_setup(the_kernel_reads_what_was_written, set_up),
        cmocka_unit_test(the_highest_low_page_is_found),
        cmocka_unit_test_setup(too_little_room_is_told, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
