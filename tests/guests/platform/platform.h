/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of the machine, each looked at by one function. */
#ifndef GUESTS_PLATFORM_PLATFORM_H
#define GUESTS_PLATFORM_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

void platform_uart(void);
void platform_ports(void);
void platform_cmos(void);
void platform_ioapic(void);
void platform_lapic(void);
void platform_timer(void);
void platform_x2apic(void); /* for good: the last of all */
void platform_cpuid(void);
void platform_msr(void);
void platform_control(void);
void platform_debug(void);
void platform_fpu(void);
void platform_memory(void);
void platform_paging(void);
void platform_long(void);
void platform_host(void);

/* Interrupts on vectors 0x50-0x6F are counted and their order noted. */
#define PLATFORM_VECTOR 0x50u
#define PLATFORM_ORDER  16u

extern volatile uint32_t platform_taken;
extern volatile uint32_t platform_order[PLATFORM_ORDER];
extern volatile uint64_t platform_when; /* TSC of the last one */

/* Forget what came so far. */
void platform_forget(void);

/* With interrupts on, wait for n of them, ms at most; off again. */
bool platform_wait(uint32_t n, uint32_t ms);

#endif
