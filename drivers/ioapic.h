/* SPDX-License-Identifier: BSD-2-Clause */
/* This machine's first I/O APIC. */
#ifndef DRIVERS_IOAPIC_H
#define DRIVERS_IOAPIC_H

#include <stdint.h>

/* Maps it and masks every pin. How many it has; -ENODEV. */
int ioapic_host_open(uint64_t physical);

/* Sends an edge-triggered pin to a vector of one CPU. -EINVAL: no such pin. */
int ioapic_host_route(uint32_t pin, uint8_t vector, uint32_t apic_id);

/* The same, as an NMI. */
int ioapic_host_route_nmi(uint32_t pin, uint32_t apic_id);

/* Nothing comes from that pin any more; one that is not there is ignored. */
void ioapic_host_mask(uint32_t pin);

#endif
