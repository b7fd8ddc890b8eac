/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/devices/cmos.h"

#include <stdbool.h>

#include "kernel/string.h"

#define SECONDS_A_DAY 86400u

/* From 0000-03-01 to 1970-01-01, and the length of the calendar's cycle. */
#define EPOCH_DAYS     719468u
#define DAYS_400_YEARS 146097u
#define DAYS_100_YEARS 36524u
#define DAYS_4_YEARS   1461u
#define DAYS_A_YEAR    365u

#define KIB            1024u
#define MIB            (1024u * KIB)
#define KIB_64         (64u * KIB)
#define MIB_16         (16u * MIB)
#define BASE_KIB       640u

#define A_WRITABLE     0x7f
/* SET, square wave, binary and daylight saving; no interrupt enables, so that
 * a driver sees that there are none. */
#define B_WRITABLE 0x8d

struct date {
    uint64_t year;
    unsigned month; /* 1-12 */
    unsigned day;   /* 1-31 */
};

static unsigned min_unsigned(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/*
 * The Gregorian date of a day since 1970-01-01. Years are counted from March,
 * so that the leap day is the last of a year, of four years and of the cycle;
 * the last year and century of a cycle are a day longer than the others.
 */
static struct date date_of(uint64_t days)
{
    uint64_t since = days + EPOCH_DAYS;
    unsigned rest = (unsigned)(since % DAYS_400_YEARS);
    unsigned century = min_unsigned(rest / DAYS_100_YEARS, 3);
    unsigned four, year, month;

    rest -= century * DAYS_100_YEARS;
    four = rest / DAYS_4_YEARS;
    rest -= four * DAYS_4_YEARS;
    year = min_unsigned(rest / DAYS_A_YEAR, 3);
    rest -= year * DAYS_A_YEAR;
    /* From March on, five months in a row always have 153 days. */
    month = (5 * rest + 2) / 153;
    return (struct date){
        .year = since / DAYS_400_YEARS * 400 + century * 100 + four * 4 + year +
                (month >= 10),
        .month = month < 10 ? month + 3 : month - 9,
        .day = rest - (153 * month + 2) / 5 + 1,
    };
}

static bool is_time(unsigned reg)
{
    switch (reg) {
    case CMOS_SECONDS:
    case CMOS_MINUTES:
    case CMOS_HOURS:
    case CMOS_WEEKDAY:
    case CMOS_DAY:
    case CMOS_MONTH:
    case CMOS_YEAR:
    case CMOS_CENTURY:
        return true;
    default:
        return false;
    }
}

/* The value of a time register, 0-99. */
static unsigned time_field(unsigned reg, uint64_t unix_seconds)
{
    uint64_t days = unix_seconds / SECONDS_A_DAY;
    unsigned second = (unsigned)(unix_seconds % SECONDS_A_DAY);
    struct date date = date_of(days);

    switch (reg) {
    case CMOS_SECONDS:
        return second % 60;
    case CMOS_MINUTES:
        return second / 60 % 60;
    case CMOS_HOURS:
        return second / 3600;
    case CMOS_WEEKDAY: /* 1970-01-01 was a Thursday */
        return (unsigned)((days + 4) % 7) + 1;
    case CMOS_DAY:
        return date.day;
    case CMOS_MONTH:
        return date.month;
    case CMOS_YEAR:
        return (unsigned)(date.year % 100);
    default:
        return (unsigned)(date.year / 100 % 100);
    }
}

static void put_number(struct cmos *c, unsigned reg, unsigned bytes,
                       uint64_t value)
{
    uint64_t max = (1ull << (8 * bytes)) - 1;

    if (value > max)
        value = max;
    for (unsigned i = 0; i < bytes; i++)
        c->memory[reg + i] = (value >> (8 * i)) & 0xff;
}

static uint64_t above(uint64_t bytes, uint64_t floor)
{
    return bytes > floor ? bytes - floor : 0;
}

void cmos_reset(struct cmos *c, uint64_t low, uint64_t high)
{
    memset(c, 0, sizeof(*c));
    c->memory[CMOS_STATUS_A] = CMOS_A_DIVIDER;
    c->memory[CMOS_STATUS_B] = CMOS_B_24H;
    c->memory[CMOS_STATUS_D] = CMOS_D_VALID;
    put_number(c, CMOS_BASE_KIB, 2, BASE_KIB);
    put_number(c, CMOS_EXT_KIB, 2, above(low, MIB) / KIB);
    put_number(c, CMOS_EXT_KIB_2, 2, above(low, MIB) / KIB);
    put_number(c, CMOS_EXT_64KIB, 2, above(low, MIB_16) / KIB_64);
    put_number(c, CMOS_HIGH_64KIB, 3, high / KIB_64);
}

uint8_t cmos_read(const struct cmos *c, uint16_t port, uint64_t unix_seconds)
{
    unsigned reg = c->index % CMOS_SIZE;
    unsigned value;

    if (port != CMOS_PORT_DATA)
        return 0xff;
    if (!is_time(reg))
        return c->memory[reg];
    value = time_field(reg, unix_seconds);
    if (!(c->memory[CMOS_STATUS_B] & CMOS_B_BINARY))
        value = value / 10 * 16 + value % 10;
    return (uint8_t)value;
}

static void write_data(struct cmos *c, unsigned reg, uint8_t value)
{
    if (reg == CMOS_STATUS_C || reg == CMOS_STATUS_D)
        return;
    if (reg == CMOS_STATUS_A)
        value &= A_WRITABLE;
    else if (reg == CMOS_STATUS_B)
        value = (value & B_WRITABLE) | CMOS_B_24H;
    c->memory[reg] = value;
}

void cmos_write(struct cmos *c, uint16_t port, uint8_t value)
{
    if (port == CMOS_PORT_INDEX)
        c->index = value % CMOS_SIZE;
    else if (port == CMOS_PORT_DATA)
        write_data(c, c->index % CMOS_SIZE, value);
}
