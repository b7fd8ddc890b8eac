/* SPDX-License-Identifier: BSD-2-Clause */
/* Control registers and EFER: every bit, every forbidden pair. */
#include "tests/guests/hostile/hostile.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/trap.h"

#define CR0_WATCHED   (CR0_NW | CR0_CD | CR0_AM | CR0_WP)
#define CR4_FORBIDDEN 0xFF8FE000u /* VMXE SMXE PCIDE OSXSAVE PKE CET and up */
#define CR4_LA57      (1u << 12)
#define EFER_LME      0x100u
#define EFER_KNOWN    0xD01u

CODE(set_cr0, "movl %eax, %cr0");
CODE(set_cr1, ".byte 0x0F, 0x22, 0xC8");
CODE(set_cr2, "movl %eax, %cr2");
CODE(set_cr3, "movl %eax, %cr3");
CODE(set_cr4, "movl %eax, %cr4");
CODE(set_cr5, ".byte 0x0F, 0x22, 0xE8");
CODE(set_cr8, ".byte 0x44, 0x0F, 0x22, 0xC0");
CODE(set_cr9, ".byte 0x44, 0x0F, 0x22, 0xC8");
CODE(lmsw, "lmsw %ax");
CODE(xsetbv_it, "xsetbv");
CODE(set_cr0_long, ".byte 0x0F, 0x22, 0xC0");
CODE(set_cr4_long, ".byte 0x0F, 0x22, 0xE0");
CODE(set_cr3_long, ".byte 0x0F, 0x20, 0xDA, 0x48, 0x09, 0xC2, 0x0F, 0x22, "
                   "0xDA"); /* mov cr3, rdx; or rdx, rax; mov rdx, cr3 */
CODE(write_msr, "wrmsr");

static uint32_t set(const void *code, uint32_t value)
{
    struct try t = {.eax = value};

    return try_kernel(&t, code);
}

static void cr0(void)
{
    uint32_t now = read_cr0();

    for (uint32_t bit = 0; bit < 31; bit++) {
        uint32_t value = now ^ 1u << bit;
        bool bad = bit == 29; /* NW without CD */

        if (bit == 0)
            continue; /* real mode has an attempt of its own */
        must("cr0 bit", set(set_cr0, value), bad ? TRAP_GP : TRAP_NONE);
        if (!bad && (CR0_WATCHED >> bit & 1) != 0)
            must("cr0 read", read_cr0() & 1u << bit, value & 1u << bit);
        write_cr0(now);
    }
    must("PG without PE", set(set_cr0, (now | CR0_PG) & ~1u), TRAP_GP);
    must("CD and NW", set(set_cr0, now | CR0_CD | CR0_NW), TRAP_NONE);
    must("CD off alone", set(set_cr0, (now | CR0_NW) & ~CR0_CD), TRAP_GP);
    must("NW is kept", read_cr0() & CR0_NW, CR0_NW);
    write_cr0(now);
    for (uint32_t value = 0; value < 0x10000; value += 7) {
        set(lmsw, value);
        must("PE after LMSW", read_cr0() & 1, 1);
        __asm__ volatile("clts");
        must("TS", read_cr0() & CR0_TS, 0);
    }
    write_cr0(now);
    must("cr0", read_cr0(), now);
}

static bool may(uint32_t bit)
{
    struct cpuid seven = cpuid_count(7, 0);

    switch (bit) {
    case 11:
        return (seven.ecx >> 2 & 1) != 0; /* UMIP */
    case 16:
        return (seven.ebx & 1) != 0; /* FSGSBASE */
    case 20:
        return (seven.ebx >> 7 & 1) != 0; /* SMEP */
    case 21:
        return (seven.ebx >> 20 & 1) != 0; /* SMAP */
    default:
        return bit < 11;
    }
}

static void cr4(void)
{
    uint32_t now = read_cr4();

    for (uint32_t bit = 0; bit < 32; bit++) {
        uint32_t value = now ^ 1u << bit;

        must("cr4 bit", set(set_cr4, value), may(bit) ? TRAP_NONE : TRAP_GP);
        must("cr4 read", read_cr4(), may(bit) ? value : now);
        write_cr4(now);
    }
    must("all", set(set_cr4, ~0u), TRAP_GP);
    for (uint32_t i = 0; i < 500; i++) {
        write_cr4(now | CR4_MCE);
        write_cr4(now & ~CR4_MCE);
    }
}

static void others(void)
{
    must("cr1", set(set_cr1, 0), TRAP_UD);
    must("cr5", set(set_cr5, 0), TRAP_UD);
    must("cr2", set(set_cr2, ~0u), TRAP_NONE);
    must("cr2, read", read_cr2(), ~0u);
    must("cr3", set(set_cr3, ~0u), TRAP_NONE);
    write_cr3(0);
    must("xsetbv", set(xsetbv_it, ~0u), TRAP_UD);
    for (uint32_t i = 0; i < 64; i++) {
        struct try t = {.eax = 1u << i % 32, .ecx = i, .edx = ~0u};

        must("xsetbv", try_kernel(&t, xsetbv_it), TRAP_UD);
    }
}

static uint32_t set_long(const void *code, uint64_t value)
{
    struct try64 t = {.rax = value};

    return try_long(&t, code);
}

static void long_ones(void)
{
    for (uint32_t bit = 32; bit < 64; bit++) {
        must("cr0 high", set_long(set_cr0_long, 0x80000011u | 1ull << bit),
             TRAP_GP);
        must("cr4 high", set_long(set_cr4_long, 0x20 | 1ull << bit), TRAP_GP);
        must("cr8 high", set_long(set_cr8, 1ull << bit), TRAP_GP);
        if (bit >= 52)
            must("cr3 high", set_long(set_cr3_long, 1ull << bit), TRAP_GP);
    }
    must("PG off in 64-bit mode", set_long(set_cr0_long, 0x11), TRAP_GP);
    must("PAE off in long mode", set_long(set_cr4_long, 0), TRAP_GP);
    for (uint32_t value = 0; value < 300; value++)
        must("cr8", set_long(set_cr8, value), value < 16 ? TRAP_NONE : TRAP_GP);
    must("cr9", set_long(set_cr9, 0), TRAP_UD);
    set_long(set_cr8, 0);
}

static void efer(void)
{
    uint64_t now = rdmsr(MSR_EFER);
    struct try64 t;

    for (uint32_t bit = 0; bit < 64; bit++) {
        bool good = bit < 32 && (EFER_KNOWN >> bit & 1) != 0;
        uint32_t caught = trap_wrmsr(MSR_EFER, now | 1ull << bit);

        must("efer bit", caught, good ? TRAP_NONE : TRAP_GP);
        wrmsr(MSR_EFER, now);
    }
    t = (struct try64){.rcx = MSR_EFER, .rax = 0};
    must("LME off while paging", try_long(&t, write_msr), TRAP_GP);
    wrmsr(MSR_EFER, now | EFER_LME);
    must("LME without PAE, PG", set(set_cr0, read_cr0() | CR0_PG), TRAP_GP);
    wrmsr(MSR_EFER, now);
    must("efer", rdmsr(MSR_EFER), now);
}

static const struct deed deeds[] = {
    {"cr0", cr0, NULL},          {"cr4", cr4, NULL},
    {"cr-others", others, NULL}, {"cr-long", long_ones, NULL},
    {"efer", efer, NULL},
};

ATTEMPT(control, deeds);
