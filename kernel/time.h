/* SPDX-License-Identifier: BSD-2-Clause */
/* Host time for those who may not ask the processor. */
#ifndef KERNEL_TIME_H
#define KERNEL_TIME_H

#include <stdint.h>

/* The host TSC. */
uint64_t time_now(void);

/* TSC ticks a millisecond. */
uint64_t time_per_ms(void);

static inline uint64_t time_to_ms(uint64_t ticks)
{
    return ticks / time_per_ms();
}

#endif
