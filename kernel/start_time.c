/* SPDX-License-Identifier: BSD-2-Clause */
/* The rate of the TSC. */
#include "kernel/start.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/timer.h"
#include "drivers/clock.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/run.h"

void start_time(void)
{
    uint64_t rate =
        start.acpi.pm_timer ? clock_measure_pm_timer(start.acpi.pm_timer) : 0;
    const char *by = "the ACPI PM timer";
    struct cpuid top = cpuid(0, 0);

    if (!rate) {
        rate = clock_measure_pit();
        by = "the PIT";
    }
    if (!rate && top.eax >= 0x16) {
        rate = cpuid(0x16, 0).eax * 1000ul;
        by = "CPUID (no clock to measure with)";
    }
    if (!rate) {
        panic("no clock: neither a PM timer, nor a PIT, nor CPUID leaf 0x16");
    }
    log_info("time: TSC %lu kHz by %s", rate, by);
    if (top.eax >= 0x16 && cpuid(0x16, 0).eax) {
        uint64_t claimed = cpuid(0x16, 0).eax * 1000ul;

        if (claimed > rate + rate / 100 || claimed + claimed / 100 < rate) {
            log_warn("time: CPUID claims %lu kHz; the measurement counts",
                     claimed);
        }
    }
    timer_init(rate);
    run_slice = start.config.slice_ms * tsc_per_ms;
}
