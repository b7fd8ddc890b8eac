/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86_64/timer.h"

#include <stdbool.h>

#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/interrupt.h"
#include "arch/x86_64/msr.h"

uint64_t tsc_per_ms;

static bool by_deadline;
static uint64_t counts_per_ms; /* of the local APIC timer, without deadlines */

void timer_init(uint64_t ticks_per_ms)
{
    tsc_per_ms = ticks_per_ms;
    by_deadline = cpuid(1, 0).ecx & (1u << 24);
    if (!by_deadline) {
        uint64_t end = rdtsc() + ticks_per_ms;

        apic_timer_count(VECTOR_SPURIOUS, UINT32_MAX);
        while (rdtsc() < end) {
            cpu_pause();
        }
        counts_per_ms = UINT32_MAX - apic_timer_remaining();
        apic_timer_count(VECTOR_SPURIOUS, 0);
    }
    timer_enable();
}

void timer_enable(void)
{
    if (by_deadline) {
        apic_timer_deadline_mode(VECTOR_TIMER);
    }
}

void timer_arm(uint64_t deadline)
{
    uint64_t now, count;

    if (by_deadline) {
        wrmsr(MSR_TSC_DEADLINE, deadline);
        return;
    }
    now = rdtsc();
    count = deadline > now ? (deadline - now) * counts_per_ms / tsc_per_ms : 1;
    count = count == 0 ? 1 : count > UINT32_MAX ? UINT32_MAX : count;
    apic_timer_count(VECTOR_TIMER, deadline ? (uint32_t)count : 0);
}
