/* SPDX-License-Identifier: BSD-2-Clause */
/* sources: drivers/acpi.c drivers/hest.c */
/* The host's tables: which of the two roots is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86_64/paging.h"
#include "drivers/acpi.h"
#include "kernel/fact.h"

#define BASE      0x7fe00000u
#define AT_RSDP   0x000u
#define AT_RSDT   0x100u
#define AT_XSDT   0x200u
#define AT_MADT_4 0x300u /* that the RSDT names, with CPU 4 */
#define AT_MADT_8 0x400u /* that the XSDT names, with CPU 8 */
#define SIZE      0x500u
#define HEADER    36u

static uint8_t memory[SIZE];
static char facts[256];

const void *core_map_readonly(uint64_t physical, size_t size)
{
    if (physical < BASE || physical - BASE > SIZE ||
        size > SIZE - (physical - BASE)) {
        return NULL;
    }
    return memory + (physical - BASE);
}

void fact(enum log_level level, const char *subject, const char *format, ...)
{
    size_t used = strlen(facts);
    va_list args;

    assert_int_equal(level, LOG_WARN);
    assert_string_equal(subject, "acpi");
    va_start(args, format);
    vsnprintf(facts + used, sizeof(facts) - used, format, args);
    va_end(args);
}

/* ---- tables ---- */

static void put(unsigned at, uint64_t value, unsigned size)
{
    memcpy(memory + at, &value, size);
}

/* Makes the bytes add up to 0. */
static void seal(unsigned at, unsigned size, unsigned checksum)
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < size; i++) {
        sum = (uint8_t)(sum + memory[at + i]);
    }
    memory[checksum] = (uint8_t)(memory[checksum] - sum);
}

static void put_table(unsigned at, const char *name, unsigned length)
{
    memcpy(memory + at, name, 4);
    put(at + 4, length, 4);
    seal(at, length, at + 9);
}

/* A MADT with one CPU. */
static void put_madt(unsigned at, uint8_t cpu)
{
    put(at + HEADER, 0xfee00000, 4);
    put(at + HEADER + 8, 8 << 8 | cpu << 24, 4);
    put(at + HEADER + 12, 1, 4);
    put_table(at, "APIC", HEADER + 16);
}

static int set_up(void **state)
{
    (void)state;
    memset(memory, 0, sizeof(memory));
    facts[0] = '\0';
    memcpy(memory + AT_RSDP, "RSD PTR ", 8);
    memory[AT_RSDP + 15] = 2;
    put(AT_RSDP + 16, BASE + AT_RSDT, 4);
    put(AT_RSDP + 24, BASE + AT_XSDT, 8);
    seal(AT_RSDP, 20, AT_RSDP + 8);
    put_madt(AT_MADT_4, 4);
    put_madt(AT_MADT_8, 8);
    put(AT_RSDT + HEADER, BASE + AT_MADT_4, 4);
    put_table(AT_RSDT, "RSDT", HEADER + 4);
    put(AT_XSDT + HEADER, BASE + AT_MADT_8, 8);
    put_table(AT_XSDT, "XSDT", HEADER + 8);
    return 0;
}

static struct acpi_info read_all(void)
{
    struct acpi_info info;

    acpi_read(BASE + AT_RSDP, &info);
    return info;
}

static void assert_fallen_back(void)
{
    struct acpi_info info = read_all();

    assert_true(info.found);
    assert_false(info.extended);
    assert_int_equal(info.tables, 1);
    assert_int_equal(info.cpu_count, 1);
    assert_int_equal(info.cpus[0], 4);
    assert_string_equal(facts, "the XSDT at 0x7fe00200 is damaged: the RSDT is "
                               "tried");
    assert_true(strlen("acpi: ") + strlen(facts) <= FACT_COLUMNS);
}

/* ---- the tests ---- */

static void the_xsdt_comes_first(void **state)
{
    struct acpi_info info = read_all();

    (void)state;
    assert_true(info.found && info.extended);
    assert_int_equal(info.tables, 1);
    assert_int_equal(info.cpus[0], 8);
    assert_string_equal(facts, "");
}

static void an_old_rsdp_has_no_xsdt(void **state)
{
    struct acpi_info info;

    (void)state;
    memory[AT_RSDP + 15] = 0;
    seal(AT_RSDP, 20, AT_RSDP + 8);
    info = read_all();
    assert_true(info.found && !info.extended);
    assert_int_equal(info.cpus[0], 4);
    assert_string_equal(facts, "");
}

static void a_bad_sum(void **state)
{
    (void)state;
    memory[AT_XSDT + 20] ^= 1;
    assert_fallen_back();
}

static void a_bad_length(void **state)
{
    static const uint32_t lengths[] = {0, HEADER - 1, SIZE, UINT32_MAX};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        set_up(NULL);
        put(AT_XSDT + 4, lengths[i], 4);
        assert_fallen_back();
    }
}

static void an_address_of_nothing(void **state)
{
    struct acpi_info info;

    (void)state;
    put(AT_RSDP + 24, 0x123456789000, 8);
    info = read_all();
    assert_int_equal(info.cpus[0], 4);
    assert_false(info.extended);
    assert_non_null(strstr(facts, "0x123456789000"));
    assert_true(strlen("acpi: ") + strlen(facts) <= FACT_COLUMNS);
}

static void both_damaged(void **state)
{
    struct acpi_info info;

    (void)state;
    memory[AT_XSDT + 20] ^= 1;
    memory[AT_RSDT + 20] ^= 1;
    info = read_all();
    assert_false(info.found || info.extended);
    assert_int_equal(info.cpu_count, 0);
    assert_int_equal(info.local_apic, 0xfee00000);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_xsdt_comes_first),
        TEST(an_old_rsdp_has_no_xsdt),
        TEST(a_bad_sum),
        TEST(a_bad_length),
        TEST(an_address_of_nothing),
        TEST(both_damaged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
