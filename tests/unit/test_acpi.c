/* sources: vmm/acpi_tables.c build/gen/dsdt.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "kernel/errno.h"
#include "vmm/acpi_tables.h"
#include "vmm/devices/power.h"

#define ROM_BASE 0xE0000ULL
#define ROM_SIZE 0x20000ULL

static uint8_t rom[ROM_SIZE];
static uint8_t written[ROM_SIZE];
static unsigned writes_left;

static int write_rom(void *context, uint64_t gpa, const void *data,
                     uint64_t size)
{
    (void)context;
    if (writes_left == 0)
        return -EFAULT;
    writes_left--;
    assert_true(gpa >= ROM_BASE && size <= ROM_SIZE);
    assert_true(gpa - ROM_BASE <= ROM_SIZE - size);
    for (uint64_t i = 0; i < size; i++)
        assert_int_equal(written[gpa - ROM_BASE + i], 0);
    memcpy(rom + gpa - ROM_BASE, data, size);
    memset(written + gpa - ROM_BASE, 1, size);
    return 0;
}

static const struct guest_writer writer = {.memory = 256 << 20,
                                           .write = write_rom};

static void build(unsigned vcpus)
{
    memset(rom, 0, sizeof(rom));
    memset(written, 0, sizeof(written));
    writes_left = 100;
    assert_int_equal(acpi_write_tables(&writer, vcpus), 0);
}

static uint64_t get(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;

    memcpy(&value, at, bytes);
    return value;
}

static uint8_t sum(const uint8_t *at, uint64_t size)
{
    uint8_t total = 0;

    while (size-- > 0)
        total = (uint8_t)(total + *at++);
    return total;
}

/* The table at gpa, after checking what all tables have. */
static const uint8_t *table(uint64_t gpa, const char *signature)
{
    assert_true(gpa >= ROM_BASE && gpa < ROM_BASE + ROM_SIZE - 36);

    const uint8_t *at = rom + gpa - ROM_BASE;

    assert_memory_equal(at, signature, 4);
    assert_int_equal(sum(at, get(at + 4, 4)), 0);
    return at;
}

static const uint8_t *xsdt(void)
{
    return table(get(rom + 24, 8), "XSDT");
}

static const uint8_t *fadt(void)
{
    return table(get(xsdt() + 36, 8), "FACP");
}

static const uint8_t *madt(void)
{
    return table(get(xsdt() + 44, 8), "APIC");
}

static void root_pointer(void **state)
{
    (void)state;
    build(1);
    assert_memory_equal(rom, "RSD PTR ", 8);
    assert_int_equal(sum(rom, 20), 0);
    assert_int_equal(sum(rom, 36), 0);
    assert_int_equal(rom[15], 2);
    assert_int_equal(get(rom + 20, 4), 36);
    assert_int_equal(get(xsdt() + 4, 4), 36 + 2 * 8);
}

static void assert_io_byte(const uint8_t *gas, uint16_t port)
{
    assert_int_equal(gas[0], 1); /* I/O space */
    assert_int_equal(gas[1], 8);
    assert_int_equal(gas[2], 0);
    assert_int_equal(get(gas + 4, 8), port);
}

/* Offsets: ACPI 6.4, table 5.9 */
static void fixed_description(void **state)
{
    (void)state;
    build(1);

    const uint8_t *at = fadt();

    assert_int_equal(get(at + 4, 4), 276);
    assert_int_equal(at[8], 6);
    assert_int_equal(get(at + 109, 2), 4);
    assert_int_equal(get(at + 112, 4) & (1 << 10 | 1 << 20), 1 << 10 | 1 << 20);
    assert_io_byte(at + 116, POWER_PORT_RESET);
    assert_int_equal(at[128], POWER_RESET_VALUE);
    assert_io_byte(at + 244, POWER_PORT_SLEEP_CONTROL);
    assert_io_byte(at + 256, POWER_PORT_SLEEP_STATUS);
    assert_int_equal(get(at + 40, 4), get(at + 140, 8));
    table(get(at + 140, 8), "DSDT");
}

static void interrupt_controllers(void **state)
{
    static const unsigned counts[] = {1, 2, ACPI_VCPUS_MAX};

    (void)state;
    for (unsigned row = 0; row < 3; row++) {
        build(counts[row]);

        const uint8_t *at = madt();
        const uint8_t *entry = at + 44;
        const uint8_t *end = at + get(at + 4, 4);
        unsigned cpus = 0;
        unsigned io_apics = 0;

        assert_int_equal(get(at + 36, 4), 0xFEE00000);
        assert_int_equal(get(at + 40, 4), 0);
        for (; entry < end; entry += entry[1]) {
            if (entry[0] == 0) {
                assert_int_equal(entry[1], 8);
                assert_int_equal(entry[2], cpus);
                assert_int_equal(entry[3], cpus);
                assert_int_equal(get(entry + 4, 4), 1);
                cpus++;
            } else {
                assert_int_equal(entry[0], 1);
                assert_int_equal(entry[1], 12);
                assert_int_equal(get(entry + 4, 4), 0xFEC00000);
                assert_int_equal(get(entry + 8, 4), 0);
                io_apics++;
            }
        }
        assert_ptr_equal(entry, end);
        assert_int_equal(cpus, counts[row]);
        assert_int_equal(io_apics, 1);
    }
}

static void assert_dsdt_has(const void *bytes, size_t size)
{
    size_t length = get(acpi_dsdt + 4, 4);

    for (size_t at = 36; at + size <= length; at++)
        if (memcmp(acpi_dsdt + at, bytes, size) == 0)
            return;
    fail();
}

/* The AML spells out numbers that power.h names. */
static void dsdt_agrees_with_power_h(void **state)
{
    const uint8_t pvpanic[] = {0x47, 1, POWER_PORT_PVPANIC & 0xFF,
                               POWER_PORT_PVPANIC >> 8};
    const uint8_t s5[] = {
        '_', 'S', '5', '_', 0x12, 7, 4, 0x0A, POWER_SLP_TYP_S5};
    const uint8_t com1[] = {0x47, 1, 0xF8, 0x03, 0xF8, 0x03};
    const uint8_t gsi4[] = {0x89, 6, 0, 3, 1, 4, 0, 0, 0};

    (void)state;
    assert_dsdt_has(pvpanic, sizeof(pvpanic));
    assert_dsdt_has(s5, sizeof(s5));
    assert_dsdt_has(com1, sizeof(com1));
    assert_dsdt_has(gsi4, sizeof(gsi4));
}

static void refusals(void **state)
{
    (void)state;
    writes_left = 100;
    assert_int_equal(acpi_write_tables(&writer, 0), -EINVAL);
    assert_int_equal(acpi_write_tables(&writer, ACPI_VCPUS_MAX + 1), -EINVAL);
    for (unsigned i = 0; i < 5; i++) {
        memset(written, 0, sizeof(written));
        writes_left = i;
        assert_int_equal(acpi_write_tables(&writer, 1), -EFAULT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_pointer),
        cmocka_unit_test(fixed_description),
        cmocka_unit_test(interrupt_controllers),
        cmocka_unit_test(dsdt_agrees_with_power_h),
        cmocka_unit_test(refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
