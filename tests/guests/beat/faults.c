/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/beat/beat.h"

#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/util.h"

#define HOLE 0xD0000000u

static void wild(void)
{
    *(volatile uint32_t *)HOLE = 0xBADu;
}

static void fetch(void)
{
    ((void (*)(void))HOLE)();
}

static void triple(void)
{
    const uint8_t none[6] = {0};

    __asm__ volatile("lidt %0\n\tint3" : : "m"(none) : "memory");
}

/* A task switch by hardware, which no 64-bit system has. */
static void task(void)
{
    static uint32_t tss[26];
    static uint32_t gdt[12];
    struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) pointer;
    uint32_t base = (uint32_t)tss;

    __asm__ volatile("sgdt %0" : "=m"(pointer));
    memcpy(gdt, (const void *)pointer.base, 32);
    gdt[8] = base << 16 | (sizeof(tss) - 1);
    gdt[9] = (base & 0xFF000000u) | 0x8900u | (base >> 16 & 0xFFu);
    pointer.limit = sizeof(gdt) - 1;
    pointer.base = (uint32_t)gdt;
    __asm__ volatile("lgdt %0\n\tljmp $0x20, $0" : : "m"(pointer) : "memory");
}

static void panic(void)
{
    outb(PORT_PVPANIC, 1);
}

static void hang(void)
{
    __asm__ volatile("cli\n1:\tjmp 1b");
}

/* Spinning with interrupts on: alive, but its heart stands still. */
static void stall(void)
{
    __asm__ volatile("sti\n1:\tjmp 1b");
}

/* Asleep for ever. */
static void sleep(void)
{
    __asm__ volatile("cli\n1:\thlt\n\tjmp 1b");
}

static void reset(void)
{
    outb(PORT_RESET, 6);
}

static const struct fault {
    const char *name;
    void (*commit)(void);
} faults[] = {
    {"wild", wild},   {"fetch", fetch}, {"triple", triple},
    {"panic", panic}, {"task", task},   {"hang", hang},
    {"stall", stall}, {"sleep", sleep}, {"reset", reset},
};

#define FAULTS (sizeof(faults) / sizeof(faults[0]))

bool beat_command(const char *line)
{
    for (uint32_t i = 0; i < FAULTS; i++) {
        if (same(line, faults[i].name)) {
            faults[i].commit();
            return true;
        }
    }
    return false;
}

void beat_ordered(void)
{
    for (uint32_t i = 0; i < FAULTS; i++) {
        if (option("cause") && option_lists("cause", faults[i].name))
            faults[i].commit();
    }
}
