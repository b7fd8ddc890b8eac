/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptor tables in holes, among registers, at ends; task switches. */
#include "tests/guests/hostile/hostile.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/paging.h"
#include "tests/guests/lib/trap.h"
#include "tests/guests/lib/util.h"

#define GATE_TASK 0x8500u
#define PTE_USER  4u
#define EFLAGS_NT (1u << 14)

CODE(load_fs, "movl %eax, %fs");
CODE(load_tr, "ltr %ax");
CODE(load_ldt, "lldt %ax");
CODE(far_call, "lcall *(%ebx)");
CODE(nothing, "nop");
CODE(breakpoint, "int3");
CODE(ring_3_in, "inb $0x80, %al");

static uint32_t try_eax(const void *code, uint32_t eax)
{
    struct try t = {.eax = eax};

    return try_kernel(&t, code);
}

/* Tables that end within a descriptor, or before it. */
static void ends(void)
{
    load_gdt((uint32_t)gdt, 0x2E);
    must("the last byte is cut", try_eax(load_fs, 0x28), TRAP_GP);
    must("its error", trap_error, 0x28);
    load_gdt((uint32_t)gdt, sizeof(gdt) - 1);
    must("LTR of null", try_eax(load_tr, 0), TRAP_GP);
    must("LTR of data", try_eax(load_tr, SELECTOR_DATA), TRAP_GP);
    must("LTR of a busy one", try_eax(load_tr, SELECTOR_TSS), TRAP_GP);
    gdt_set(SELECTOR_FREE, HOLE, 0xFFF, ACCESS_LDT, 0);
    must("LLDT in a hole", try_eax(load_ldt, SELECTOR_FREE), TRAP_NONE);
    /* Ones: a conforming code segment. */
    try_eax(load_fs, 0x7);
    must("LLDT of null", try_eax(load_ldt, 0), TRAP_NONE);
    load_gdt(HOLE, 0xFFFF);
    load_gdt((uint32_t)gdt, sizeof(gdt) - 1);
    gdt_set(SELECTOR_FREE, 0, 0xFFFFF, 0x13, FLAGS_32);
    must("not present", try_eax(load_fs, SELECTOR_FREE), 11);
    must("a call through null", try_eax(far_call, 0) != TRAP_NONE, 1);
}

/* The permission bitmap of ring 3, where there is no memory. */
static void bitmap(void)
{
    struct try t = {0};

    must("IN of ring 3", try_user(&t, ring_3_in), TRAP_GP);
    gdt_set(SELECTOR_FREE, machine_ram_end() - 0x68, 0x2067, ACCESS_TSS, 0);
    memcpy((void *)(machine_ram_end() - 0x68), &tss, sizeof(tss));
    try_eax(load_tr, SELECTOR_FREE);
    must("a bitmap of ones", try_user(&t, ring_3_in), TRAP_GP);
    gdt_set(SELECTOR_TSS, (uint32_t)&tss, sizeof(tss) - 1, ACCESS_TSS, 0);
    must("back", try_eax(load_tr, SELECTOR_TSS), TRAP_NONE);
}

/* The last byte of the TSS, and the bitmap behind it, lie in two pages. */
static void bitmap_device(void)
{
    uint8_t *page = spare_page(0);
    uint32_t at, *directory;
    struct try t = {0};

    paging_on();
    directory = (uint32_t *)read_cr3();
    for (uint32_t i = 0; i < 1024; i++)
        directory[i] |= PTE_USER;
    write_cr3((uint32_t)directory);
    at = window_map(1, (uint32_t)page | PTE_PRESENT | PTE_WRITE);
    window_map(2, IOAPIC_BASE | PTE_PRESENT | PTE_WRITE);
    memcpy(page + 4096 - sizeof(tss), &tss, sizeof(tss));
    gdt_set(SELECTOR_FREE, at + 4096 - sizeof(tss), 0x2067, ACCESS_TSS, 0);
    try_eax(load_tr, SELECTOR_FREE);
    try_user(&t, ring_3_in);
}

static void gdt_device(void)
{
    load_gdt(LAPIC_BASE, 0xFFF);
    try_eax(load_fs, 0x40);
}

static void idt_hole(void)
{
    load_idt(HOLE, 0x7FF);
    try_code(breakpoint);
}

static void idt_device(void)
{
    load_idt(IOAPIC_BASE, 0x7FF);
    try_code(breakpoint);
}

static void idt_none(void)
{
    load_idt(0, 0);
    try_code(breakpoint);
}

/* Ones: the stack of ring 0 is where nothing can be written. */
static void tss_hole(void)
{
    struct try t = {0};

    gdt_set(SELECTOR_FREE, HOLE, 0x67, ACCESS_TSS, 0);
    try_eax(load_tr, SELECTOR_FREE);
    try_user(&t, nothing);
}

static void stack_hole(void)
{
    struct try t = {0};

    tss.esp0 = HOLE + 4096;
    try_user(&t, nothing);
}

static void gdt_hole(void)
{
    load_gdt(HOLE, 0xFFFF);
    try_code(breakpoint);
}

static const struct deed tables[] = {
    {"table-ends", ends, NULL},
    {"bitmap", bitmap, NULL},
    {"bitmap-device", bitmap_device, "ept"},
    {"gdt-device", gdt_device, "ept"},
    {"idt-hole", idt_hole, "triple"},
    {"idt-device", idt_device, "ept"},
    {"idt-none", idt_none, "triple"},
    {"tss-hole", tss_hole, "triple"},
    {"stack-hole", stack_hole, "ept"},
    {"gdt-hole", gdt_hole, "triple"},
};

ATTEMPT(tables, tables);

static struct tss other __attribute__((aligned(256)));

static void make_task(void)
{
    other = tss;
    other.cs = SELECTOR_CODE;
    other.ss = SELECTOR_DATA;
    other.ds = SELECTOR_DATA;
    other.es = SELECTOR_DATA;
    other.eip = (uint32_t)nothing;
    other.esp = (uint32_t)spare_page(1);
    other.eflags = 2;
    gdt_set(SELECTOR_FREE, (uint32_t)&other, sizeof(other) - 1, ACCESS_TSS, 0);
    gdt_set(SELECTOR_FREE + 8, SELECTOR_FREE << 16, 0, 0, 0);
    gdt[SELECTOR_FREE / 8 + 1] = (uint64_t)GATE_TASK << 32 | SELECTOR_FREE
                                                                 << 16;
}

static void task_jump(void)
{
    make_task();
    __asm__ volatile("ljmp $0x40, $0");
}

static void task_call(void)
{
    make_task();
    __asm__ volatile("lcall $0x40, $0");
}

static void task_gate(void)
{
    make_task();
    __asm__ volatile("lcall $0x48, $0");
}

static void task_gate_idt(uint32_t vector)
{
    make_task();
    idt_gate(vector)[0] = SELECTOR_FREE << 16;
    idt_gate(vector)[1] = GATE_TASK;
}

static void task_int(void)
{
    task_gate_idt(0x50);
    __asm__ volatile("int $0x50");
}

static void task_exception(void)
{
    task_gate_idt(TRAP_UD);
    __asm__ volatile("ud2");
}

/* Delivered by Bulkhead. */
static void task_protection(void)
{
    task_gate_idt(TRAP_GP);
    rdmsr(0x12345);
}

static void task_interrupt(void)
{
    task_gate_idt(0x51);
    apic_self_ipi(0x51);
    __asm__ volatile("sti\n\tnop\n\tnop\n\tcli");
}

/* IRET with NT set goes back to the task that TSS.link names. */
static void task_return(void)
{
    make_task();
    tss.link = SELECTOR_FREE;
    gdt_set(SELECTOR_FREE, (uint32_t)&other, sizeof(other) - 1, ACCESS_TSS | 2,
            0);
    __asm__ volatile("pushfl\n\torl %0, (%%esp)\n\tpopfl\n\tiretl"
                     :
                     : "i"(EFLAGS_NT));
}

static void task_hole(void)
{
    gdt_set(SELECTOR_FREE, HOLE, 0x67, ACCESS_TSS, 0);
    __asm__ volatile("ljmp $0x40, $0");
}

/* A double fault that is a task, as 32-bit systems like it. */
static void task_double(void)
{
    task_gate_idt(8);
    idt_gate(TRAP_GP)[1] = 0;
    idt_gate(11)[1] = 0;
    rdmsr(0x12345);
}

static const struct deed tasks[] = {
    {"task-jump", task_jump, "exit"},
    {"task-call", task_call, "exit"},
    {"task-gate", task_gate, "exit"},
    {"task-int", task_int, "exit"},
    {"task-exception", task_exception, "exit"},
    {"task-protection", task_protection, "exit"},
    {"task-interrupt", task_interrupt, "exit"},
    {"task-return", task_return, "exit"},
    {"task-hole", task_hole, "exit"},
    {"task-double", task_double, "exit"},
};

ATTEMPT(tasks, tasks);
