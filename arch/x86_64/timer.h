/* SPDX-License-Identifier: BSD-2-Clause */
/* Host time: the TSC and this CPU's local APIC timer. */
#ifndef ARCH_TIMER_H
#define ARCH_TIMER_H

#include <stdint.h>

/* TSC ticks a millisecond, measured. */
extern uint64_t tsc_per_ms;

/* Takes the measured rate and measures the local APIC timer where it has no
 * TSC deadlines. Once, on the boot CPU, after apic_enable(). */
void timer_init(uint64_t ticks_per_ms);

/* Prepares this CPU's timer. */
void timer_enable(void);

/* Interrupts this CPU (VECTOR_TIMER) when the TSC reaches deadline; 0 turns
 * the timer off. One deadline at a time. */
void timer_arm(uint64_t deadline);

#endif
