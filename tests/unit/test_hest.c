/* sources: drivers/hest.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "drivers/hest.h"
#include "kernel/string.h"

static uint8_t body[512];
static uint32_t size;

static int reset(void **state)
{
    (void)state;
    memset(body, 0, sizeof(body));
    size = 4;
    return 0;
}

/* Adds a source of so many bytes; where it lies. */
static uint8_t *add(uint8_t type, uint32_t bytes, uint8_t flags)
{
    uint8_t *at = body + size;

    at[0] = type;
    at[6] = flags;
    size += bytes;
    body[0]++;
    assert_true(size <= sizeof(body));
    return at;
}

static struct hest_info read_all(void)
{
    struct hest_info info;
    uint8_t exact[512]; /* the sanitizer sees a read beyond it */

    memcpy(exact + sizeof(exact) - size, body, size);
    hest_read(exact + sizeof(exact) - size, size, &info);
    return info;
}

static void no_source_is_firmwares(void **state)
{
    (void)state;
    add(0, 40 + 28, 0)[32] = 1;
    add(1, 48 + 56, 0)[44] = 2;
    assert_int_equal(read_all().sources, 2);
    assert_false(read_all().machine_checks_first);
    assert_false(read_all().corrected_first);
}

static void machine_checks_go_to_firmware(void **state)
{
    (void)state;
    add(2, 20, 0);
    add(6, 48, 1); /* PCI Express, not ours to care */
    add(0, 40 + 56, 1)[32] = 2;
    add(9, 64, 0);
    assert_int_equal(read_all().sources, 4);
    assert_true(read_all().machine_checks_first);
    assert_false(read_all().corrected_first);
    assert_int_equal(read_all().generic, 1);
}

static void corrected_errors_go_to_firmware(void **state)
{
    (void)state;
    add(7, 44, 1);
    add(8, 56, 1);
    add(1, 48 + 28, 1)[44] = 1;
    add(10, 92, 0);
    assert_int_equal(read_all().sources, 4);
    assert_false(read_all().machine_checks_first);
    assert_true(read_all().corrected_first);
    assert_int_equal(read_all().generic, 1);
}

static void a_table_that_ends_early(void **state)
{
    (void)state;
    add(0, 40, 0);
    add(0, 40 + 28, 1)[32] = 1;
    for (size -= 28; size < 4 + 40 + 40 + 28; size++) {
        assert_int_equal(read_all().sources, 1);
    }
    assert_int_equal(read_all().sources, 2);
    size = 3;
    assert_int_equal(read_all().sources, 0);
}

static void an_unknown_source_ends_the_reading(void **state)
{
    (void)state;
    add(3, 48, 1);
    add(0, 40, 1);
    assert_int_equal(read_all().sources, 0);
    body[4] = 200;
    assert_int_equal(read_all().sources, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(no_source_is_firmwares, reset),
        cmocka_unit_test_setup(machine_checks_go_to_firmware, reset),
        cmocka_unit_test_setup(corrected_errors_go_to_firmware, reset),
        cmocka_unit_test_setup(a_table_that_ends_early, reset),
        cmocka_unit_test_setup(an_unknown_source_ends_the_reading, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
