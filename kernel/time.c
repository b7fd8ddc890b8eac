/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/time.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/timer.h"

uint64_t time_now(void)
{
    return rdtsc();
}

uint64_t time_per_ms(void)
{
    return tsc_per_ms;
}
