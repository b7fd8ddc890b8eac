/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ports by which a guest ends itself, or tells that it is dying: ACPI's
 * sleep registers for hardware-reduced machines (ACPI 6.4, 4.8.3.7), the
 * reset control register, the keyboard controller's reset pulse and pvpanic.
 */
#ifndef VMM_DEVICES_POWER_H
#define VMM_DEVICES_POWER_H

#include <stdbool.h>
#include <stdint.h>

#define POWER_PORT_SLEEP_CONTROL 0x600
#define POWER_PORT_SLEEP_STATUS  0x601 /* no wake is ever flagged: 0 */
#define POWER_PORT_RESET         0xcf9
#define POWER_PORT_KBC_DATA      0x60
#define POWER_PORT_KBC_COMMAND   0x64
#define POWER_PORT_PVPANIC       0x505

#define POWER_SLP_EN             0x20 /* write-only */
#define POWER_SLP_TYP_SHIFT      2
#define POWER_SLP_TYP_MASK       0x1c
#define POWER_SLP_TYP_S5         5 /* for the DSDT's _S5 */

/* The value for the FADT's reset register: reset, of the whole machine. */
#define POWER_RESET_VALUE          0x06
#define POWER_RESET_CPU            0x04 /* the bit that pulls the line */
#define POWER_RESET_TYPE           0x0a /* the bits that choose how; read back */

#define POWER_KBC_PULSE_RESET      0xfe

#define POWER_PVPANIC_PANICKED     0x01
#define POWER_PVPANIC_CRASH_LOADED 0x02
#define POWER_PVPANIC_SUPPORTED    0x03

enum power_event {
    POWER_NOTHING,
    POWER_OFF,
    POWER_RESET,
    POWER_PANICKED,     /* the guest's kernel panicked */
    POWER_CRASH_LOADED, /* it panicked and goes on in a crash kernel */
};

struct power {
    uint8_t sleep_control; /* SLP_TYP as last written */
    uint8_t reset_control; /* POWER_RESET_TYPE as last written */
};

void power_reset(struct power *p);

/* True for the ports named above. */
bool power_owns(uint16_t port);

/* The guest reads size bytes (1, 2, 4; else taken as 1) from port on. False,
 * with *v all ones, when the first port is not ours; later bytes that are not
 * read 0xff. Bytes of *v above size are 0. */
bool power_read(const struct power *p, uint16_t port, unsigned size,
                uint32_t *v);

/* The guest writes port; only the lowest byte counts. */
enum power_event power_write(struct power *p, uint16_t port, uint32_t value);

#endif
