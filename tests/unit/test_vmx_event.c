/* sources: arch/x86_64/vmx/event.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* An event whose delivery an exit interrupted survives the way into the
 * canonical form and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/x86_64/vmx/vmx.h"

static void test_none(void **state)
{
    struct x86_event event = vmx_event_decode(0x00000b0e, 7, 3);

    (void)state;
    assert_false(event.valid);
    assert_int_equal(event.vector, 0);
    assert_int_equal(vmx_event_encode(&event), 0);
}

static void test_page_fault(void **state)
{
    struct x86_event event = vmx_event_decode(0x80000b0e, 0x17, 3);

    (void)state;
    assert_true(event.valid);
    assert_int_equal(event.type, EVENT_EXCEPTION);
    assert_int_equal(event.vector, 14);
    assert_true(event.has_error);
    assert_int_equal(event.error_code, 0x17);
    assert_int_equal(event.length, 0); /* the instruction restarts */
    assert_int_equal(vmx_event_encode(&event), 0x80000b0e);
}

static void test_software(void **state)
{
    static const struct {
        uint32_t info;
        uint8_t type;
    } cases[] = {
        {0x80000480, EVENT_SOFT_INTERRUPT},
        {0x80000501, EVENT_PRIVILEGED_SOFT},
        {0x80000603, EVENT_SOFT_EXCEPTION},
    };

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct x86_event event = vmx_event_decode(cases[i].info, 9, 2);

        assert_int_equal(event.type, cases[i].type);
        assert_int_equal(event.length, 2);
        assert_false(event.has_error);
        assert_int_equal(event.error_code, 0);
        assert_int_equal(vmx_event_encode(&event), cases[i].info);
    }
}

static void test_interrupt_and_nmi(void **state)
{
    struct x86_event event = vmx_event_decode(0x800000ef, 1, 5);

    (void)state;
    assert_int_equal(event.type, EVENT_INTERRUPT);
    assert_int_equal(event.vector, 0xef);
    assert_int_equal(event.length, 0);
    event = vmx_event_decode(0x80001202, 0, 0); /* bit 12 is not ours */
    assert_int_equal(event.type, EVENT_NMI);
    assert_int_equal(vmx_event_encode(&event), 0x80000202);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_page_fault),
        cmocka_unit_test(test_software),
        cmocka_unit_test(test_interrupt_and_nmi),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
