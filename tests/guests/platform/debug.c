/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/platform/platform.h"

#include "tests/guests/lib/check.h"
#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/trap.h"

#define EFLAGS_RF      (1u << 16)
#define DR6_BS         (1u << 14)
#define DR7_WRITE_LEN4 0xDu
#define DR7_L0         (1u << 0)
#define DR7_L1         (1u << 2)
#define STEPS          64u

static volatile uint32_t hits, cause, watched;
static volatile uint32_t steps[STEPS];

static void on_debug(struct trap_frame *frame)
{
    steps[hits % STEPS] = frame->eip;
    hits++;
    cause = read_dr6();
    write_dr6(0);
    frame->eflags |= EFLAGS_RF;
}

__attribute__((noinline)) static void target(void)
{
    __asm__ volatile("nop");
}

static void breakpoints(void)
{
    hits = 0;
    write_dr6(0);
    write_dr0((uint32_t)&watched);
    write_dr7(DR7_L0 | DR7_WRITE_LEN4 << 16);
    watched = 5;
    write_dr7(0);
    check_equal("debug.watch_hits", hits, 1);
    check_equal("debug.watch_dr6", cause & 0x400Fu, 1);
    hits = 0;
    write_dr1((uint32_t)target);
    write_dr7(DR7_L1);
    target();
    target();
    write_dr7(0);
    check_equal("debug.execute_hits", hits, 2);
    check_equal("debug.execute_dr6", cause & 0x400Fu, 2);
}

static void registers(void)
{
    write_dr2(0x12345678);
    write_dr3(0x87654321);
    check_equal("debug.dr2", read_dr2(), 0x12345678);
    check_equal("debug.dr3", read_dr3(), 0x87654321);
    check_equal("debug.dr7", read_dr7() & 0xFFFF03FFu, 0);
}

/*
 * Step over instructions that the hypervisor carries out in our place: each
 * must trap right behind itself, like the NOPs around them.
 */
static void single_step(void)
{
    /* Where NOP, CPUID, MOV, IN, MOV and RDMSR end. */
    static const uint8_t ends[] = {1, 3, 7, 8, 13, 15};
    uint32_t start, right = 0, eax = 0, ecx = 0;

    hits = 0;
    __asm__ volatile("movl $1f, %0\n\t"
                     "pushfl\n\torl $0x100, (%%esp)\n\tpopfl\n"
                     "1:\tnop\n\tcpuid\n\tmovw $0x3FF, %%dx\n\t"
                     "inb %%dx, %%al\n\tmovl $0x1B, %%ecx\n\trdmsr\n\t"
                     "pushfl\n\tandl $~0x100, (%%esp)\n\tpopfl"
                     : "=&S"(start), "+a"(eax), "+c"(ecx)
                     :
                     : "ebx", "edx", "memory", "cc");
    for (uint32_t i = 0; i < sizeof(ends); i++)
        right += steps[i] == start + ends[i];
    check_equal("debug.single_step", right, sizeof(ends));
    check_equal("debug.single_step_hits", hits, sizeof(ends) + 3);
    check_equal("debug.single_step_bs", cause & DR6_BS, DR6_BS);
}

void platform_debug(void)
{
    trap_set(TRAP_DB, on_debug);
    breakpoints();
    registers();
    single_step();
    trap_set(TRAP_DB, NULL);
}
