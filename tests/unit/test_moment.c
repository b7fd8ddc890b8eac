/* SPDX-License-Identifier: BSD-2-Clause */
/* sources: ft/moment.c kernel/format.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "ft/moment.h"
#include "vmm/guest.h"

static struct guest_state saved;

static int clear(void **state)
{
    (void)state;
    memset(&saved, 0, sizeof(saved));
    return 0;
}

static void expect(unsigned set, const char *text)
{
    char got[80];

    assert_int_equal(moments_of(&saved), set);
    moments_print(got, sizeof(got), set);
    assert_string_equal(got, text);
}

static void test_each_moment(void **state)
{
    struct x86_state *x86 = &saved.vcpu[0].x86;

    (void)state;
    expect(0, "");
    x86->event.valid = true;
    expect(1u << MOMENT_EVENT, "event");
    clear(NULL);
    x86->sti_shadow = 1;
    expect(1u << MOMENT_STI, "sti");
    clear(NULL);
    x86->mov_ss_shadow = 1;
    expect(1u << MOMENT_MOV_SS, "mov-ss");
    clear(NULL);
    x86->nmi_pending = 1;
    expect(1u << MOMENT_NMI, "nmi");
    clear(NULL);
    x86->nmi_blocked = 1;
    expect(1u << MOMENT_NMI_BLOCKED, "nmi-blocked");
    clear(NULL);
    x86->rflags = 1u << 8;
    expect(1u << MOMENT_STEP, "step");
    clear(NULL);
    x86->pending_debug = 1;
    expect(1u << MOMENT_DEBUG, "debug");
    clear(NULL);
    x86->activity = ACTIVITY_HLT;
    expect(1u << MOMENT_HLT, "hlt");
    clear(NULL);
    saved.call_pending = true;
    expect(1u << MOMENT_CALL, "call");
}

static void test_interrupts(void **state)
{
    uint32_t *regs = saved.vcpu[0].lapic.regs;

    (void)state;
    regs[(LAPIC_IRR + 0x70) / 4] = 1u << 31;
    expect(1u << MOMENT_IRQ, "irq");
    regs[LAPIC_ISR / 4] = 1;
    expect(1u << MOMENT_IRQ | 1u << MOMENT_SERVICE, "irq service");
}

static void test_all_at_once_are_counted(void **state)
{
    uint64_t counts[MOMENTS] = {0};
    char text[8];

    (void)state;
    moments_count(counts, 1u << MOMENT_STI);
    moments_count(counts, (1u << MOMENTS) - 1);
    for (unsigned i = 0; i < MOMENTS; i++) {
        assert_int_equal(counts[i], i == MOMENT_STI ? 2 : 1);
    }
    moments_print(text, sizeof(text), (1u << MOMENTS) - 1);
    assert_string_equal(text, "event s");
    assert_string_equal(moment_name(MOMENTS), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_each_moment, clear),
        cmocka_unit_test_setup(test_interrupts, clear),
        cmocka_unit_test_setup(test_all_at_once_are_counted, clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
