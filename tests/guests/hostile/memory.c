/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses at and around each boundary; device registers by every offset. */
#include "tests/guests/hostile/hostile.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/paging.h"
#include "tests/guests/lib/trap.h"

#define PAGE 4096u

static uint32_t peek(uint32_t at, uint32_t size)
{
    uint32_t value = 0;

    if (size == 1)
        __asm__ volatile("movb (%1), %b0" : "+q"(value) : "r"(at) : "memory");
    else if (size == 2)
        __asm__ volatile("movw (%1), %w0" : "+r"(value) : "r"(at) : "memory");
    else
        __asm__ volatile("movl (%1), %0" : "+r"(value) : "r"(at) : "memory");
    return value;
}

static void poke(uint32_t at, uint32_t size, uint32_t value)
{
    if (size == 1)
        __asm__ volatile("movb %b0, (%1)" : : "q"(value), "r"(at) : "memory");
    else if (size == 2)
        __asm__ volatile("movw %w0, (%1)" : : "r"(value), "r"(at) : "memory");
    else
        __asm__ volatile("movl %0, (%1)" : : "r"(value), "r"(at) : "memory");
}

static void boundaries(void)
{
    const uint32_t edges[] = {
        0xA0000,
        0x100000,
        0xC0000000,
        0xD0000000,
        0xE0000000,
        IOAPIC_BASE,
        IOAPIC_BASE + PAGE,
        LAPIC_BASE,
        LAPIC_BASE + PAGE,
        0xFFE00000,
        0,
    };
    uint32_t end = machine_ram_end();

    for (uint32_t i = 0; i < COUNT(edges); i++) {
        for (uint32_t size = 1; size <= 4; size *= 2) {
            peek(edges[i], size);
            peek(edges[i] - size, size);
        }
    }
    for (uint32_t back = 1; back < 4; back++) {
        poke(end - 4, 4, 0);
        must("across the end", peek(end - back, 4), 0xFFFFFFFFu << 8 * back);
        must("a hole into a device", peek(LAPIC_BASE - 4, 4), ~0u);
    }
    must("the last", peek(0xFFFFFFFC, 4), ~0u);
    must("the first behind", peek(end, 4), ~0u);
}

/* Every byte, every size that a MOV of 32 bits has. */
static void device_reads(void)
{
    for (uint32_t at = 0; at < PAGE; at++) {
        for (uint32_t size = 1; size <= 4; size *= 2) {
            if (at + size > PAGE)
                continue;
            peek(LAPIC_BASE + at, size);
            peek(IOAPIC_BASE + at, size);
        }
    }
    must("version, a byte", peek(LAPIC_BASE + APIC_VERSION, 1), 0x14);
    must("between registers", peek(LAPIC_BASE + APIC_VERSION + 4, 4), 0);
}

static void device_writes(void)
{
    static const uint32_t values[] = {0, ~0u, 0x55555555, 0x00010000};

    for (uint32_t at = 0; at < PAGE; at++) {
        for (uint32_t size = 1; size < 4; size *= 2) {
            if (at + size <= PAGE) {
                poke(LAPIC_BASE + at, size, ~0u);
                poke(IOAPIC_BASE + at, size, ~0u);
            }
        }
        if (at % 4 != 0)
            continue;
        for (uint32_t i = 0; i < COUNT(values); i++) {
            poke(LAPIC_BASE + at, 4, values[i]);
            poke(IOAPIC_BASE + at, 4, values[i]);
        }
    }
    for (uint32_t reg = 0; reg < 256; reg++) {
        for (uint32_t i = 0; i < COUNT(values); i++) {
            ioapic_write(reg, values[i]);
            ioapic_read(reg);
        }
    }
    for (uint32_t pin = 0; pin < 24; pin++)
        ioapic_write(IOAPIC_ROUTE + 2 * pin, IOAPIC_MASKED);
    apic_init();
    must("id", apic_id(), 0);
}

static void behind_ram(void)
{
    poke(machine_ram_end(), 4, 1);
}

static void before_device(void)
{
    poke(IOAPIC_BASE - 4, 4, 1);
}

static void behind_device(void)
{
    poke(LAPIC_BASE + PAGE, 1, 1);
}

/* Half of it among registers, half in a hole. */
static void off_device(void)
{
    peek(LAPIC_BASE + PAGE - 2, 4);
}

static void last(void)
{
    poke(0xFFFFFFFC, 4, 1);
}

CODE(write_rax, "movl $1, (%eax)");
CODE(read_rax, "movl (%eax), %eax");

/* By its linear address in long mode. */
static uint32_t far(uint64_t physical, const void *code)
{
    static uint64_t table[512] __attribute__((aligned(4096)));
    static uint64_t middle[512] __attribute__((aligned(4096)));
    struct try64 t = {.rax = OWN_LINEAR | (physical & 0x1FFFFF)};

    table[0] = (uint32_t)middle | PTE_PRESENT | PTE_WRITE;
    middle[0] = (physical & ~0x1FFFFFull) | PTE_PRESENT | PTE_WRITE | PTE_LARGE;
    long_own((uint32_t)table | PTE_PRESENT | PTE_WRITE);
    return try_long(&t, code);
}

static void far_reads(void)
{
    static const uint64_t at[] = {
        0xFFFFFFFCull,   0x100000000ull,  0x1FFFFFFFFCull,
        0x2000000000ull, 0x7FFFFFFFFCull, 0x7F00000000ull,
    };

    for (uint32_t i = 0; i < COUNT(at); i++)
        if (far(at[i], read_rax) != TRAP_NONE)
            wrong("far read of %llx", (unsigned long long)at[i]);
    /* Reserved from wherever the processor's own addresses end. */
    for (uint32_t bit = 39; bit < 51; bit++) {
        uint32_t caught = far(1ull << bit, read_rax);

        must("bit", caught == TRAP_NONE || caught == TRAP_PF, 1);
    }
    must("reserved bit 51", far(1ull << 51, read_rax), TRAP_PF);
}

static void far_write(void)
{
    far(0x7FFFFFFFF8ull, write_rax);
}

static void beyond(void)
{
    far(0x8000000000ull, write_rax);
}

static void far_fetch(void)
{
    struct try64 t = {0};

    far(0x100000000ull, read_rax);
    t.rax = OWN_LINEAR;
    try_long(&t, (const void *)0xD0000000u);
}

static const struct deed addresses[] = {
    {"boundaries", boundaries, NULL},
    {"far-reads", far_reads, NULL},
    {"behind-ram", behind_ram, "ept"},
    {"before-device", before_device, "ept"},
    {"behind-device", behind_device, "ept"},
    {"off-device", off_device, "ept"},
    {"last-address", last, "ept"},
    {"far-write", far_write, "ept"},
    {"beyond-512G", beyond, "ept"},
    {"far-fetch", far_fetch, "ept"},
};

static const struct deed registers[] = {
    {"device-reads", device_reads, NULL},
    {"device-writes", device_writes, NULL},
};

ATTEMPT(addresses, addresses);
ATTEMPT(registers, registers);
