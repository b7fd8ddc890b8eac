/* SPDX-License-Identifier: BSD-2-Clause */
/* A descriptor table with ring 3 and a TSS, and tables that are nonsense. */
#include "tests/guests/hostile/hostile.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/paging.h"
#include "tests/guests/lib/trap.h"
#include "tests/guests/lib/util.h"

#define GATE_RING_3 0x6000u

struct pointer {
    uint16_t limit;
    uint32_t base;
} __attribute__((packed));

extern const uint8_t try_user_back[];

uint64_t gdt[GDT_ENTRIES] __attribute__((aligned(16)));
struct tss tss __attribute__((aligned(256)));
volatile uint32_t counted;

static uint8_t trap_stack[8192] __attribute__((aligned(16)));

void load_gdt(uint32_t base, uint32_t limit)
{
    struct pointer pointer = {(uint16_t)limit, base};

    __asm__ volatile("lgdt %0" : : "m"(pointer) : "memory");
}

void load_idt(uint32_t base, uint32_t limit)
{
    struct pointer pointer = {(uint16_t)limit, base};

    __asm__ volatile("lidt %0" : : "m"(pointer) : "memory");
}

volatile uint32_t *idt_gate(uint32_t vector)
{
    struct pointer pointer;

    __asm__ volatile("sidt %0" : "=m"(pointer));
    return (volatile uint32_t *)(pointer.base + 8 * vector);
}

void gdt_set(uint32_t selector, uint32_t base, uint32_t limit, uint32_t access,
             uint32_t flags)
{
    uint32_t low = base << 16 | (limit & 0xFFFFu);
    uint32_t high = (base & 0xFF000000u) | flags << 20 | (limit & 0xF0000u) |
                    access << 8 | (base >> 16 & 0xFFu);

    gdt[selector / 8] = (uint64_t)high << 32 | low;
}

void gdt_init(void)
{
    struct pointer pointer;

    __asm__ volatile("sgdt %0" : "=m"(pointer));
    memcpy(gdt, (const void *)pointer.base, pointer.limit + 1u);
    gdt_set(SELECTOR_USER_CODE, 0, 0xFFFFF, 0xFB, FLAGS_32);
    gdt_set(SELECTOR_USER_DATA, 0, 0xFFFFF, 0xF3, FLAGS_32);
    gdt_set(SELECTOR_TSS, (uint32_t)&tss, sizeof(tss) - 1, ACCESS_TSS, 0);
    load_gdt((uint32_t)gdt, sizeof(gdt) - 1);
    tss.esp0 = (uint32_t)trap_stack + sizeof(trap_stack);
    tss.ss0 = SELECTOR_DATA;
    tss.iomap = sizeof(tss) << 16;
    __asm__ volatile("ltr %w0" : : "r"(SELECTOR_TSS) : "memory");
    trap_set_entry(0x80, try_user_back);
    idt_gate(0x80)[1] |= GATE_RING_3;
}

uint32_t try_code(const void *code)
{
    struct try t = {0};

    return try_kernel(&t, code);
}

uint8_t *spare_page(uint32_t n)
{
    return (uint8_t *)(((uint32_t)image_end + 4095) & ~4095u) + 4096 * n;
}

uint32_t window_map(uint32_t n, uint32_t entry)
{
    *paging_window(n) = entry;
    invlpg(WINDOW + n * 4096);
    return WINDOW + n * 4096;
}

static void count(struct trap_frame *frame)
{
    (void)frame;
    counted++;
    if (frame->vector >= 32)
        apic_eoi();
}

void count_vector(uint32_t vector)
{
    counted = 0;
    trap_set(vector, count);
}
