/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/tsc_rate.h"

#include "kernel/errno.h"

uint64_t tsc_rate_by_crystal(uint32_t denominator, uint32_t numerator,
                             uint32_t hz)
{
    return denominator ? (uint64_t)hz * numerator / denominator / 1000 : 0;
}

static bool far_apart(uint64_t a, uint64_t b)
{
    return a > b + b / 100 || b > a + a / 100;
}

int tsc_rate_choose(const struct tsc_clues *clues, struct tsc_rate *rate)
{
    const struct {
        uint64_t khz;
        const char *by;
        bool measured;
    } order[] = {
        {clues->pm_timer, "the ACPI PM timer", true},
        {clues->hpet, "the HPET", true},
        {clues->pit, "the PIT", true},
        {clues->crystal, "CPUID 0x15", false},
        {clues->hypervisor, "CPUID 0x40000010", false},
        {clues->base, "CPUID 0x16", false},
    };
    unsigned count = sizeof(order) / sizeof(order[0]), i = 0;

    while (i < count && order[i].khz == 0) {
        i++;
    }
    if (i == count) {
        return -ENODEV;
    }
    *rate = (struct tsc_rate){order[i].khz, order[i].by, order[i].measured, 0};
    for (i = 0; i < count && rate->claimed == 0; i++) {
        if (!order[i].measured && order[i].khz &&
            far_apart(order[i].khz, rate->khz)) {
            rate->claimed = order[i].khz;
        }
    }
    return 0;
}
