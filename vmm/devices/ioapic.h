/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An I/O APIC with 24 pins (Intel 82093AA data sheet). Version 0x11, without
 * an EOI register: local APICs here always broadcast EOIs, so that a guest
 * needs none.
 */
#ifndef VMM_DEVICES_IOAPIC_H
#define VMM_DEVICES_IOAPIC_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/devices/apic_message.h"

#define IOAPIC_BASE    0xfec00000u
#define IOAPIC_PINS    24
#define IOAPIC_VERSION 0x11

#define IOAPIC_REGSEL  0x00
#define IOAPIC_WIN     0x10

/* Registers behind the window. */
#define IOAPIC_REG_ID      0x00 /* 27:24 */
#define IOAPIC_REG_VERSION 0x01
#define IOAPIC_REG_ARB     0x02
#define IOAPIC_REG_RTE     0x10 /* two for each pin, low half first */

/* A redirection table entry. */
#define IOAPIC_RTE_VECTOR     0xffull
#define IOAPIC_RTE_MODE_SHIFT 8
#define IOAPIC_RTE_LOGICAL    (1ull << 11)
#define IOAPIC_RTE_PENDING    (1ull << 12) /* delivery status, read-only */
#define IOAPIC_RTE_LOW        (1ull << 13) /* polarity: kept, no effect */
#define IOAPIC_RTE_REMOTE_IRR (1ull << 14) /* read-only */
#define IOAPIC_RTE_LEVEL      (1ull << 15)
#define IOAPIC_RTE_MASKED     (1ull << 16)
#define IOAPIC_RTE_DEST_SHIFT 56

struct ioapic {
    uint64_t rte[IOAPIC_PINS];
    uint32_t id;     /* as the register shows it */
    uint32_t pins;   /* bit n: pin n is asserted */
    uint32_t edges;  /* bit n: an edge of pin n waits for ioapic_next() */
    uint32_t select; /* IOREGSEL, 7:0 */
};

/* All pins masked and not asserted. */
void ioapic_reset(struct ioapic *io);

/* The guest reads size bytes at offset from the base. Bytes outside the two
 * registers read 0; a size other than 1, 2, 4 or 8 reads 0. */
uint64_t ioapic_read(const struct ioapic *io, uint64_t offset, unsigned size);

/* The guest writes. IOREGSEL takes its lowest byte from an access of 1, 2 or 4
 * bytes, IOWIN only 4 bytes at once; anything else is ignored. */
void ioapic_write(struct ioapic *io, uint64_t offset, unsigned size,
                  uint64_t value);

/* Asserts or drops a pin, whichever polarity the guest chose. An edge of a
 * masked pin is lost (82093AA, 3.2.4). Pins from IOAPIC_PINS on: ignored. */
void ioapic_set_pin(struct ioapic *io, unsigned pin, bool level);

/* A local APIC ended a level-triggered interrupt: its pins may send again. */
void ioapic_eoi(struct ioapic *io, uint8_t vector);

/* Takes the next message to deliver; false when there is none. Between two
 * other calls it is true at most IOAPIC_PINS times. Call it until false after
 * every write, ioapic_set_pin() and ioapic_eoi(). */
bool ioapic_next(struct ioapic *io, struct apic_message *out);

#endif
