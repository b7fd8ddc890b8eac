/* SPDX-License-Identifier: BSD-2-Clause */
/* All logical CPUs, and what they see of machine checks. */
#include "kernel/start.h"

#include "arch/x86_64/apic.h"
#include "arch/x86_64/mca/mca.h"
#include "arch/x86_64/percpu.h"
#include "arch/x86_64/smp.h"
#include "kernel/event.h"
#include "kernel/log.h"
#include "kernel/watchdog.h"

void start_cpus(void)
{
    uint32_t self = apic_id();
    unsigned failed = 0;
    struct event event;

    this_cpu()->apic_id = self;
    mca_enable();
    smp_use_start_page(boot_info_low_page(&start.boot));
    for (unsigned i = 0; i < start.acpi.cpu_count; i++) {
        if (start.acpi.cpus[i] != self && smp_start(start.acpi.cpus[i])) {
            log_error("cpu: APIC id %u does not start; a machine check that "
                      "is broadcast will reset the machine",
                      start.acpi.cpus[i]);
            failed++;
        }
    }
    log_info("cpu: %u running, %u failed; cpu0 runs guests", cpu_count, failed);
    event_begin(&event, "cpu");
    event_number(&event, "running", cpu_count);
    event_number(&event, "failed", failed);
    event_end(&event);
}

void start_mca(void)
{
    struct mca_capability mca = mca_capability();

    if (!mca.present) {
        log_warn("mca: none: real machine checks are not seen; injected ones "
                 "are");
        return;
    }
    log_info("mca: %u banks, recovery %s, local %s%s", mca.banks,
             mca.recovery ? "yes" : "no", mca.local ? "yes" : "no",
             start.acpi.firmware_first ? ", firmware first" : "");
}

void start_watchdog(void)
{
    watchdog_init(start.acpi.irq_gsi[0], start.config.force_missing);
}
