/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one accessor of machine-check MSRs. An injection lays its values over
 * the hardware's, on one CPU, until the machine check was handled.
 */
#ifndef ARCH_MCA_OVERLAY_H
#define ARCH_MCA_OVERLAY_H

#include <stdbool.h>
#include <stdint.h>

/* Banks that are looked at; MCG_CAP can name 255, no processor has more
 * than these. */
#define MCA_BANKS_MAX 32

/* Finds which of them this CPU has, once, given its MCG_CAP: reading one that
 * is not there costs an exception, in the midst of a recovery. Until then it
 * has none. */
void mca_msr_find(uint64_t capability);

/* 0 where neither the overlay nor the hardware has the MSR. */
uint64_t mca_msr_read(uint32_t msr);
void mca_msr_write(uint32_t msr, uint64_t value);

bool mca_overlay_active(void);
void mca_overlay_drop(void);

#endif
