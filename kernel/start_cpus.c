/* SPDX-License-Identifier: BSD-2-Clause */
/* All logical CPUs, and what they can. */
#include "ft/page_copy.h"
#include "ft/pages.h"
#include "kernel/start.h"

#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/mca/mca.h"
#include "arch/x86_64/percpu.h"
#include "arch/x86_64/smp.h"
#include "kernel/bank_watch.h"
#include "kernel/crc32c.h"
#include "kernel/event.h"
#include "kernel/fact.h"
#include "kernel/watchdog.h"

/* A CPU without CR4.MCE turns a machine check that is sent to all into a
 * shutdown (SDM vol. 3, 15.3). */
#define COST "a broadcast #MC resets all"

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
            fact_error("cpu", "APIC id %u does not start: " COST,
                       start.acpi.cpus[i]);
            failed++;
        }
    }
    if (start.acpi.cpus_ignored) {
        fact_warn("cpu", "%u more than %u are left: " COST,
                  start.acpi.cpus_ignored, ACPI_CPUS_MAX);
    }
    fact_info("cpu", "%u running, %u failed; cpu0 runs guests", cpu_count,
              failed);
    event_begin(&event, "cpu");
    event_number(&event, "running", cpu_count);
    event_number(&event, "failed", failed);
    event_end(&event);
}

void start_mca(void)
{
    struct mca_capability mca = mca_capability();

    if (!mca.present) {
        fact_warn("mca", "none: only injected machine checks are seen");
        return;
    }
    fact_info("mca", "%u banks, recovery %s, local %s", mca.banks,
              mca.recovery ? "yes" : "no", mca.local ? "yes" : "no");
    bank_watch_start();
}

void start_crc32c(void)
{
    bool instruction = cpuid(1, 0).ecx & 1u << 20; /* SSE4.2 */

    crc32c_init(instruction);
    if (instruction) {
        fact_info("crc32c", "by instruction");
    } else {
        fact_warn("crc32c", "by tables: snapshots take longer");
    }
}

void start_page_copy(void)
{
    bool erms = cpuid(0, 0).eax >= 7 && cpuid(7, 0).ebx & 1u << 9;
    struct page_copy_ticks ticks = page_copy_choose(erms);

    fact_info("copy", "rep movs%c; a page by movsq %lu ticks, by movsb %lu%s",
              page_copy_by_bytes ? 'b' : 'q', ticks.words, ticks.bytes,
              erms ? " (ERMS)" : ", no ERMS");
}

void start_watchdog(void)
{
    watchdog_init(start.acpi.irq_gsi[0], start.config.force_missing);
}
