/* SPDX-License-Identifier: BSD-2-Clause */
/* Debug exceptions where they hurt: single steps through everything that
 * exits, breakpoints on stacks, and storms of #DB and #AC. */
#include "tests/guests/hostile/hostile.h"

#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/trap.h"

#define AC         17u
#define EFLAGS_AC  (1u << 18)
#define EFLAGS_RF  (1u << 16)
#define DR6_BS     (1u << 14)
#define DR6_BD     (1u << 13)
#define DR7_GD     (1u << 13)
#define DR7_FIXED  0x400u
#define DR7_WRITE0 (DR7_FIXED | 2u | 0xDu << 16) /* 4 bytes, written */
#define DR7_EXEC0  (DR7_FIXED | 2u)
#define DR7_RW0    (DR7_FIXED | 2u | 0xFu << 16)

static volatile uint32_t steps, seen_dr6;

static void on_debug(struct trap_frame *frame)
{
    steps++;
    seen_dr6 |= read_dr6();
    write_dr6(0xFFFF0FF0u);
    frame->eflags |= EFLAGS_RF;
}

static void reset_steps(void)
{
    trap_set(TRAP_DB, on_debug);
    steps = 0;
    seen_dr6 = 0;
}

/* One single-step trap after each instruction from the one behind POPF to the
 * POPF that ends it. */
#define STEP(instructions, ...)                                       \
    ({                                                                \
        reset_steps();                                                \
        __asm__ volatile(                                             \
            "pushfl\n\torl $0x100, (%%esp)\n\tpopfl\n\t" instructions \
            "\n\tpushfl\n\tandl $~0x100, (%%esp)\n\t"                 \
            "popfl\n\tnop" __VA_ARGS__);                              \
        steps;                                                        \
    })
#define AFTER 3u /* PUSHF, AND, POPF */

static void step(void)
{
    must("nop", STEP("nop", : : : "memory"), AFTER + 1);
    must("cpuid",
         STEP("xorl %%eax, %%eax\n\tcpuid",
              :
              :
              : "eax", "ebx", "ecx", "edx", "memory"),
         AFTER + 2);
    must("in", STEP("inb $0x80, %%al", : : : "eax", "memory"), AFTER + 1);
    must("out", STEP("outb %%al, $0x80", : : : "memory"), AFTER + 1);
    must("rdmsr", STEP("rdmsr", : : "c"(MSR_TSC) : "eax", "edx"), AFTER + 1);
    must("vmcall", STEP("vmcall", : : "a"(99) : "memory"), AFTER + 1);
    must("wbinvd", STEP("wbinvd", : : : "memory"), AFTER + 1);
    must("pause", STEP("pause", : : : "memory"), AFTER + 1);
    must("mov cr0",
         STEP("movl %%cr0, %%eax\n\txorl $0x40000000, %%eax\n\t"
              "movl %%eax, %%cr0\n\txorl $0x40000000, %%eax\n\t"
              "movl %%eax, %%cr0",
              :
              :
              : "eax", "memory"),
         AFTER + 5);
    must("mmio",
         STEP("movl 0xFEE00030, %%eax",
              :
              :
              : "eax", "memory"),
         AFTER + 1);
    must("mov ss",
         STEP("movl %%ss, %%eax\n\tmovl %%eax, %%ss\n\tnop",
              :
              :
              : "eax", "memory"),
         AFTER + 2);
    must("mov ss, cpuid",
         STEP("xorl %%eax, %%eax\n\tmovl %%ss, %%ebx\n\tmovl %%ebx, %%ss\n\t"
              "cpuid",
              :
              :
              : "eax", "ebx", "ecx", "edx", "memory"),
         AFTER + 3);
    must("sti, cpuid, cli",
         STEP("xorl %%eax, %%eax\n\tsti\n\tcpuid\n\tcli",
              :
              :
              : "eax", "ebx", "ecx", "edx", "memory"),
         AFTER + 4);
    must("only steps", seen_dr6 & 0xE00F, DR6_BS & 0xE00F);
}

CODE(bad_rdmsr, "movl $0x12345, %ecx\n\trdmsr");

/* TF, and an instruction that faults instead of ending. */
static void step_fault(void)
{
    struct try t = {0};

    reset_steps();
    must("rdmsr", try_kernel(&t, bad_rdmsr), TRAP_GP);
    must("none", steps, 0);
    must("icebp", (reset_steps(), ({
                       __asm__ volatile(".byte 0xF1");
                       steps;
                   })),
         1);
}

/* A data breakpoint that MOV SS holds back until an instruction that exits,
 * or INT (CVE-2018-8897). */
static void shadow(void)
{
    static uint32_t ss = SELECTOR_DATA;

    reset_steps();
    write_dr0((uint32_t)&ss);
    write_dr7(DR7_RW0);
    __asm__ volatile("movw %0, %%ss\n\tcpuid"
                     :
                     : "m"(ss), "a"(0)
                     : "ebx", "ecx", "edx", "memory");
    must("cpuid", steps, 1);
    count_vector(0x50);
    __asm__ volatile("movw %0, %%ss\n\tint $0x50" : : "m"(ss) : "memory");
    write_dr7(DR7_FIXED);
    must("taken", counted, 1);
    must("its number", seen_dr6 & 0xF, 1);
}

CODE(read_dr4, ".byte 0x0F, 0x21, 0xE0");
CODE(write_dr5, ".byte 0x0F, 0x23, 0xE8");
CODE(to_dr7, "movl %eax, %dr7");
CODE(to_dr6, "movl %eax, %dr6");
CODE(to_dr7_long, ".byte 0x0F, 0x23, 0xF8");
CODE(to_dr6_long, ".byte 0x0F, 0x23, 0xF0");
CODE(to_dr0_long, ".byte 0x0F, 0x23, 0xC0");

static void registers(void)
{
    struct try t = {.eax = ~0u & ~DR7_GD};
    struct try64 w;
    uint32_t cr4 = read_cr4();

    reset_steps();
    must("dr4 without DE", try_kernel(&t, read_dr4), TRAP_NONE);
    write_cr4(cr4 | CR4_DE);
    must("dr4 with DE", try_kernel(&t, read_dr4), TRAP_UD);
    must("dr5 with DE", try_kernel(&t, write_dr5), TRAP_UD);
    write_cr4(cr4);
    t.eax = DR7_FIXED | DR7_GD;
    must("GD on", try_kernel(&t, to_dr7), TRAP_NONE);
    t.eax = 0;
    trap_set(TRAP_DB, NULL);
    must("GD", try_kernel(&t, to_dr6), TRAP_DB);
    must("BD", read_dr6() & DR6_BD, DR6_BD);
    must("GD is off", read_dr7() & DR7_GD, 0);
    write_dr6(0xFFFF0FF0u);
    for (uint32_t bit = 0; bit < 64; bit++) {
        bool high = bit >= 32;
        bool mine = bit == 13;

        w = (struct try64){.rax = 1ull << bit};
        if (!mine)
            must("dr7", try_long(&w, to_dr7_long), high ? TRAP_GP : TRAP_NONE);
        w = (struct try64){.rax = 1ull << bit};
        must("dr6", try_long(&w, to_dr6_long), high ? TRAP_GP : TRAP_NONE);
        w = (struct try64){.rax = 1ull << bit};
        must("dr0", try_long(&w, to_dr0_long), TRAP_NONE);
    }
    write_dr7(DR7_FIXED);
    write_dr6(0xFFFF0FF0u);
}

CODE(nop_here, "nop");

static void breakpoints(void)
{
    static volatile uint32_t word;

    reset_steps();
    write_dr0((uint32_t)nop_here);
    write_dr7(DR7_EXEC0);
    try_code(nop_here);
    must("fetch", steps, 1);
    write_dr0((uint32_t)&word);
    write_dr7(DR7_WRITE0);
    word = 1;
    must("write", steps, 2);
    write_dr7(DR7_FIXED);
    trap_set(TRAP_DB, NULL);
}

static const struct deed debug[] = {
    {"step", step, NULL},
    {"step-fault", step_fault, NULL},
    {"mov-ss", shadow, NULL},
    {"registers", registers, NULL},
    {"breakpoints", breakpoints, NULL},
};

ATTEMPT(debug, debug);

/* A write to its own stack is watched: delivery of #DB raises #DB. */
CODE(watch, ".byte 0xF1"); /* ICEBP */
CODE(handler_64, "nop");

static void db_storm(void)
{
    uint32_t top = (uint32_t)spare_page(1);
    struct try64 t = {0};

    long_stack(TRAP_DB, top);
    write_dr0(top - 8);
    write_dr1(top - 16);
    write_dr2(top - 24);
    write_dr3(top - 32);
    write_dr7(DR7_FIXED | 0xAAu | 0xDDDD0000u);
    for (;;)
        try_long(&t, watch);
}

extern const uint8_t spin_entry[];
__asm__(".pushsection .text\nspin_entry: iretl\n.popsection\n");

/* Each instruction is a fetch breakpoint whose handler returns to it. */
static void db_refetch(void)
{
    trap_set_entry(TRAP_DB, spin_entry);
    write_dr0((uint32_t)nop_here);
    write_dr7(DR7_EXEC0);
    __asm__ volatile("1: pushfl\n\tandl $~0x10000, (%%esp)\n\tpopfl\n\t"
                     "call nop_here\n\tjmp 1b"
                     :
                     :
                     : "memory");
}

/* #AC is served in ring 3 on a stack that is not aligned. */
CODE(misaligned, "pushfl\n\torl $0x40000, (%esp)\n\tpopfl\n\t"
                 "movl 1(%esp), %eax\n\taddl $1, %esp\n\tpushl %eax");

static void ac_storm(void)
{
    struct try t = {0};

    write_cr0(read_cr0() | CR0_AM);
    *idt_gate(AC) =
        (SELECTOR_USER_CODE & ~3u) << 16 | ((uint32_t)misaligned & 0xFFFF);
    idt_gate(AC)[1] = ((uint32_t)misaligned & 0xFFFF0000u) | 0xEE00u;
    for (;;)
        try_user(&t, misaligned);
}

/* The usual kind: ring 0 serves it. */
static void ac_served(void)
{
    struct try t = {0};

    write_cr0(read_cr0() | CR0_AM);
    for (uint32_t i = 0; i < 2000; i++)
        must("misaligned", try_user(&t, misaligned), AC);
    must("its error", t.error, 0);
    write_cr0(read_cr0() & ~CR0_AM);
}

/* TF is set in every frame that IRET takes: an exception an instruction. */
static void tf_storm(void)
{
    trap_set_entry(TRAP_DB, spin_entry);
    __asm__ volatile("pushfl\n\torl $0x100, (%%esp)\n\tpopfl\n"
                     "1: nop\n\tjmp 1b"
                     :
                     :
                     : "memory");
}

static const struct deed storms[] = {
    {"ac-served", ac_served, NULL},      {"db-storm", db_storm, ENDLESS},
    {"db-refetch", db_refetch, ENDLESS}, {"ac-storm", ac_storm, ENDLESS},
    {"tf-storm", tf_storm, ENDLESS},
};

ATTEMPT(storms, storms);
