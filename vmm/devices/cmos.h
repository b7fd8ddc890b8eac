/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CMOS clock and its battery-backed memory (Motorola MC146818A, with the
 * PC's extensions). It shows the wall time that the caller passes in, in UTC
 * and the 24-hour format, raises no interrupt, and cannot be set: what is
 * written to the time is never read back.
 */
#ifndef VMM_DEVICES_CMOS_H
#define VMM_DEVICES_CMOS_H

#include <stdint.h>

#define CMOS_PORT_INDEX 0x70 /* bit 7, the NMI mask, is ignored */
#define CMOS_PORT_DATA  0x71
#define CMOS_SIZE       128

enum cmos_register {
    CMOS_SECONDS = 0x00,
    CMOS_MINUTES = 0x02,
    CMOS_HOURS = 0x04,
    CMOS_WEEKDAY = 0x06, /* 1: Sunday */
    CMOS_DAY = 0x07,
    CMOS_MONTH = 0x08,
    CMOS_YEAR = 0x09,     /* 0-99 */
    CMOS_STATUS_A = 0x0a, /* update-in-progress (bit 7) is never seen */
    CMOS_STATUS_B = 0x0b,
    CMOS_STATUS_C = 0x0c,   /* no interrupt is ever flagged: 0 */
    CMOS_STATUS_D = 0x0d,   /* bit 7: time and memory are valid */
    CMOS_BASE_KIB = 0x15,   /* 16 bits: conventional memory, KiB */
    CMOS_EXT_KIB = 0x17,    /* 16 bits: memory above 1 MiB, KiB */
    CMOS_EXT_KIB_2 = 0x30,  /* the same */
    CMOS_CENTURY = 0x32,    /* for the FADT's century field */
    CMOS_EXT_64KIB = 0x34,  /* 16 bits: above 16 MiB, in 64 KiB */
    CMOS_HIGH_64KIB = 0x5b, /* 24 bits: above 4 GiB, in 64 KiB */
};

#define CMOS_A_DIVIDER 0x26 /* 32768 Hz crystal, 1024 Hz periodic rate */
#define CMOS_B_BINARY  0x04 /* binary, not BCD */
#define CMOS_B_24H     0x02 /* always set */
#define CMOS_D_VALID   0x80

struct cmos {
    uint8_t index; /* 0-127 */
    uint8_t memory[CMOS_SIZE];
};

/* Cleared memory, BCD; tells of low bytes of RAM below 4 GiB and high bytes
 * above it. */
void cmos_reset(struct cmos *c, uint64_t low, uint64_t high);

/* The guest reads a port. unix_seconds is the time now, in seconds since
 * 1970-01-01 UTC. The index port cannot be read back: 0xff, like any port
 * that is not ours. */
uint8_t cmos_read(const struct cmos *c, uint16_t port, uint64_t unix_seconds);

/* The guest writes a port; ports that are not ours are ignored. */
void cmos_write(struct cmos *c, uint16_t port, uint8_t value);

#endif
