/* SPDX-License-Identifier: BSD-2-Clause */
/* An interrupt on its way from an I/O APIC, or a local APIC's ICR, to the
 * local APICs (SDM vol. 3, 11.6.1 and 11.11). */
#ifndef VMM_DEVICES_APIC_MESSAGE_H
#define VMM_DEVICES_APIC_MESSAGE_H

#include <stdint.h>

enum apic_delivery {
    APIC_FIXED,
    APIC_LOWEST, /* to one of the addressed local APICs */
    APIC_SMI,
    APIC_RESERVED_3,
    APIC_NMI,
    APIC_INIT,
    APIC_STARTUP, /* IPIs only */
    APIC_EXTINT,  /* I/O APIC and LVT only */
};

#define APIC_PHYSICAL 0
#define APIC_LOGICAL  1

/* Every local APIC; the senders widen the xAPIC's 0xff to it. */
#define APIC_BROADCAST 0xffffffffu

struct apic_message {
    uint8_t vector;
    uint8_t delivery_mode; /* enum apic_delivery */
    uint8_t dest_mode;     /* APIC_PHYSICAL or APIC_LOGICAL */
    uint8_t trigger_level; /* 1: level-triggered, the I/O APIC awaits an EOI */
    uint32_t dest;         /* APIC id or logical address; APIC_BROADCAST */
};

#endif
