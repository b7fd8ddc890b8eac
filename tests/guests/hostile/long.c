/* SPDX-License-Identifier: BSD-2-Clause */
/* 64-bit code that may fault. */
#include "tests/guests/hostile/hostile.h"

#include "tests/guests/lib/paging.h"
#include "tests/guests/lib/trap.h"

#define GATE       0x8E00u
#define ENTRY_SIZE 16u
#define IST_1      0x24u /* in a 64-bit TSS (SDM vol. 3, 7.7) */

extern const uint8_t long_run[], long_entries[];
extern uint64_t long_pml4[512];

struct long_gate {
    uint16_t low, selector;
    uint16_t flags, high;
    uint32_t upper, zero;
};

static struct long_gate idt[32] __attribute__((aligned(16)));
struct {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed)) long_idt_pointer = {sizeof(idt) - 1, 0};

static bool made, mapped; /* the IDT; the library's tables */

static void make(void)
{
    for (uint32_t i = 0; i < 32; i++) {
        uint32_t address = (uint32_t)long_entries + i * ENTRY_SIZE;

        idt[i] = (struct long_gate){
            .low = (uint16_t)address,
            .selector = 0x18,
            .flags = GATE,
            .high = (uint16_t)(address >> 16),
        };
    }
    long_idt_pointer.base = (uint32_t)idt;
    made = true;
}

uint32_t try_long(struct try64 *t, const void *code)
{
    t->code = (uint32_t)code;
    t->vector = TRAP_NONE;
    if (!long_mode_available())
        return TRAP_NONE;
    if (!made)
        make();
    if (!mapped) {
        mapped = true;
        long_mode_call(long_run, t);
    } else {
        long_mode_enter(long_run, t);
    }
    return (uint32_t)t->vector;
}

void long_own(uint64_t entry)
{
    struct try64 t = {0};
    static const uint8_t nothing[] = {0xC3};

    if (!mapped)
        try_long(&t, nothing);
    long_pml4[1] = entry;
}

void long_stack(uint32_t vector, uint64_t top)
{
    volatile uint32_t *ist = (volatile uint32_t *)((uint32_t)&tss + IST_1);

    if (!made)
        make();
    idt[vector].flags = (uint16_t)(top == 0 ? GATE : GATE | 1);
    ist[0] = (uint32_t)top;
    ist[1] = (uint32_t)(top >> 32);
}
