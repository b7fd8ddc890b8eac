/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of the things that tell the TSC's rate is to be believed. */
#ifndef KERNEL_TSC_RATE_H
#define KERNEL_TSC_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* In kHz; 0: does not tell, or is not there. */
struct tsc_clues {
    uint64_t pm_timer, hpet, pit; /* measured against these */
    uint64_t crystal;             /* CPUID leaf 0x15 */
    uint64_t hypervisor;          /* CPUID leaf 0x40000010 */
    uint64_t base;                /* CPUID leaf 0x16: the nominal frequency */
};

struct tsc_rate {
    uint64_t khz;
    const char *by;   /* what it comes from */
    bool measured;    /* not only claimed */
    uint64_t claimed; /* what CPUID says instead, more than 1 % off; or 0 */
};

/* A measurement counts before any claim; of the claims, the exact ones before
 * the nominal frequency. 0; -ENODEV when nothing tells. */
int tsc_rate_choose(const struct tsc_clues *clues, struct tsc_rate *rate);

/* CPUID leaf 0x15 as kHz (SDM vol. 2A, CPUID): the crystal's Hz times
 * numerator by denominator. 0 when a part of it is 0. */
uint64_t tsc_rate_by_crystal(uint32_t denominator, uint32_t numerator,
                             uint32_t hz);

#endif
