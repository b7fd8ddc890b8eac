/* SPDX-License-Identifier: BSD-2-Clause */
/* How fast TSC and local APIC timer run. */
#ifndef GUESTS_LIB_CLOCK_H
#define GUESTS_LIB_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Find the rates: CPUID leaf 0x15 in a guest of the hypervisor, else the
 * PIT, since emulators' leaves do not tell the truth. Needs apic_init().
 */
void clock_init(void);

/* TSC ticks and local APIC timer counts (at divide 16) per millisecond. */
uint32_t clock_tsc_khz(void);
uint32_t clock_timer_khz(void);

/* The TSC, ms milliseconds from now. */
uint64_t clock_after(uint32_t ms);

/* Milliseconds in a stretch of the TSC. */
uint32_t clock_ms(uint64_t ticks);

/* Does the processor offer the TSC-deadline timer? x2APIC mode? */
bool clock_has_deadline(void);
bool clock_has_x2apic(void);

#endif
