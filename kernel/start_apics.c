/* SPDX-License-Identifier: BSD-2-Clause */
/* Firmware's tables, and the interrupt controllers that they name. */
#include "kernel/start.h"

#include "arch/x86_64/apic.h"
#include "drivers/ioapic.h"
#include "drivers/pic.h"
#include "kernel/fact.h"

static void tell_hest(const struct hest_info *hest)
{
    if (!hest->sources) {
        fact_info("hest", "none: errors come to us first");
    } else if (hest->machine_checks_first) {
        fact_warn("hest", "firmware first: it may hide machine checks from us");
    } else if (hest->corrected_first) {
        fact_warn("hest", "firmware first: we do not see corrected errors");
    } else {
        fact_info("hest", "%u sources, machine checks come to us first",
                  hest->sources);
    }
    if (hest->generic) {
        fact_warn("hest", "%u sources report to memory, which is not read",
                  hest->generic);
    }
}

/* Beyond the first segment lies what start_pci() did not reach. */
static void tell_segments(unsigned segments)
{
    if (segments > 1) {
        fact_warn("mcfg", "%u PCI segments beyond the first: their DMA goes on",
                  segments - 1);
    } else {
        fact_info("mcfg", "%s", segments ? "one PCI segment" : "none");
    }
}

void start_acpi(void)
{
    const struct acpi_info *acpi = &start.acpi;

    acpi_read(start.boot.rsdp, &start.acpi);
    if (acpi->found) {
        fact_info("acpi", "%s, %u tables", acpi->extended ? "XSDT" : "RSDT",
                  acpi->tables);
    } else {
        fact_warn("acpi", "none: one CPU, serial lines are polled");
    }
    tell_hest(&acpi->hest);
    tell_segments(acpi->segments);
}

static void open_local_apic(void)
{
    static const struct cpu_missing no_apic = {
        .name = "the local APIC",
        .bit = -1,
        .hint = "switch it on in the firmware's set-up, then power-cycle",
    };

    if (apic_enable(start.acpi.local_apic)) {
        start_refuse(&no_apic);
    }
    fact_info("apic", "%s", apic_describe());
}

void start_apics(void)
{
    int pins;

    open_local_apic();
    pic_disable(); /* the I/O APIC is used */
    pins = ioapic_host_open(start.acpi.io_apic);
    if (pins > 0) {
        fact_info("ioapic", "%u pins at 0x%lx", (unsigned)pins,
                  start.acpi.io_apic);
    } else {
        fact_warn("ioapic", "none: serial lines are polled");
    }
}
