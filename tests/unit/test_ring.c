/* SPDX-License-Identifier: BSD-2-Clause */
/* A ring whose writer is cut off in the middle: kernel/ring.h is all of it. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "kernel/ring.h"

#define PAGE 4096u

static sigjmp_buf cut_off;

static void on_fault(int number)
{
    (void)number;
    siglongjmp(cut_off, 1);
}

static void test_bytes(void **state)
{
    static char data[8];
    struct ring ring = {.data = data, .size = 8};
    char c;

    (void)state;
    for (unsigned round = 0; round < 5; round++) {
        assert_true(ring_write(&ring, "abcde", 5));
        assert_false(ring_write(&ring, "fghi", 4));
        assert_true(ring_put(&ring, 'x'));
        for (unsigned i = 0; i < 6; i++) {
            assert_true(ring_get(&ring, &c));
            assert_int_equal(c, "abcdex"[i]);
        }
        assert_false(ring_get(&ring, &c));
    }
    assert_int_equal(ring.lost, 5 * 4);
}

/* The second page cannot be written: the exception comes in the middle, as
 * ours would. What was there before is all that is there. */
static void test_cut_off(void **state)
{
    char *data = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct ring ring = {.data = data, .size = 2 * PAGE};
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
    struct sigaction before;
    static char line[PAGE];
    char c;

    (void)state;
    assert_true(data != MAP_FAILED);
    memset(line, 'l', sizeof(line));
    assert_true(ring_write(&ring, "first", 5));
    assert_int_equal(mprotect(data + PAGE, PAGE, PROT_READ), 0);
    sigaction(SIGSEGV, &action, &before);
    if (!sigsetjmp(cut_off, 1)) {
        ring_write(&ring, line, sizeof(line));
        fail_msg("nothing was cut off");
    }
    sigaction(SIGSEGV, &before, NULL);
    mprotect(data + PAGE, PAGE, PROT_READ | PROT_WRITE);
    assert_int_equal(ring_used(&ring), 5);
    assert_true(ring_write(&ring, "2", 1));
    for (unsigned i = 0; i < 6; i++) {
        assert_true(ring_get(&ring, &c));
        assert_int_equal(c, "first2"[i]);
    }
    munmap(data, 2 * PAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_cut_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
