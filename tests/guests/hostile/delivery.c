/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults while a fault is being delivered; code where none should be. */
#include "tests/guests/hostile/hostile.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/paging.h"
#include "tests/guests/lib/trap.h"
#include "tests/guests/lib/util.h"

#define DF 8u
#define NP 11u
#define SS 12u

CODE(bad_msr, "movl $0x12345, %ecx\n\trdmsr");
CODE(undefined, "ud2");
CODE(far_load, "movl (%eax), %eax");
CODE(int_n, "int $0x60");
CODE(in_port, "inb $0x80, %al");

/* An exception of Bulkhead's, and one of the processor's, whose gate is bad:
 * the second fault is served, or becomes a double one. */
static void gates(void)
{
    uint32_t gp = idt_gate(TRAP_GP)[1], ud = idt_gate(TRAP_UD)[1];
    uint32_t np = idt_gate(NP)[1];
    struct try t = {0};

    idt_gate(TRAP_UD)[1] = 0;
    must("benign, then #GP or #NP", try_code(undefined) != TRAP_NONE, 1);
    must("it was served", trap_caught == TRAP_GP || trap_caught == NP, 1);
    idt_gate(TRAP_UD)[1] = ud;
    idt_gate(TRAP_GP)[1] = gp & ~0x8000u;
    must("#GP, then #NP: #DF", try_kernel(&t, bad_msr), DF);
    must("its error", t.error, 0);
    idt_gate(TRAP_GP)[1] = gp;
    idt_gate(0x60)[1] &= ~0x8000u;
    must("INT, then #NP", try_code(int_n), NP);
    must("its error", trap_error, 0x60 << 3 | 2);
    idt_gate(NP)[1] = np;
    load_idt((uint32_t)idt_gate(0), 8 * 13 - 1);
    must("#GP beyond the limit", try_kernel(&t, bad_msr), DF);
    trap_load();
}

/* #PF, whose handler's stack is not mapped: #DF, on a stack that is not
 * either. */
static void pages(void)
{
    paging_on();
    window_map(1, 0);
    __asm__ volatile("movl %0, %%esp\n\tpushl $1" : : "r"(WINDOW + 4096 + 64));
}

static void no_gates(void)
{
    idt_gate(TRAP_GP)[1] = 0;
    idt_gate(NP)[1] = 0;
    idt_gate(DF)[1] = 0;
    rdmsr(0x12345);
}

/* A #DF whose gate leads to where there is nothing. */
static void df_hole(void)
{
    idt_gate(TRAP_GP)[1] = 0;
    trap_set_entry(DF, (const void *)HOLE);
    rdmsr(0x12345);
}

static void stack_device(void)
{
    __asm__ volatile("movl %0, %%esp\n\tud2" : : "r"(LAPIC_BASE + 0x100));
}

static void interrupt_device(void)
{
    apic_self_ipi(0x40);
    __asm__ volatile("movl %0, %%esp\n\tsti\n1:\tjmp 1b"
                     :
                     : "r"(IOAPIC_BASE + 0x100));
}

/* What fails is the delivery, not the instruction that it comes before. */
static void interrupt_mov(void)
{
    apic_self_ipi(0x40);
    __asm__ volatile("movl %0, %%esp\n\tsti\n\tnop\n"
                     "1:\tmovl 0xFEE00030, %%eax\n\tjmp 1b"
                     :
                     : "r"(IOAPIC_BASE + 0x100)
                     : "eax");
}

static void nmi_hole(void)
{
    apic_write(APIC_ICR_HIGH, 0);
    __asm__ volatile("movl %0, %%esp\n\tmovl %1, 0xFEE00300\n1:\tjmp 1b"
                     :
                     : "r"(HOLE), "r"(APIC_ICR_NMI));
}

/* The handler of the fault repeats the fault. */
static void recursion(void)
{
    trap_set_entry(TRAP_UD, undefined);
    __asm__ volatile("ud2");
}

/* The same without a stack that grows. */
static void spinning(void)
{
    struct tss kept = tss;

    trap_set_entry(TRAP_GP, bad_msr);
    for (;;) {
        struct try t = {0};

        tss = kept;
        try_user(&t, in_port);
    }
}

static const struct deed delivery[] = {
    {"gates", gates, NULL},
    {"pages", pages, "triple"},
    {"no-gates", no_gates, "triple"},
    {"df-hole", df_hole, "ept"},
    {"stack-device", stack_device, "ept"},
    {"interrupt-device", interrupt_device, "ept"},
    {"interrupt-mov", interrupt_mov, "ept"},
    {"nmi-hole", nmi_hole, "ept"},
    {"fault-recursion", recursion, "ept,triple"},
    {"fault-spinning", spinning, "ept,triple"},
};

ATTEMPT(delivery, delivery);

static void jump(uint32_t to)
{
    __asm__ volatile("jmp *%0" : : "r"(to));
}

static void f_hole(void)
{
    jump(HOLE);
}

static void f_device(void)
{
    jump(LAPIC_BASE + APIC_VERSION);
}

static void f_last(void)
{
    jump(0xFFFFFFFF);
}

/* Five bytes of an instruction, the last of which are not there. */
static void f_end(void)
{
    volatile uint8_t *end = (volatile uint8_t *)machine_ram_end();

    end[-2] = 0xE5; /* IN with half an operand */
    end[-1] = 0x66;
    end[-2] = 0xB8;
    jump((uint32_t)end - 2);
}

/* An instruction that exits, whose last byte lies in a hole, a device. */
static void f_into(uint32_t entry)
{
    uint8_t *page = spare_page(0);

    paging_on();
    window_map(2, entry);
    page[4095] = 0x0F;
    jump(window_map(1, (uint32_t)page | PTE_PRESENT) + 4095);
}

static void f_into_hole(void)
{
    f_into(HOLE | PTE_PRESENT);
}

static void f_into_device(void)
{
    f_into(IOAPIC_BASE | PTE_PRESENT);
}

static void absent(void)
{
    uint8_t *page = spare_page(0);
    struct try t = {0};
    uint32_t code;

    paging_on();
    window_map(2, 0);
    code = window_map(1, (uint32_t)page | PTE_PRESENT | PTE_WRITE);
    page[4095] = 0x0F; /* CPUID, RDMSR, WBINVD ... */
    must("half of two bytes", try_kernel(&t, (const void *)(code + 4095)),
         TRAP_PF);
    must("cr2", read_cr2(), code + 4096);
    page[4094] = 0xE4;
    page[4095] = 0x80; /* IN, the last of its page */
    must("goes on into nothing", try_kernel(&t, (const void *)(code + 4094)),
         TRAP_PF);
    must("after IN", t.eax & 0xFF, 0xFF);
    must("cr2 after IN", read_cr2(), code + 4096);
    paging_off();
}

/* RIP grows out of what is canonical by an instruction that exits. */
static void edge(void)
{
    static uint64_t tables[3][512] __attribute__((aligned(4096)));
    extern uint64_t long_pml4[512];
    static const uint8_t cpuid_code[] = {0x0F, 0xA2};
    uint8_t *page = spare_page(0);
    struct try64 t = {0};

    memcpy(page + 4094, cpuid_code, 2);
    long_own(0);
    for (uint32_t i = 0; i < 2; i++)
        tables[i][511] = (uint32_t)tables[i + 1] | PTE_PRESENT | PTE_WRITE;
    tables[2][511] = (uint32_t)page | PTE_PRESENT | PTE_WRITE;
    long_pml4[255] = (uint32_t)tables[0] | PTE_PRESENT | PTE_WRITE;
    t.rax = 0x00007FFFFFFFFFFEull;
    {
        static const uint8_t go[] = {0xFF, 0xE0}; /* JMP RAX */

        must("beyond the edge", try_long(&t, go), TRAP_GP);
    }
}

static const struct deed fetch[] = {
    {"fetch-absent", absent, NULL},
    {"fetch-edge", edge, NULL},
    {"fetch-hole", f_hole, "ept"},
    {"fetch-device", f_device, "ept"},
    {"fetch-last", f_last, "ept"},
    {"fetch-end", f_end, "ept"},
    {"fetch-into-hole", f_into_hole, "ept"},
    {"fetch-into-device", f_into_device, "ept"},
};

ATTEMPT(fetch, fetch);
