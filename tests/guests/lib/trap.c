/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/lib/trap.h"

#include "tests/guests/lib/check.h"
#include "tests/guests/lib/cpu.h"

#define ENTRY_SIZE     16
#define INTERRUPT_GATE 0x8E00u /* present, ring 0, 32 bit */
#define CODE_SELECTOR  0x08u
#define VECTORS        256u

struct gate {
    uint32_t low, high;
};

struct descriptor {
    uint16_t limit;
    uint32_t base;
} __attribute__((packed));

extern const char trap_entries[];

static struct gate idt[VECTORS] __attribute__((aligned(16)));
static trap_handler handlers[VECTORS];

volatile uint32_t trap_resume;
volatile uint32_t trap_caught;
volatile uint32_t trap_error;

void trap_load(void)
{
    struct descriptor pointer = {sizeof(idt) - 1, (uint32_t)&idt};

    __asm__ volatile("lidt %0" : : "m"(pointer) : "memory");
}

void trap_set_entry(uint32_t vector, const void *entry)
{
    uint32_t address = (uint32_t)entry;

    idt[vector].low = CODE_SELECTOR << 16 | (address & 0xFFFFu);
    idt[vector].high = (address & 0xFFFF0000u) | INTERRUPT_GATE;
}

void trap_init(void)
{
    for (uint32_t i = 0; i < VECTORS; i++)
        trap_set_entry(i, trap_entries + i * ENTRY_SIZE);
    trap_load();
}

void trap_set(uint32_t vector, trap_handler handler)
{
    handlers[vector % VECTORS] = handler;
}

void trap_dispatch(struct trap_frame *frame)
{
    trap_handler handler = handlers[frame->vector % VECTORS];

    if (handler != NULL) {
        handler(frame);
        return;
    }
    if (frame->vector < 32 && trap_resume != 0) {
        frame->eip = trap_resume;
        trap_caught = frame->vector;
        trap_error = frame->error;
        return;
    }
    check_failed("trap", "vector %u error %x eip %x cr2 %x", frame->vector,
                 frame->error, frame->eip, read_cr2());
    check_done();
}

uint32_t trap_rdmsr(uint32_t msr, uint64_t *value)
{
    uint64_t got = 0;
    uint32_t caught = TRAP_TRY("rdmsr",
                               : "+A"(got)
                               : "c"(msr)
                               : "memory", "cc");

    *value = got;
    return caught;
}

uint32_t trap_wrmsr(uint32_t msr, uint64_t value)
{
    return TRAP_TRY("wrmsr", : : "c"(msr), "A"(value) : "memory", "cc");
}
