/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/clock.h"

#include <stdbool.h>
#include <stddef.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/paging.h"

#define PM_TIMER_HZ   3579545u  /* ACPI 6.4, 4.8.2.1 */
#define PM_TIMER_MASK 0xffffffu /* 24 bits are always there */
#define PIT_HZ        1193182u
#define MEASURE_MS    10u
#define FS_PER_MS     1000000000000ul
/* A clock that stands still ends the wait: a read takes 10 ns and more. */
#define EDGE_POLLS 10000u   /* 100 us for the next tick */
#define POLLS_MAX  1000000u /* 10 ms for all of them */

/* IA-PC HPET specification 1.0a, 2.3: 64-bit registers. */
#define HPET_SIZE     0x400
#define HPET_PERIOD   (0x004 / 4) /* fs of a tick, 10^8 at most */
#define HPET_CONFIG   (0x010 / 4)
#define HPET_COUNTER  (0x0f0 / 4)
#define HPET_ENABLE   1u
#define HPET_SLOWEST  100000000u

#define PIT_CHANNEL_2 0x42
#define PIT_COMMAND   0x43
#define PIT_GATE      0x61

/* A clock that counts up: how it is read, and what of it counts. */
struct counter {
    volatile const uint32_t *word; /* or NULL: at the port */
    uint16_t port;
    uint32_t mask;
};

static uint32_t counter_read(const struct counter *counter)
{
    uint32_t value = counter->word ? *counter->word : inl(counter->port);

    return value & counter->mask;
}

/* TSC ticks while the counter makes so many steps or a few more, which *ticks
 * then says; 0 when it stands still. */
static uint64_t time_steps(const struct counter *counter, uint32_t *ticks)
{
    uint32_t first = counter_read(counter), now = first, polls = 0;
    uint32_t wanted = *ticks;
    uint64_t tsc;

    while (now == first) { /* begin on an edge */
        if (++polls == EDGE_POLLS) {
            return 0;
        }
        now = counter_read(counter);
    }
    first = now;
    tsc = rdtsc();
    for (polls = 0; *ticks = (now - first) & counter->mask, *ticks < wanted;
         polls++) {
        if (polls == POLLS_MAX) {
            return 0;
        }
        now = counter_read(counter);
    }
    return rdtsc() - tsc;
}

uint64_t clock_measure_pm_timer(uint16_t port)
{
    const struct counter counter = {.port = port, .mask = PM_TIMER_MASK};
    uint32_t ticks = PM_TIMER_HZ * MEASURE_MS / 1000;
    uint64_t tsc = time_steps(&counter, &ticks);

    return tsc ? tsc * PM_TIMER_HZ / ticks / 1000 : 0;
}

uint64_t clock_measure_hpet(uint64_t physical)
{
    volatile uint32_t *registers = device_map(physical, HPET_SIZE);
    uint32_t period = registers ? registers[HPET_PERIOD] : 0, ticks;
    struct counter counter = {.mask = UINT32_MAX};
    uint64_t tsc;

    if (period == 0 || period > HPET_SLOWEST) {
        return 0;
    }
    registers[HPET_CONFIG] |= HPET_ENABLE;
    counter.word = &registers[HPET_COUNTER];
    ticks = (uint32_t)(MEASURE_MS * FS_PER_MS / period);
    tsc = time_steps(&counter, &ticks);
    return tsc ? tsc * (FS_PER_MS / 1000) / ((uint64_t)ticks * period / 1000)
               : 0;
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
