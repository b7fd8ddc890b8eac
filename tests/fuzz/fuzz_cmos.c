/* sources: vmm/devices/cmos.c */
/* fuzz: -runs=60000 -max_len=128 */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The CMOS clock: its time beside the C library's, its memory beside what was
 * written to it. */
#include <time.h>

#include "tests/fuzz/fuzz.h"
#include "vmm/devices/cmos.h"

static uint8_t memory[CMOS_SIZE];

static uint8_t get(struct cmos *c, unsigned reg, uint64_t seconds)
{
    cmos_write(c, CMOS_PORT_INDEX, (uint8_t)reg);
    return cmos_read(c, CMOS_PORT_DATA, seconds);
}

/* The number of a time register; -1: it is no time register. */
static int field(unsigned reg, const struct tm *t)
{
    switch (reg) {
    case CMOS_SECONDS:
        return t->tm_sec;
    case CMOS_MINUTES:
        return t->tm_min;
    case CMOS_HOURS:
        return t->tm_hour;
    case CMOS_WEEKDAY:
        return t->tm_wday + 1;
    case CMOS_DAY:
        return t->tm_mday;
    case CMOS_MONTH:
        return t->tm_mon + 1;
    case CMOS_YEAR:
        return (int)((t->tm_year + 1900ll) % 100);
    case CMOS_CENTURY:
        return (int)((t->tm_year + 1900ll) / 100 % 100);
    default:
        return -1;
    }
}

static void check_all(struct cmos *c, uint64_t seconds)
{
    time_t time = (time_t)seconds;
    bool binary = memory[CMOS_STATUS_B] & CMOS_B_BINARY;
    struct tm t;

    require(gmtime_r(&time, &t) != NULL);
    for (unsigned reg = 0; reg < CMOS_SIZE; reg++) {
        int want = field(reg, &t);

        if (want < 0)
            want = memory[reg];
        else if (!binary)
            want = want / 10 * 16 + want % 10;
        require(get(c, reg, seconds) == want);
    }
}

static uint64_t number(struct cmos *c, unsigned reg, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)get(c, reg + i, 0) << 8 * i;
    return value;
}

static void check_size(uint64_t told, uint64_t bytes, uint64_t floor,
                       uint64_t unit, uint64_t max)
{
    uint64_t units = bytes > floor ? (bytes - floor) / unit : 0;

    require(told == (units > max ? max : units));
}

static void check_reset(struct cmos *c, uint64_t low, uint64_t high)
{
    memset(c, 0xa5, sizeof(*c));
    cmos_reset(c, low, high);
    require(number(c, CMOS_BASE_KIB, 2) == 640);
    check_size(number(c, CMOS_EXT_KIB, 2), low, 1 << 20, 1024, 0xffff);
    check_size(number(c, CMOS_EXT_KIB_2, 2), low, 1 << 20, 1024, 0xffff);
    check_size(number(c, CMOS_EXT_64KIB, 2), low, 1 << 24, 65536, 0xffff);
    check_size(number(c, CMOS_HIGH_64KIB, 3), high, 0, 65536, 0xffffff);
    memcpy(memory, c->memory, sizeof(memory));
    require(memory[CMOS_STATUS_C] == 0);
    require(memory[CMOS_STATUS_D] == CMOS_D_VALID);
}

/* What is left of a write, by the header's words. */
static void put(struct cmos *c, uint8_t value)
{
    unsigned reg = c->index;

    cmos_write(c, CMOS_PORT_DATA, value);
    if (reg == CMOS_STATUS_A)
        memory[reg] = value & 0x7f;
    else if (reg == CMOS_STATUS_B) /* no interrupt is ever enabled */
        memory[reg] = (value & ~0x70) | CMOS_B_24H;
    else if (reg != CMOS_STATUS_C && reg != CMOS_STATUS_D)
        memory[reg] = value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    uint64_t low = take_number(&in), high = take_number(&in);
    struct cmos c;

    check_reset(&c, low, high);
    while (in.left) {
        unsigned what = (unsigned)take(&in, 1);
        uint8_t value = (uint8_t)take(&in, 1);
        uint16_t port = (uint16_t)take(&in, 1);

        if (what % 8 == 0) /* years of no more than 31 bits */
            check_all(&c, take_number(&in) % (1ull << 55));
        else if (what % 2)
            cmos_write(&c, CMOS_PORT_INDEX, value);
        else
            put(&c, value);
        if (port != CMOS_PORT_INDEX && port != CMOS_PORT_DATA)
            cmos_write(&c, port, value);
        require(c.index < CMOS_SIZE);
        require(port == CMOS_PORT_DATA || cmos_read(&c, port, 0) == 0xff);
    }
    check_all(&c, 0);
    return 0;
}
