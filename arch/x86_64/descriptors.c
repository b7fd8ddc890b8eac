/* SPDX-License-Identifier: BSD-2-Clause */
/* GDT, TSS and IDT. The vectors that may strike on a bad stack (#DF, NMI,
 * #MC) have interrupt stacks of their own, each with a guard page. */
#include "arch/x86_64/descriptors.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/image.h"
#include "arch/x86_64/interrupt.h"
#include "arch/x86_64/paging.h"
#include "kernel/panic.h"

#define IST_STACK_SIZE 8192
#define STACK_SIZE     (32ul * 1024)

struct gate {
    uint16_t offset_0;
    uint16_t selector;
    uint8_t ist;
    uint8_t type;
    uint16_t offset_16;
    uint32_t offset_32;
    uint32_t reserved;
} __attribute__((packed));

static struct gate idt[256];

static void set_gate(unsigned vector, uint64_t handler, uint8_t ist)
{
    idt[vector] = (struct gate){
        .offset_0 = (uint16_t)handler,
        .selector = SELECTOR_CODE,
        .ist = ist,
        .type = 0x8e, /* present, DPL 0, interrupt gate */
        .offset_16 = (uint16_t)(handler >> 16),
        .offset_32 = (uint32_t)(handler >> 32),
    };
}

void idt_init(void)
{
    extern const char interrupt_stubs[]; /* 16 bytes each: exception.S */

    for (unsigned i = 0; i < 256; i++) {
        uint8_t ist = i == VECTOR_DF    ? IST_DF
                      : i == VECTOR_NMI ? IST_NMI
                      : i == VECTOR_MC  ? IST_MC
                                        : 0;

        set_gate(i, (uint64_t)interrupt_stubs + 16ul * i, ist);
    }
}

/* Where stacks lie, for back traces: all are taken one after the other. */
static uint64_t stacks_start = UINT64_MAX, stacks_end;

bool descriptors_on_stack(uint64_t address)
{
    /* The address and the return address above it. */
    return page_lookup(paging_core_root(), address) != UINT64_MAX &&
           page_lookup(paging_core_root(), address + 8) != UINT64_MAX &&
           address >= stacks_start && address < stacks_end;
}

static uint64_t stack_alloc(uint64_t size)
{
    char *stack = core_alloc(size);

    if (!stack) {
        panic("no memory for a stack of %lu bytes", size);
    }
    if ((uint64_t)stack < stacks_start) {
        stacks_start = (uint64_t)stack;
    }
    stacks_end = (uint64_t)stack + size;
    return stacks_end;
}

void descriptors_prepare(struct cpu_descriptors *d)
{
    uint64_t tss = (uint64_t)&d->tss;

    d->stack_top = stack_alloc(STACK_SIZE);
    d->tss.rsp[0] = d->stack_top;
    for (unsigned i = 0; i < IST_COUNT; i++) {
        d->tss.ist[i] = stack_alloc(IST_STACK_SIZE);
    }
    d->tss.io_bitmap = sizeof(d->tss);

    d->gdt[SELECTOR_CODE / 8] = 0x00af9b000000ffff; /* 64-bit code */
    d->gdt[SELECTOR_DATA / 8] = 0x00cf93000000ffff;
    d->gdt[SELECTOR_TSS / 8] = (sizeof(d->tss) - 1) | (tss & 0xffffff) << 16 |
                               0x89ul << 40 | (tss >> 24 & 0xff) << 56;
    d->gdt[SELECTOR_TSS / 8 + 1] = tss >> 32;
}

void descriptors_load(struct cpu_descriptors *d)
{
    struct descriptor_pointer gdtr = {sizeof(d->gdt) - 1, (uint64_t)d->gdt};
    struct descriptor_pointer idtr = {sizeof(idt) - 1, (uint64_t)idt};

    asm volatile("lgdt %0" ::"m"(gdtr));
    asm volatile("pushq %0\n\t"
                 "leaq 1f(%%rip), %%rax\n\t"
                 "pushq %%rax\n\t"
                 "lretq\n"
                 "1:\n\t"
                 "mov %1, %%ss\n\t"
                 "mov %1, %%ds\n\t"
                 "mov %1, %%es" ::"i"(SELECTOR_CODE),
                 "r"(SELECTOR_DATA)
                 : "rax", "memory");
    asm volatile("lidt %0" ::"m"(idtr));
    asm volatile("ltr %w0" ::"r"(SELECTOR_TSS));
}
