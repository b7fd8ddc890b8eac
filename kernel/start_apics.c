/* SPDX-License-Identifier: BSD-2-Clause */
/* Firmware's tables, and the interrupt controllers that they name. */
#include "kernel/start.h"

#include "arch/x86_64/apic.h"
#include "drivers/ioapic.h"
#include "drivers/pic.h"
#include "kernel/log.h"
#include "kernel/panic.h"

void start_acpi(void)
{
    acpi_read(start.boot.rsdp, &start.acpi);
    if (start.acpi.found) {
        log_info("acpi: %s, %u CPUs",
                 start.boot.rsdp ? "told by the loader" : "found in BIOS",
                 start.acpi.cpu_count);
    } else {
        log_warn("acpi: no tables: other CPUs are not known, and no I/O APIC");
    }
}

void start_apics(void)
{
    if (apic_enable(start.acpi.local_apic)) {
        panic("firmware left the local APIC off");
    }
    pic_disable(); /* the I/O APIC is used */
    ioapic_host_open(start.acpi.io_apic);
}
