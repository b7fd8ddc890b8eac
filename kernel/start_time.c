/* SPDX-License-Identifier: BSD-2-Clause */
/* The rate of the TSC. */
#include "kernel/start.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/timer.h"
#include "drivers/clock.h"
#include "kernel/fact.h"
#include "kernel/run.h"
#include "kernel/tsc_rate.h"

#define HYPERVISOR_LEAVES 0x40000000
#define HYPERVISOR_TSC    0x40000010 /* EAX: kHz, of VMware and KVM */

static void read_claims(struct tsc_clues *clues)
{
    uint32_t top = cpuid(0, 0).eax;
    struct cpuid leaf;

    if (top >= 0x15) {
        leaf = cpuid(0x15, 0);
        clues->crystal = tsc_rate_by_crystal(leaf.eax, leaf.ebx, leaf.ecx);
    }
    if (top >= 0x16) {
        clues->base = (cpuid(0x16, 0).eax & 0xffff) * 1000ul;
    }
    if (cpuid(1, 0).ecx & 1u << 31 &&
        cpuid(HYPERVISOR_LEAVES, 0).eax >= HYPERVISOR_TSC) {
        clues->hypervisor = cpuid(HYPERVISOR_TSC, 0).eax;
    }
}

/* 10 ms for the first clock that runs; the others are not asked. */
static void measure(struct tsc_clues *clues)
{
    if (start.acpi.pm_timer) {
        clues->pm_timer = clock_measure_pm_timer(start.acpi.pm_timer);
    }
    if (!clues->pm_timer && start.acpi.hpet) {
        clues->hpet = clock_measure_hpet(start.acpi.hpet);
    }
    if (!clues->pm_timer && !clues->hpet) {
        clues->pit = clock_measure_pit();
    }
}

/* Does its rate stay as it is (SDM vol. 3, 17.17.1)? */
static bool invariant(void)
{
    return cpuid(0x80000000, 0).eax >= 0x80000007 &&
           cpuid(0x80000007, 0).edx & 1u << 8;
}

static void tell(const struct tsc_rate *rate)
{
    if (rate->measured) {
        fact_info("time", "TSC %lu kHz by %s", rate->khz, rate->by);
    } else {
        fact_warn("time", "TSC %lu kHz by %s: no clock to measure with",
                  rate->khz, rate->by);
    }
    if (rate->claimed) {
        fact_warn("tsc", "CPUID claims %lu kHz, which is not believed",
                  rate->claimed);
    }
    if (invariant()) {
        fact_info("tsc", "invariant");
    } else {
        fact_warn("tsc", "not invariant: power states may bend time");
    }
}

void start_time(void)
{
    static const struct cpu_missing no_clock = {
        .name = "a clock",
        .bit = -1,
        .hint = "no ACPI PM timer, HPET or PIT, and CPUID tells no TSC rate",
    };
    struct tsc_clues clues = {0};
    struct tsc_rate rate;

    measure(&clues);
    read_claims(&clues);
    if (tsc_rate_choose(&clues, &rate)) {
        start_refuse(&no_clock);
    }
    tell(&rate);
    timer_init(rate.khz);
    run_slice = start.config.slice_ms * tsc_per_ms;
}
