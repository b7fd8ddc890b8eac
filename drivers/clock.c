/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/clock.h"

#include <stdbool.h>

#include "arch/x86_64/cpu.h"

#define PM_TIMER_HZ   3579545u  /* ACPI 6.4, 4.8.2.1 */
#define PM_TIMER_MASK 0xffffffu /* 24 bits are always there */
#define PIT_HZ        1193182u
#define MEASURE_MS    10u
#define POLLS_MAX     10000000u /* a clock that stands still ends the wait */

#define PIT_CHANNEL_2 0x42
#define PIT_COMMAND   0x43
#define PIT_GATE      0x61

uint64_t clock_measure_pm_timer(uint16_t port)
{
    const uint32_t ticks = PM_TIMER_HZ * MEASURE_MS / 1000;
    uint32_t start = inl(port) & PM_TIMER_MASK, now, polls = 0;
    uint64_t tsc;

    do { /* begin on an edge */
        now = inl(port) & PM_TIMER_MASK;
    } while (now == start && ++polls < POLLS_MAX);
    start = now;
    tsc = rdtsc();
    do {
        now = inl(port) & PM_TIMER_MASK;
    } while (((now - start) & PM_TIMER_MASK) < ticks && ++polls < POLLS_MAX);
    tsc = rdtsc() - tsc;
    if (polls >= POLLS_MAX) {
        return 0;
    }
    return tsc * PM_TIMER_HZ / ((now - start) & PM_TIMER_MASK) / 1000;
}

uint64_t clock_measure_pit(void)
{
    const uint32_t ticks = PIT_HZ * MEASURE_MS / 1000;
    uint32_t polls = 0;
    uint64_t tsc;

    /* Channel 2, mode 0: its output (bit 5 of port 0x61) rises at zero. */
    outb(PIT_GATE, (uint8_t)((inb(PIT_GATE) & 0xfc) | 1));
    outb(PIT_COMMAND, 0xb0);
    outb(PIT_CHANNEL_2, ticks & 0xff);
    outb(PIT_CHANNEL_2, (uint8_t)(ticks >> 8));
    tsc = rdtsc();
    while (!(inb(PIT_GATE) & 0x20) && ++polls < POLLS_MAX) {
    }
    tsc = rdtsc() - tsc;
    if (polls >= POLLS_MAX || polls < 2) {
        return 0;
    }
    return tsc / MEASURE_MS;
}

static uint8_t cmos_read(uint8_t index)
{
    outb(0x70, index);
    return inb(0x71);
}

static unsigned cmos_number(uint8_t index, bool binary)
{
    unsigned value = cmos_read(index);

    return binary ? value : (value >> 4) * 10 + (value & 15);
}

/* Days from 1970-01-01 to a day of the Gregorian calendar. */
static uint64_t days_from_civil(unsigned year, unsigned month, unsigned day)
{
    uint64_t y = month <= 2 ? year - 1 : year;
    uint64_t m = month <= 2 ? month + 9 : month - 3; /* March is 0 */

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 -
           719468;
}

uint64_t clock_wall_seconds(void)
{
    bool binary = cmos_read(0x0b) & 4;
    unsigned polls = 0, month, day;

    while (cmos_read(0x0a) & 0x80 && ++polls < 100000) { /* being updated */
    }
    month = cmos_number(8, binary);
    day = cmos_number(7, binary);
    if (month < 1 || month > 12 || day < 1 || day > 31) {
        return 0;
    }
    return days_from_civil(2000 + cmos_number(9, binary), month, day) * 86400 +
           cmos_number(4, binary) * 3600ul + cmos_number(2, binary) * 60ul +
           cmos_number(0, binary);
}
