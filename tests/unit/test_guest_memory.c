/* sources: vmm/guest_memory.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* What is not wholly RAM is refused, before anything is touched: the cell's
 * window, where RAM would be, is not there in this program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/errno.h"
#include "vmm/guest.h"

#define MEMORY (8ull << 30) /* of which LOAD_HOLE bytes lie below the hole */

static const struct cpu_backend none;
const struct cpu_backend *cpu = &none;

int page_map(uint64_t root, uint64_t address, uint64_t physical, unsigned prot,
             uint16_t vm)
{
    (void)root;
    (void)address;
    (void)physical;
    (void)prot;
    (void)vm;
    return 0;
}

void cell_switch(struct cell *cell, struct arch_vcpu *vcpu)
{
    (void)cell;
    (void)vcpu;
}

static struct guest guest;

static void expect_refused(uint64_t gpa, uint64_t size)
{
    uint64_t value = 7;

    assert_int_equal(guest_read(&guest, gpa, &value, size), -EFAULT);
    assert_int_equal(guest_write(&guest, gpa, &value, size), -EFAULT);
    assert_int_equal(value, 7);
}

static void test_small(void **state)
{
    const uint64_t end = 4ull << 20;

    (void)state;
    guest = (struct guest){.memory = end, .top = end};
    for (uint64_t size = 1; size <= 8; size++) {
        expect_refused(end, size);
        expect_refused(end - size + 1, size); /* its last byte is outside */
        expect_refused(UINT64_MAX - size, size + 2); /* it wraps */
        expect_refused(LOAD_ABOVE_4G, size);
    }
    expect_refused(0, end + 1);
    expect_refused(4096, end);
    expect_refused(4096, UINT64_MAX);
    expect_refused(4096, UINT64_MAX - 4095);
    assert_int_equal(guest_read(&guest, end, NULL, 0), 0);
    assert_true(guest_has_page(&guest, end - 1));
    assert_false(guest_has_page(&guest, end));
}

/* RAM on both sides of the hole below 4 GiB is no one piece. */
static void test_hole(void **state)
{
    (void)state;
    guest = (struct guest){.memory = MEMORY,
                           .top = LOAD_ABOVE_4G + MEMORY - LOAD_HOLE};
    for (uint64_t size = 2; size <= 8; size++) {
        expect_refused(LOAD_HOLE - 1, size);
        expect_refused(LOAD_ABOVE_4G - 1, size);
        expect_refused(guest.top - 1, size);
    }
    expect_refused(LOAD_HOLE - 4096, LOAD_ABOVE_4G - LOAD_HOLE + 8192);
    assert_true(guest_has_page(&guest, LOAD_HOLE - 1));
    assert_false(guest_has_page(&guest, LOAD_HOLE));
    assert_false(guest_has_page(&guest, LOAD_ABOVE_4G - 1));
    assert_true(guest_has_page(&guest, LOAD_ABOVE_4G));
    assert_true(guest_has_page(&guest, guest.top - 1));
    assert_false(guest_has_page(&guest, guest.top));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_hole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
