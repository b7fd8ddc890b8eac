/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A clock that interrupts one CPU by NMI, whatever that CPU does: channel 0
 * of the PIT, through an I/O APIC pin in NMI delivery mode.
 */
#ifndef DRIVERS_NMI_TIMER_H
#define DRIVERS_NMI_TIMER_H

#include <stdint.h>

#define NMI_TIMER_MAX_US 54000u

/* Routes the PIT's pin (its GSI in ACPI's words) to a CPU. -EINVAL: there is
 * no such pin. Whether NMIs then come is for the caller to try. */
int nmi_timer_open(uint32_t gsi, uint32_t apic_id);

/* Masks it again: no NMI comes from it. */
void nmi_timer_close(uint32_t gsi);

/* One NMI in so many us (rounded up to 215 us, at most NMI_TIMER_MAX_US) in
 * place of one that was still to come. Safe in NMI context, and when an NMI
 * whose handler calls it strikes in here. */
void nmi_timer_arm(uint32_t us);

/* No NMI until it is armed again. */
void nmi_timer_disarm(void);

#endif
