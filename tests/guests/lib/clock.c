/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/lib/clock.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/util.h"

#define PIT_HZ    1193182u
#define PIT_MS    10u
#define PIT_SPINS 50000000u
#define DIVIDER   16u

static uint32_t tsc_khz = 1000000, timer_khz = 1000000 / DIVIDER;

static void from_cpuid(void)
{
    struct cpuid r = cpuid(0x15);
    uint64_t hz;

    if (r.eax == 0 || r.ebx == 0 || r.ecx == 0)
        return;
    hz = divide((uint64_t)r.ecx * r.ebx, r.eax, NULL);
    tsc_khz = (uint32_t)divide(hz, 1000, NULL);
    timer_khz = r.ecx / (1000 * DIVIDER);
}

/* Channel 2 counts down once with its gate open; its output is bit 5. */
static void from_pit(void)
{
    uint32_t count = PIT_HZ / 1000 * PIT_MS;
    uint64_t start;
    uint32_t spins = 0;

    outb(0x61, (uint8_t)((inb(0x61) & 0xFCu) | 1u));
    outb(0x43, 0xB0);
    outb(0x42, (uint8_t)count);
    outb(0x42, (uint8_t)(count >> 8));
    apic_timer(0, 0, false);
    apic_write(APIC_INITIAL, 0xFFFFFFFFu);
    start = rdtsc();
    while ((inb(0x61) & 0x20) == 0 && spins++ < PIT_SPINS)
        ;
    tsc_khz = (uint32_t)divide(rdtsc() - start, PIT_MS, NULL);
    timer_khz = (0xFFFFFFFFu - apic_read(APIC_CURRENT)) / PIT_MS;
    apic_timer(0, 0, false);
}

void clock_init(void)
{
    if (machine_hosted())
        from_cpuid();
    else
        from_pit();
}

uint32_t clock_tsc_khz(void)
{
    return tsc_khz;
}

uint32_t clock_timer_khz(void)
{
    return timer_khz;
}

uint64_t clock_after(uint32_t ms)
{
    return rdtsc() + (uint64_t)ms * tsc_khz;
}

uint32_t clock_ms(uint64_t ticks)
{
    return (uint32_t)divide(ticks, tsc_khz, NULL);
}

bool clock_has_deadline(void)
{
    return (cpuid(1).ecx >> 24 & 1) != 0;
}

bool clock_has_x2apic(void)
{
    return (cpuid(1).ecx >> 21 & 1) != 0;
}
