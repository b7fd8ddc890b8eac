/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/busy/busy.h"

#include "tests/guests/lib/check.h"
#include "tests/guests/lib/console.h"
#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/paging.h"
#include "tests/guests/lib/trap.h"
#include "tests/guests/lib/util.h"

#define EFLAGS_RF  (1u << 16)
#define DR7_WATCH  0x000D0001u /* DR0: four bytes, on writes */
#define DR7_EXEC   0x00000004u /* DR1: on execution */
#define FPU_USED   288u
#define XMM_OFFSET 160u
#define STEPS      9u

extern const char busy_long_code[];

static volatile uint32_t watch_hits, exec_hits, step_hits, watched;

static void on_debug(struct trap_frame *frame)
{
    uint32_t dr6 = read_dr6();

    watch_hits += dr6 & 1;
    exec_hits += dr6 >> 1 & 1;
    step_hits += dr6 >> 14 & 1;
    write_dr6(0);
    frame->eflags |= EFLAGS_RF;
}

uint32_t busy_steps(void)
{
    return step_hits;
}

void busy_debug_start(void)
{
    trap_set(TRAP_DB, on_debug);
}

__attribute__((noinline)) static void target(void)
{
    __asm__ volatile("nop");
}

/* Breakpoints stay armed from round to round; each must fire, once. */
bool busy_debug(uint32_t round)
{
    uint32_t watches = watch_hits, execs = exec_hits;

    if (round > 1 && (read_dr7() & 0xFFFF00FFu) != (DR7_WATCH | DR7_EXEC))
        return false;
    write_dr0((uint32_t)&watched);
    write_dr1((uint32_t)target);
    write_dr2(round);
    write_dr3(round * 3);
    soak_point();
    write_dr7(DR7_WATCH | DR7_EXEC);
    watched = round;
    target();
    cpuid(0);
    watched = round + 1;
    target();
    return watch_hits == watches + 2 && exec_hits == execs + 2 &&
           read_dr2() == round && read_dr3() == round * 3;
}

/* Single-stepping over emulated instructions too. */
bool busy_step(uint32_t round)
{
    uint32_t before = step_hits, eax = 0, ecx = 0, edx;

    (void)round;
    __asm__ volatile("pushfl\n\torl $0x100, (%%esp)\n\tpopfl\n\t"
                     "nop\n\tcpuid\n\tmovw $0x3FF, %%dx\n\tinb %%dx, %%al\n\t"
                     "movl $0x1B, %%ecx\n\trdmsr\n\t"
                     "pushfl\n\tandl $~0x100, (%%esp)\n\tpopfl"
                     : "+a"(eax), "+c"(ecx), "=d"(edx)
                     :
                     : "ebx", "memory", "cc");
    return step_hits == before + STEPS;
}

/* The registers keep what the round before left in them. */
bool busy_fpu(uint32_t round)
{
    static uint8_t left[512] __attribute__((aligned(16)));
    static uint8_t found[512] __attribute__((aligned(16)));

    __asm__ volatile("fxsave %0" : "=m"(found) : : "memory");
    if (round > 1 && memcmp(left, found, FPU_USED) != 0)
        return false;
    memset(left, 0, sizeof(left));
    __asm__ volatile("fninit\n\tfxsave %0" : "=m"(left) : : "memory");
    for (uint32_t i = 0; i < 128; i++)
        left[XMM_OFFSET + i] = (uint8_t)(round * 3 + i);
    for (uint32_t i = 0; i < 128; i++) {
        if (i % 16 < 10)
            left[32 + i] = (uint8_t)(round * 5 + i);
    }
    left[0] = (round & 1) != 0 ? 0x7F : 0x3F;
    left[4] = 0xFF;
    left[25] = (round & 2) != 0 ? 0x1F : 0x3F; /* MXCSR's second byte */
    __asm__ volatile("fxrstor %0" : : "m"(left) : "memory");
    __asm__ volatile("fxsave %0" : "=m"(left) : : "memory");
    return true;
}

bool busy_msrs(uint32_t round)
{
    static const uint32_t msrs[] = {
        MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,   MSR_STAR,
        MSR_LSTAR,       MSR_CSTAR,        MSR_KERNEL_GS_BASE, MSR_TSC_AUX,
    };
    bool good = true;

    for (uint32_t i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
        if (round > 1)
            good = rdmsr(msrs[i]) == (round - 1) * 16 + i && good;
        wrmsr(msrs[i], round * 16 + i);
    }
    if (round > 1)
        good = rdmsr(MSR_FMASK) == ((round - 1) & 0xFFFFu) && good;
    wrmsr(MSR_FMASK, round & 0xFFFFu);
    if (round > 1)
        good = read_cr2() == round - 1 && good;
    write_cr2(round);
    return good && cpuid(0x80000000u).eax >= 0x80000001u;
}

/* To long mode and back, with work in its wide registers on the way. */
bool busy_long(uint32_t round)
{
    uint64_t data[2] = {round * 0x100000001ull, 0};
    uint32_t cr0 = read_cr0(), cr3 = read_cr3(), cr4 = read_cr4();

    if (!long_mode_available())
        return true;
    return long_mode_call(busy_long_code, data) == round &&
           data[1] == data[0] * 8 && read_cr0() == cr0 && read_cr3() == cr3 &&
           read_cr4() == cr4;
}

bool busy_clock(uint32_t round)
{
    static uint64_t last;
    uint64_t now = rdtsc();
    bool good = now > last;

    (void)round;
    last = now;
    return good;
}
