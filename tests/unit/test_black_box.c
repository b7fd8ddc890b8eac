/* SPDX-License-Identifier: BSD-2-Clause */
/* sources: kernel/black_box.c kernel/crc32c.c kernel/format.c kernel/fault.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86_64/percpu.h"
#include "kernel/black_box.h"
#include "kernel/fault.h"

uint32_t cpu_count = 1;

static struct black_box a, b, found;
static struct black_box *const both[] = {&a, &b};

/* What a reset leaves of a copy. */
static const struct black_box *after_reset(const struct black_box *copy)
{
    found = *copy;
    return black_box_is_valid(&found) ? &found : NULL;
}

static int power_on(void **state)
{
    (void)state;
    memset(&a, 0xa5, sizeof(a));
    memset(&b, 0x5a, sizeof(b));
    black_box_open(both, 2, NULL);
    return 0;
}

static void note(uint32_t number, const char *kind)
{
    struct black_box_fault record = {.number = number};

    strcpy(record.kind, kind);
    black_box_note(&record);
}

static void test_memory_of_nobody_is_no_box(void **state)
{
    struct black_box box;

    (void)state;
    for (int fill = 0; fill < 256; fill++) {
        memset(&box, fill, sizeof(box));
        assert_false(black_box_is_valid(&box));
    }
}

static void test_each_bit_of_the_header_counts(void **state)
{
    (void)state;
    assert_true(black_box_is_valid(&a));
    for (size_t i = 0; i < sizeof(a.header) * 8; i++) {
        uint8_t *bytes = (uint8_t *)&a.header;

        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_false(black_box_is_valid(&a));
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
    }
}

static void test_the_first_boot_knows_nothing(void **state)
{
    (void)state;
    assert_int_equal(black_box_boots(), 1);
    note(1, "mce");
    assert_null(black_box_earlier(0));
    assert_null(black_box_earlier_panic());
}

static void test_either_copy_tells_the_next_boot(void **state)
{
    const struct black_box_panic panic = {.what = "broken", .cpu = 3};

    for (int copy = 0; copy < 2; copy++) {
        power_on(state);
        note(1, "mce");
        note(2, "ept");
        black_box_panic(&panic);
        black_box_open(both, 2, after_reset(both[copy]));
        assert_int_equal(black_box_boots(), 2);
        assert_string_equal(black_box_earlier(0)->kind, "mce");
        assert_string_equal(black_box_earlier(1)->kind, "ept");
        assert_null(black_box_earlier(2));
        assert_string_equal(black_box_earlier_panic()->what, "broken");
        assert_int_equal(black_box_earlier_panic()->cpu, 3);
    }
}

static void test_a_record_can_be_completed(void **state)
{
    struct black_box_fault record = {.number = 1};

    (void)state;
    black_box_note(&record);
    strcpy(record.action, "restore");
    black_box_note(&record);
    assert_int_equal(black_box_next_number(), 2);
    black_box_open(both, 2, after_reset(&a));
    assert_string_equal(black_box_earlier(0)->action, "restore");
    assert_null(black_box_earlier(1));
}

static void test_a_flipped_bit_spoils_one_record(void **state)
{
    (void)state;
    note(1, "mce");
    note(2, "ept");
    for (size_t i = 0; i < sizeof(struct black_box_fault) * 8; i++) {
        power_on(state);
        note(1, "mce");
        note(2, "ept");
        ((uint8_t *)&a.faults[1])[i / 8] ^= (uint8_t)(1u << i % 8);
        black_box_open(both, 2, after_reset(&a));
        assert_string_equal(black_box_earlier(0)->kind, "ept");
        assert_null(black_box_earlier(1));
    }
}

static void test_a_damaged_panic_is_not_told(void **state)
{
    const struct black_box_panic panic = {.what = "broken"};

    (void)state;
    black_box_panic(&panic);
    a.panic.what[0] ^= 1;
    black_box_open(both, 2, after_reset(&a));
    assert_null(black_box_earlier_panic());
}

static void test_only_the_boot_before_is_told(void **state)
{
    const struct black_box_panic panic = {.what = "broken"};

    (void)state;
    note(1, "mce");
    black_box_panic(&panic);
    black_box_open(both, 2, after_reset(&a));
    note(1, "ept");
    black_box_open(both, 2, after_reset(&a));
    assert_int_equal(black_box_boots(), 3);
    assert_string_equal(black_box_earlier(0)->kind, "ept");
    assert_null(black_box_earlier(1));
    assert_null(black_box_earlier_panic());
}

static void test_the_newest_faults_are_kept_in_order(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= BLACK_BOX_FAULTS + 5; i++) {
        note(i, "mce");
    }
    black_box_open(both, 2, after_reset(&a));
    for (unsigned i = 0; i < BLACK_BOX_FAULTS; i++) {
        assert_int_equal(black_box_earlier(i)->number, i + 6);
    }
    assert_null(black_box_earlier(BLACK_BOX_FAULTS));
}

static void test_what_was_told_is_overwritten_last(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= 40; i++) {
        note(i, "mce");
    }
    black_box_open(both, 2, after_reset(&a));
    for (uint32_t i = 1; i <= BLACK_BOX_FAULTS - 40; i++) {
        note(i, "ept");
    }
    for (unsigned i = 0; i < 40; i++) {
        assert_int_equal(black_box_earlier(i)->number, i + 1);
    }
}

static void test_a_fault_is_described(void **state)
{
    const struct fault fault = {.kind = FAULT_MCE,
                                .severity = SEVERITY_FATAL,
                                .context = CONTEXT_SERVING,
                                .address = 1,
                                .detail = 2,
                                .info = 3,
                                .rip = 4,
                                .tsc = 5};
    struct black_box_fault record = {0};

    (void)state;
    black_box_describe(&record, &fault);
    assert_string_equal(record.kind, "mce");
    assert_string_equal(record.severity, "fatal");
    assert_string_equal(record.context, "serving");
    assert_int_equal(record.address, 1);
    assert_int_equal(record.detail, 2);
    assert_int_equal(record.info, 3);
    assert_int_equal(record.rip, 4);
    assert_int_equal(record.tsc, 5);
}

static void test_without_memory_nothing_happens(void **state)
{
    const struct black_box_panic panic = {.what = "broken"};

    (void)state;
    black_box_open(NULL, 0, NULL);
    note(1, "mce");
    black_box_panic(&panic);
    assert_int_equal(black_box_boots(), 0);
    assert_null(black_box_earlier(0));
    assert_null(black_box_earlier_panic());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_of_nobody_is_no_box),
        cmocka_unit_test_setup(test_each_bit_of_the_header_counts, power_on),
        cmocka_unit_test_setup(test_the_first_boot_knows_nothing, power_on),
        cmocka_unit_test(test_either_copy_tells_the_next_boot),
        cmocka_unit_test_setup(test_a_record_can_be_completed, power_on),
        cmocka_unit_test_setup(test_a_flipped_bit_spoils_one_record, power_on),
        cmocka_unit_test_setup(test_a_damaged_panic_is_not_told, power_on),
        cmocka_unit_test_setup(test_only_the_boot_before_is_told, power_on),
        cmocka_unit_test_setup(test_the_newest_faults_are_kept_in_order,
                               power_on),
        cmocka_unit_test_setup(test_what_was_told_is_overwritten_last,
                               power_on),
        cmocka_unit_test_setup(test_a_fault_is_described, power_on),
        cmocka_unit_test(test_without_memory_nothing_happens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
