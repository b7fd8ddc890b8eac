/* SPDX-License-Identifier: BSD-2-Clause */
/* Local APIC (either mode) and I/O APIC. */
#ifndef GUESTS_LIB_APIC_H
#define GUESTS_LIB_APIC_H

#include <stdbool.h>
#include <stdint.h>

#define LAPIC_BASE  0xFEE00000u
#define IOAPIC_BASE 0xFEC00000u

/* Register offsets, SDM vol. 3, table 11-1. */
#define APIC_ID           0x020u
#define APIC_VERSION      0x030u
#define APIC_TPR          0x080u
#define APIC_PPR          0x0A0u
#define APIC_EOI          0x0B0u
#define APIC_LDR          0x0D0u
#define APIC_DFR          0x0E0u
#define APIC_SVR          0x0F0u
#define APIC_ISR          0x100u
#define APIC_IRR          0x200u
#define APIC_ICR_LOW      0x300u
#define APIC_ICR_HIGH     0x310u
#define APIC_LVT_TIMER    0x320u
#define APIC_LVT_LINT0    0x350u
#define APIC_LVT_LINT1    0x360u
#define APIC_LVT_ERROR    0x370u
#define APIC_INITIAL      0x380u
#define APIC_CURRENT      0x390u
#define APIC_DIVIDE       0x3E0u

#define APIC_LVT_MASKED   (1u << 16)
#define APIC_LVT_PERIODIC (1u << 17)
#define APIC_LVT_DEADLINE (2u << 17)
#define APIC_ICR_SELF     (1u << 18)
#define APIC_ICR_BUSY     (1u << 12)
#define APIC_ICR_NMI      (4u << 8)
#define APIC_SPURIOUS     0xFFu

#define X2APIC_MSR        0x800u
#define X2APIC_SELF_IPI   0x83Fu

#define IOAPIC_ID         0x00u
#define IOAPIC_VERSION    0x01u
#define IOAPIC_ROUTE      0x10u /* two registers a pin */
#define IOAPIC_MASKED     (1u << 16)
#define IOAPIC_LEVEL      (1u << 15)

/* Enable the local APIC by software; timer and LINT pins masked. */
void apic_init(void);

/* Go over to x2APIC mode, for good. */
void apic_to_x2(void);

/* One register by its xAPIC offset, in whichever mode. */
uint32_t apic_read(uint32_t offset);
void apic_write(uint32_t offset, uint32_t value);

/* End of interrupt. */
void apic_eoi(void);

/* Is vector's bit set in the 256-bit register at offset (ISR or IRR)? */
bool apic_bit(uint32_t offset, uint32_t vector);

/* This processor's APIC id. */
uint32_t apic_id(void);

/* An interrupt to ourselves. */
void apic_self_ipi(uint32_t vector);

/* The timer: count at crystal / 16, once or for ever; 0 stops it. */
void apic_timer(uint32_t vector, uint32_t count, bool periodic);

/* The timer in TSC-deadline mode; 0 disarms it. */
void apic_deadline(uint32_t vector, uint64_t tsc);

uint32_t ioapic_read(uint32_t index);
void ioapic_write(uint32_t index, uint32_t value);

/* Route pin to vector here, edge-triggered, active high; 0 masks it. */
void ioapic_route(uint32_t pin, uint32_t vector);

#endif
