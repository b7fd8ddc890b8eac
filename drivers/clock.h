/* SPDX-License-Identifier: BSD-2-Clause */
/* Clocks of known rate, against which the TSC is measured, and wall time. */
#ifndef DRIVERS_CLOCK_H
#define DRIVERS_CLOCK_H

#include <stdint.h>

/* TSC ticks a millisecond, measured over 10 ms; 0 when the clock does not
 * run. port: the ACPI PM timer's; physical: of the HPET's registers. */
uint64_t clock_measure_pm_timer(uint16_t port);
uint64_t clock_measure_hpet(uint64_t physical);
uint64_t clock_measure_pit(void);

/* Seconds since 1970 by the CMOS clock; 0 when it makes no sense. */
uint64_t clock_wall_seconds(void);

#endif
