/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The root watchdog: ends an endless loop of ours. An NMI looks whether what
 * this CPU does in root mode should have ended long ago. While a VM is served
 * at depth 0 that VM is abandoned, as for an exception; in the core it is a
 * panic (decision 4), in a core section a second later than at depth 0. Only
 * the boot CPU, which runs the guests, is watched.
 */
#ifndef KERNEL_WATCHDOG_H
#define KERNEL_WATCHDOG_H

#include <stdint.h>

struct cell;
struct monitor;

/* Finds a source of NMIs and tries it, once, on the boot CPU: the PIT, whose
 * pin of the I/O APIC is gsi (unless force_missing is "watchdog-clock"), or
 * else another CPU. */
void watchdog_init(uint32_t gsi, const char *force_missing);

/* What does it: a phrase for people, or NULL when there is no watchdog. */
const char *watchdog_source(void);

/* cpu_catch(), watched: function should be done at end, a host TSC, and is
 * abandoned when it is not by watchdog_patience() later. */
int watchdog_catch(void (*function)(void *), void *argument, uint64_t end,
                   const struct cell *cell);

/* The work under way may take so many TSC ticks more. */
void watchdog_allow(uint64_t ticks);

/* TSC ticks that a stretch of root mode may take beyond its end: 20 ms, and
 * more for a cell of many frames, since some work goes over all of them; all
 * of it 25 times where a hypervisor is below. */
uint64_t watchdog_patience(const struct cell *cell);

/* The longest that any stretch has taken beyond its end, in TSC ticks. */
uint64_t watchdog_longest(void);

/* From here on the core works, for a second at most; from here on it may
 * take any time. Between one VM's turns and the next only: a machine that
 * idles is not woken to be watched, but for one NMI that was armed before. */
void watchdog_core_begins(void);
void watchdog_core_ends(void);

#endif
