/* SPDX-License-Identifier: BSD-2-Clause */
/* sources: kernel/fault.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <asm/prctl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/x86_64/percpu.h"
#include "kernel/fault.h"

#define RING_SIZE 32 /* of fault.c */

uint32_t cpu_count = 1;

static struct percpu percpu = {.self = &percpu};
static void *nowhere; /* reading it is a fault */
static sigjmp_buf abandon_point;

static void abandon(int signal)
{
    (void)signal;
    siglongjmp(abandon_point, 1);
}

static int set_up(void **state)
{
    (void)state;
    nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return nowhere == MAP_FAILED ||
           syscall(SYS_arch_prctl, ARCH_SET_GS, &percpu);
}

static void post(uint64_t detail)
{
    const struct fault fault = {.kind = FAULT_ROOT, .detail = detail};

    fault_post(&fault);
}

/* Cut off after its place was taken. The handler is cmocka's until here. */
static void post_half(void)
{
    const struct sigaction action = {.sa_handler = abandon};

    assert_int_equal(sigaction(SIGSEGV, &action, NULL), 0);
    if (!sigsetjmp(abandon_point, 1)) {
        fault_post(nowhere);
        fail();
    }
}

static void expect(uint64_t detail)
{
    struct fault fault;

    assert_true(fault_take(&fault));
    assert_int_equal(fault.detail, detail);
}

static void expect_none(void)
{
    struct fault fault;

    assert_false(fault_waiting());
    assert_false(fault_take(&fault));
}

static void test_faults_come_in_order(void **state)
{
    (void)state;
    expect_none();
    for (uint64_t i = 0; i < 3 * RING_SIZE; i++) {
        post(2 * i);
        post(2 * i + 1);
        expect(2 * i);
        expect(2 * i + 1);
    }
    expect_none();
}

static void test_what_finds_no_room_is_counted(void **state)
{
    uint64_t lost = fault_lost();

    (void)state;
    for (uint64_t i = 0; i < RING_SIZE + 3; i++) {
        post(i);
    }
    assert_int_equal(fault_lost() - lost, 3);
    for (uint64_t i = 0; i < RING_SIZE; i++) {
        expect(i);
    }
    expect_none();
}

static void test_an_abandoned_post_holds_up_nothing(void **state)
{
    uint64_t lost = fault_lost();

    (void)state;
    post(1);
    post_half();
    post(2);
    expect(1);
    expect(2);
    assert_int_equal(fault_lost() - lost, 1);
    for (uint64_t i = 0; i < 2 * RING_SIZE; i++) {
        post_half();
        post(i);
        expect(i);
    }
    expect_none();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults_come_in_order),
        cmocka_unit_test(test_what_finds_no_room_is_counted),
        cmocka_unit_test(test_an_abandoned_post_holds_up_nothing),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
