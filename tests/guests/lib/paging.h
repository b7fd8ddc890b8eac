/* SPDX-License-Identifier: BSD-2-Clause */
/* 32-bit paging, everything in place but one window; and long mode. */
#ifndef GUESTS_LIB_PAGING_H
#define GUESTS_LIB_PAGING_H

#include <stdbool.h>
#include <stdint.h>

/* A 4 MiB stretch of addresses whose pages paging_window() sets. */
#define WINDOW 0x40000000u

/* Where long mode finds host-physical 576 GiB, beyond the promised hole. */
#define LONG_HIGH    0x100000000ull

#define PTE_PRESENT  0x001u
#define PTE_WRITE    0x002u
#define PTE_ACCESSED 0x020u
#define PTE_DIRTY    0x040u
#define PTE_LARGE    0x080u

/* Switch 32-bit paging on (4 MiB pages, WP) or off. */
void paging_on(void);
void paging_off(void);

/* The entry of the window's page number page (0..1023). */
volatile uint32_t *paging_window(uint32_t page);

/* Does the processor have long mode? */
bool long_mode_available(void);

/*
 * Call 64-bit code with argument in RDI, with interrupts off and all of
 * 4 GiB in place; paging and EFER are as before when it returns its EAX.
 */
uint32_t long_mode_call(const void *code, void *argument);

/* long_mode_call() without making the tables first. */
uint32_t long_mode_enter(const void *code, void *argument);

#endif
