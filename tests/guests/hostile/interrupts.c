/* SPDX-License-Identifier: BSD-2-Clause */
/* Storms of interrupts and NMIs, timers without a period, lines that nobody
 * serves, and the modes of the local APIC. */
#include "tests/guests/hostile/hostile.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/clock.h"
#include "tests/guests/lib/console.h"
#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/trap.h"

#define VECTOR   0x40u
#define STORM    3000u
#define NMI      2u
#define BASE_BSP (1u << 8)
#define BASE_X2  (1u << 10)
#define BASE_ON  (1u << 11)

static void icr(uint32_t high, uint32_t low)
{
    apic_write(APIC_ICR_HIGH, high);
    apic_write(APIC_ICR_LOW, low);
}

/* Every delivery mode, trigger, level and shorthand, to itself and others. */
static void modes_of_ipi(void)
{
    count_vector(NMI);
    count_vector(VECTOR);
    for (uint32_t mode = 0; mode < 8; mode++) {
        for (uint32_t bits = 0; bits < 64; bits++) {
            uint32_t low = VECTOR | mode << 8 | (bits & 1) << 11 |
                           (bits & 6) << 13 | (bits & 0x18) << 15 |
                           (bits & 0x20) << 7;

            icr(0, low);
            icr(0xFF000000u, low);
            icr(0x01000000u, low | 0xFFF00000u);
            cpu_sti();
            __asm__ volatile("nop\n\tnop");
            cpu_cli();
        }
    }
    must("ids", apic_id(), 0);
    trap_set(NMI, NULL);
}

static void nmi_storm(void)
{
    uint32_t before;

    count_vector(NMI);
    for (uint32_t i = 0; i < STORM; i++)
        icr(0, APIC_ICR_NMI);
    __asm__ volatile("nop");
    must("NMIs", counted, STORM);
    before = counted;
    for (uint32_t i = 0; i < STORM; i++)
        icr(0, APIC_ICR_NMI | APIC_ICR_SELF); /* not allowed */
    must("NMIs by the shorthand", counted, before);
    trap_set(NMI, NULL);
}

static void self_storm(void)
{
    count_vector(VECTOR);
    cpu_sti();
    for (uint32_t i = 0; i < STORM; i++)
        apic_self_ipi(VECTOR);
    cpu_cli();
    must("interrupts", counted, STORM);
}

/* An interrupt whose handler sends it again. */
static void again(struct trap_frame *frame)
{
    (void)frame;
    apic_self_ipi(VECTOR);
    apic_eoi();
    if (++counted >= STORM)
        count_vector(VECTOR);
}

static void chain(void)
{
    count_vector(VECTOR);
    trap_set(VECTOR, again);
    apic_self_ipi(VECTOR);
    cpu_sti();
    while (counted > 1 || counted == 0)
        cpu_pause(); /* until count_vector() and the one behind it */
    cpu_cli();
}

/* No error code, as an exception of the same vector would have. */
extern const uint8_t plain_entry[];
__asm__(".pushsection .text\n"
        "plain_entry: incl counted\n\tiretl\n"
        ".popsection\n");

/* Vectors that belong to exceptions: 0 to 15 are errors, 16 to 31 come. */
static void low_vectors(void)
{
    for (uint32_t vector = 0; vector < 32; vector++) {
        counted = 0;
        trap_set_entry(vector, plain_entry);
        apic_self_ipi(vector);
        cpu_sti();
        __asm__ volatile("nop\n\tnop");
        cpu_cli();
        must("taken", counted, vector >= 16);
        if (vector >= 16)
            apic_eoi();
    }
    trap_init();
    gdt_init();
    apic_write(0x280, 0);
    must("errors", apic_read(0x280) & 0x20, 0x20);
}

static void raise_uart(uint32_t route)
{
    ioapic_write(IOAPIC_ROUTE + 9, 0);
    ioapic_write(IOAPIC_ROUTE + 8, route);
    outb(UART_MCR, 0x08);
    outb(UART_IER, 0);
    outb(UART_IER, 2);
}

static void take(void)
{
    cpu_sti();
    __asm__ volatile("nop\n\tnop");
    cpu_cli();
}

/* Nobody serves the line, and nobody ends it; or everybody does. */
static void no_eoi(void)
{
    counted = 0;
    trap_set_entry(VECTOR, plain_entry);
    for (uint32_t i = 0; i < STORM; i++)
        raise_uart(VECTOR | IOAPIC_LEVEL);
    take();
    must("taken", counted, 1);
    for (uint32_t i = 0; i < STORM; i++)
        apic_eoi();
    take();
    must("taken again", counted, 2);
    count_vector(NMI);
    raise_uart(5 | IOAPIC_LEVEL); /* no vector */
    for (uint32_t mode = 1; mode < 8; mode++)
        raise_uart(VECTOR | IOAPIC_LEVEL | mode << 8);
    ioapic_write(IOAPIC_ROUTE + 8, IOAPIC_MASKED);
    console_init();
    apic_eoi();
    take();
    apic_eoi();
    trap_set(NMI, NULL);
    trap_init();
    gdt_init();
}

/* Each end of interrupt brings the next one. */
static void level(void)
{
    count_vector(VECTOR);
    raise_uart(VECTOR | IOAPIC_LEVEL);
    cpu_sti();
    for (;;)
        cpu_pause();
}

static const struct deed interrupts[] = {
    {"ipi-modes", modes_of_ipi, NULL},  {"nmi-storm", nmi_storm, NULL},
    {"self-storm", self_storm, NULL},   {"ipi-chain", chain, NULL},
    {"low-vectors", low_vectors, NULL}, {"no-eoi", no_eoi, NULL},
    {"level-endless", level, ENDLESS},
};

ATTEMPT(interrupts, interrupts);

static void run_for(uint32_t ms)
{
    uint64_t end = clock_after(ms);

    cpu_sti();
    while (rdtsc() < end)
        cpu_pause();
    cpu_cli();
}

static void periods(void)
{
    for (uint32_t divide = 0; divide < 16; divide++) {
        count_vector(VECTOR);
        apic_write(APIC_DIVIDE, divide);
        apic_write(APIC_LVT_TIMER, VECTOR | APIC_LVT_PERIODIC);
        apic_write(APIC_INITIAL, 1);
        run_for(5);
        if (counted == 0)
            wrong("no tick");
        apic_write(APIC_INITIAL, ~0u);
        apic_read(APIC_CURRENT);
        apic_write(APIC_LVT_TIMER, 3 | APIC_LVT_PERIODIC); /* no vector */
        apic_write(APIC_INITIAL, 1);
        run_for(1);
        apic_write(APIC_LVT_TIMER, VECTOR | APIC_LVT_MASKED);
    }
    for (uint32_t i = 0; i < STORM; i++) {
        apic_write(APIC_LVT_TIMER, VECTOR | (i & 3) << 17);
        apic_write(APIC_INITIAL, i % 3);
    }
    apic_timer(0, 0, false);
}

static void deadlines(void)
{
    static const uint64_t times[] = {
        1, 2, ~0ull, 1ull << 63, (1ull << 63) - 1, 1ull << 32};

    if (!clock_has_deadline())
        return;
    count_vector(VECTOR);
    apic_write(APIC_LVT_TIMER, VECTOR | APIC_LVT_DEADLINE);
    for (uint32_t i = 0; i < COUNT(times); i++) {
        wrmsr(MSR_TSC_DEADLINE, times[i]);
        run_for(1);
    }
    counted = 0;
    for (uint32_t i = 0; i < STORM; i++) {
        cpu_sti();
        wrmsr(MSR_TSC_DEADLINE, 1);
        __asm__ volatile("nop");
        cpu_cli();
    }
    must("deadlines in the past", counted, STORM);
    /* The TSC leaps over the deadline, and back. */
    for (uint32_t bit = 20; bit < 64; bit++) {
        wrmsr(MSR_TSC_DEADLINE, rdtsc() + (1ull << bit));
        wrmsr(MSR_TSC, 1ull << bit);
        wrmsr(MSR_TSC_ADJUST, 1ull << bit);
    }
    wrmsr(MSR_TSC_ADJUST, 0);
    wrmsr(MSR_TSC_DEADLINE, 0);
    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
    cpu_sti();
    __asm__ volatile("nop\n\tnop");
    cpu_cli();
}

/* For ever, and each is a NMI, or none at all. */
static void endless_ticks(void)
{
    count_vector(VECTOR);
    apic_write(APIC_LVT_TIMER, VECTOR | APIC_LVT_PERIODIC);
    apic_write(APIC_INITIAL, 1);
    for (;;)
        cpu_sti_hlt();
}

static const struct deed timers[] = {
    {"timer-periods", periods, NULL},
    {"timer-deadlines", deadlines, NULL},
    {"timer-endless", endless_ticks, ENDLESS},
};

ATTEMPT(timers, timers);

static void bases(void)
{
    for (uint32_t bit = 0; bit < 64; bit++) {
        uint64_t value = 0xFEE00900ull ^ 1ull << bit;
        uint32_t caught = trap_wrmsr(MSR_APIC_BASE, value);
        bool good = bit == 8 || bit == 10 || bit == 11;

        must("APIC_BASE", caught, good ? TRAP_NONE : TRAP_GP);
        trap_wrmsr(MSR_APIC_BASE, 0xFEE00100u);
        trap_wrmsr(MSR_APIC_BASE, 0xFEE00900u);
        must("APIC_BASE back", rdmsr(MSR_APIC_BASE), 0xFEE00900u);
    }
}

static void back_and_forth(void)
{
    for (uint32_t i = 0; i < 300; i++) {
        wrmsr(MSR_APIC_BASE, 0xFEE00D00u);
        must("x2 to x", trap_wrmsr(MSR_APIC_BASE, 0xFEE00900u), TRAP_GP);
        must("x2 only", trap_wrmsr(MSR_APIC_BASE, 0xFEE00500u), TRAP_GP);
        must("the page is gone", mmio_read(LAPIC_BASE + APIC_VERSION), ~0u);
        wrmsr(0x808, i & 0xFF);
        wrmsr(MSR_APIC_BASE, 0xFEE00100u);
        must("off to x2", trap_wrmsr(MSR_APIC_BASE, 0xFEE00D00u), TRAP_GP);
        must("off", mmio_read(LAPIC_BASE + APIC_VERSION), ~0u);
        must("off, the MSR", trap_wrmsr(0x808, 0), TRAP_GP);
        wrmsr(MSR_APIC_BASE, 0xFEE00900u);
        must("on", mmio_read(LAPIC_BASE + APIC_TPR), 0);
    }
    apic_init();
}

static void x2_taken(struct trap_frame *frame)
{
    (void)frame;
    counted++;
    wrmsr(0x80B, 0);
}

/* Every MSR of x2APIC mode, every single bit. */
static void x2_registers(void)
{
    uint64_t value;

    wrmsr(MSR_APIC_BASE, 0xFEE00D00u);
    count_vector(NMI);
    for (uint32_t msr = 0x800; msr < 0x900; msr++) {
        uint32_t caught = trap_rdmsr(msr, &value);

        if (caught != TRAP_NONE && caught != TRAP_GP)
            wrong("rdmsr %x: %u", msr, caught);
        if (msr > 0x83F)
            must("beyond", caught, TRAP_GP);
        for (uint32_t bit = 0; bit < 64; bit++)
            trap_wrmsr(msr, 1ull << bit);
        must("ones", trap_wrmsr(msr, ~0ull), TRAP_GP);
        trap_wrmsr(msr, 0);
    }
    must("ID", rdmsr(0x802), 0);
    must("version", rdmsr(0x803) & 0xFF, 0x14);
    must("self-IPI of nothing", trap_wrmsr(0x83F, 0x100), TRAP_GP);
    count_vector(VECTOR);
    wrmsr(0x80F, 0x1FF);
    wrmsr(0x808, 0);
    for (uint32_t i = 0; i < 256; i++)
        wrmsr(0x80B, 0);
    for (uint32_t vector = 32; vector < 256; vector++)
        trap_set(vector, x2_taken);
    cpu_sti();
    for (uint32_t i = 0; i < STORM; i++)
        wrmsr(0x83F, VECTOR);
    cpu_cli();
    if (counted < STORM)
        wrong("interrupts: %u", counted);
    wrmsr(MSR_APIC_BASE, 0xFEE00100u);
    wrmsr(MSR_APIC_BASE, 0xFEE00900u);
    apic_init();
    trap_set(NMI, NULL);
}

static void x2_page(void)
{
    wrmsr(MSR_APIC_BASE, 0xFEE00D00u);
    mmio_write(LAPIC_BASE + APIC_TPR, 0);
}

static const struct deed modes[] = {
    {"apic-base", bases, NULL},
    {"apic-modes", back_and_forth, NULL},
    {"x2-registers", x2_registers, NULL},
    {"x2-page", x2_page, "ept"},
};

ATTEMPT(modes, modes);
