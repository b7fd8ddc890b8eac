/* SPDX-License-Identifier: BSD-2-Clause */
/* This machine's local APICs. */
#ifndef ARCH_APIC_H
#define ARCH_APIC_H

#include <stdbool.h>
#include <stdint.h>

/* Turns on this CPU's local APIC, in x2APIC mode where there is one.
 * physical: the registers' address from ACPI, for xAPIC mode. 0; -ENODEV
 * when there is none, or firmware left it disabled. */
int apic_enable(uint64_t physical);
uint32_t apic_id(void);

/* Its mode, for the start-up log. */
const char *apic_describe(void);

/* Is it the id of one CPU, in this mode? All ones mean all CPUs, and in xAPIC
 * mode only eight bits are sent (SDM vol. 3, 11.6.1 and 11.12.9). */
bool apic_reaches(uint32_t id);

void apic_end_of_interrupt(void);

/* Interprocessor interrupts to one CPU by its APIC id. */
void apic_send_init(uint32_t id);
void apic_send_startup(uint32_t id, uint8_t page);

void apic_send_nmi(uint32_t id);

/* Stops whatever the other CPUs do; for panics. */
void apic_send_nmi_to_others(void);

/* The timer register of the local APIC; see timer.c. */
void apic_timer_deadline_mode(uint8_t vector);
void apic_timer_count(uint8_t vector, uint32_t count);
uint32_t apic_timer_remaining(void);

#endif
