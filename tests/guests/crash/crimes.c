/* SPDX-License-Identifier: BSD-2-Clause */
/* Deeds for which the hypervisor takes the machine back. */
#include "tests/guests/crash/crash.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/paging.h"
#include "tests/guests/lib/trap.h"
#include "tests/guests/lib/util.h"

static void wild(void)
{
    *(volatile uint32_t *)HOLE = 0xBADu;
}

static void wild_string(void)
{
    memset((void *)HOLE, 0, 64);
}

static void wild_locked(void)
{
    __asm__ volatile("lock incl (%0)" : : "r"(HOLE + 0x1000) : "memory");
}

/* Across the last byte of memory that is there. */
static void wild_edge(void)
{
    __asm__ volatile("movl $0, (%0)" : : "r"(machine_ram_end() - 2) : "memory");
}

static void fetch(void)
{
    ((void (*)(void))HOLE)();
}

static void fetch_device(void)
{
    ((void (*)(void))IOAPIC_BASE)();
}

static void device_string(void)
{
    static uint32_t words[4];

    memcpy(words, (const void *)IOAPIC_BASE, sizeof(words));
}

static void triple(void)
{
    const uint8_t none[6] = {0};

    __asm__ volatile("lidt %0\n\tint3" : : "m"(none) : "memory");
}

/* An IDT made of ones. */
static void idt(void)
{
    const struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) hole = {0x7FF, HOLE};

    __asm__ volatile("lidt %0\n\tint3" : : "m"(hole) : "memory");
}

static void stack(void)
{
    __asm__ volatile("movl %0, %%esp\n\tpushl $1" : : "r"(HOLE + 0x2000));
}

/* The fault happens while an exception is being delivered. */
static void delivery(void)
{
    __asm__ volatile("movl %0, %%esp\n\tud2" : : "r"(HOLE + 0x3000));
}

/* The same for an interrupt, which must not be lost by being half taken. */
static void interrupt(void)
{
    apic_write(APIC_TPR, 0);
    apic_self_ipi(CRASH_VECTOR);
    __asm__ volatile("movl %0, %%esp\n\tsti\n1:\tjmp 1b"
                     :
                     : "r"(HOLE + 0x4000));
}

static void cr3(void)
{
    paging_on();
    write_cr3(HOLE);
    invlpg(0);
}

/* Through the window: the walk is good, where it leads is not. */
static void mapped(void)
{
    paging_on();
    *paging_window(5) = HOLE | PTE_PRESENT | PTE_WRITE;
    *(volatile uint32_t *)(WINDOW + 5 * 4096) = 1;
}

static void panic(void)
{
    outb(PORT_PVPANIC, 1);
    __asm__ volatile("cli\n1:\thlt\n\tjmp 1b");
}

static void hang(void)
{
    __asm__ volatile("cli\n1:\tjmp 1b");
}

/* An exception whose handler is nowhere. */
static void vector(void)
{
    trap_set_entry(TRAP_UD, (const void *)HOLE);
    __asm__ volatile("ud2");
}

static void reset(void)
{
    outb(PORT_RESET, 6);
    __asm__ volatile("cli\n1:\thlt\n\tjmp 1b");
}

const struct crime crimes[] = {
    {"wild", wild, NULL, 0, false},
    {"wild-string", wild_string, NULL, 0, false},
    {"wild-locked", wild_locked, NULL, 0, false},
    {"wild-edge", wild_edge, NULL, 0, false},
    {"fetch", fetch, NULL, 0, false},
    {"fetch-device", fetch_device, NULL, 0, false},
    {"device-string", device_string, NULL, 0, false},
    {"triple", triple, NULL, 0, false},
    {"idt", idt, NULL, 0, false},
    {"stack", stack, NULL, 0, false},
    {"delivery", delivery, NULL, 0, false},
    {"interrupt", interrupt, NULL, 0, false},
    {"cr3", cr3, NULL, 0, false},
    {"mapped", mapped, NULL, 0, false},
    {"vector", vector, NULL, 0, false},
    {"panic", panic, NULL, 0, false},
    {"long-write", NULL, deed_write, HOLE, false},
    {"long-fetch", NULL, deed_jump, HOLE, false},
    {"long-beyond", NULL, deed_write, LONG_HIGH, false},
    {"hang", hang, NULL, 0, true},
    {"reset", reset, NULL, 0, true},
};

const uint32_t crimes_count = sizeof(crimes) / sizeof(crimes[0]);
