/* SPDX-License-Identifier: BSD-2-Clause */
/* Kinds of work, each of which checks itself: false where it went wrong. */
#ifndef GUESTS_BUSY_BUSY_H
#define GUESTS_BUSY_BUSY_H

#include <stdbool.h>
#include <stdint.h>

#define BUSY_TIMER 0x40u
#define BUSY_IPI   0x51u /* and 0x61, 0x71: one of each priority */
#define BUSY_UART  0x48u

/* Once, before the first round. */
void busy_memory_start(uint32_t kib);
void busy_interrupts_start(void);
void busy_debug_start(void);
void busy_moments_start(void);

/* Single-step traps so far. */
uint32_t busy_steps(void);

bool busy_memory(uint32_t round);
bool busy_pages(uint32_t round);
bool busy_code(uint32_t round);
bool busy_fpu(uint32_t round);
bool busy_debug(uint32_t round);
bool busy_step(uint32_t round);
bool busy_ipis(uint32_t round);
bool busy_timer(uint32_t round);
bool busy_uart(uint32_t round);
bool busy_msrs(uint32_t round);
bool busy_devices(uint32_t round);
bool busy_long(uint32_t round);
bool busy_nmi(uint32_t round);
bool busy_sti(uint32_t round);
bool busy_mov_ss(uint32_t round);
bool busy_stacks(uint32_t round);

/* From now on, and until so many restores are counted, soak_point() may ask
 * for a snapshot or end in a crime. Does nothing before. */
void soak_start(uint32_t restores);
void soak_point(void);
bool soak_over(void);

/* Two snapshots, the second right before a crime: only the first one helps. */
void soak_doomed(void);

/* Has the TSC gone on, as this guest remembers it? */
bool busy_clock(uint32_t round);

#endif
