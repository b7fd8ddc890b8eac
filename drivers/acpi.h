/* SPDX-License-Identifier: BSD-2-Clause */
/* What Bulkhead needs to know from the host's ACPI tables. */
#ifndef DRIVERS_ACPI_H
#define DRIVERS_ACPI_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/hest.h"

#define ACPI_CPUS_MAX    64
#define ACPI_IRQS_LEGACY 16

struct acpi_info {
    bool found;
    bool extended;                /* the XSDT is used */
    unsigned tables;              /* that it names and that are whole */
    uint32_t cpus[ACPI_CPUS_MAX]; /* APIC ids of usable CPUs */
    unsigned cpu_count;
    unsigned cpus_ignored; /* more than ACPI_CPUS_MAX */
    uint64_t local_apic;   /* physical address */
    uint64_t io_apic;      /* the one that serves GSI 0; 0: none */
    uint32_t irq_gsi[ACPI_IRQS_LEGACY];
    uint16_t pm_timer; /* I/O port; 0: none */
    uint64_t hpet;     /* physical address of its registers; 0: none */
    unsigned segments; /* of PCI that MCFG names; 0: there is no MCFG */
    struct hest_info hest;
};

/* Reads RSDP, RSDT or XSDT, MADT, FADT, HPET, MCFG and HEST. rsdp: the physical
 * address that the boot loader told, or 0 to search the BIOS areas. Tables with
 * a bad checksum or length are skipped, and said; for such an XSDT the RSDT is
 * used. */
void acpi_read(uint64_t rsdp, struct acpi_info *info);

#endif
