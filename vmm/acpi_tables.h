/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ACPI tables of a guest: a hardware-reduced machine with local APICs, one
 * I/O APIC, and the devices of vmm/acpi/dsdt.asl.
 */
#ifndef VMM_ACPI_TABLES_H
#define VMM_ACPI_TABLES_H

#include <stdint.h>

#include "vmm/load.h"

/* The root pointer's GPA, where a PC's operating system looks for it (ACPI
 * 6.4, 5.2.5.1). The tables lie behind it, below 0x100000. */
#define ACPI_RSDP      0xE0000ULL

#define ACPI_VCPUS_MAX 64

/* The DSDT, compiled from vmm/acpi/dsdt.asl by the build; its size in bytes. */
extern const uint8_t acpi_dsdt[];
extern const uint32_t acpi_dsdt_size;

/* Writes RSDP, XSDT, FADT, MADT and DSDT for a machine whose local APICs have
 * the ids 0 to vcpus - 1. Returns 0, -EINVAL when vcpus is not 1 to
 * ACPI_VCPUS_MAX or the DSDT too large, or what the writer returns. */
int acpi_write_tables(const struct guest_writer *w, unsigned vcpus);

#endif
