/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The run queue of each pCPU. A runnable is anything that takes turns: a
 * vCPU, or the ft layer's work on a stopped VM, which uses that VM's turns so
 * that no other VM waits longer. Between two turns is the safe point.
 */
#ifndef KERNEL_RUN_H
#define KERNEL_RUN_H

#include <stdbool.h>
#include <stdint.h>

struct cell;

#define RUN_NEVER UINT64_MAX

struct runnable {
    const char *name;
    struct cell *cell; /* loaded before run is called */
    uint16_t vcpu;     /* index, for fault records */
    /* Takes a turn that ends at a host TSC. */
    void (*run)(struct runnable *self, uint64_t turn_end);
    volatile uint64_t wake; /* host TSC to run at; 0: now; RUN_NEVER */
    bool stopped;           /* takes no turns, whatever wake says */
    bool stays; /* its turn may outlast its slice while nobody else wants
                   one: it ends it when a host interrupt comes */
    uint64_t turns, ticks; /* statistics: turns taken, TSC ticks used */
};

/* Adds a runnable to the queue of pCPU cpu; during start-up. -ENOSPC. */
int run_add(struct runnable *runnable, unsigned cpu);

/* Makes it run soon. Safe in interrupt handlers. */
void run_wake(struct runnable *runnable);

/* Stop protocol: when run_stop() returns, the runnable is not running and
 * takes no turn until run_start(). */
void run_stop(struct runnable *runnable);
void run_start(struct runnable *runnable);

/* A function called at every safe point, with the core alone loaded and
 * interrupts off; it returns the host TSC at which it wants to be called
 * again at the latest, or RUN_NEVER. */
int run_at_safe_point(uint64_t (*hook)(uint64_t now));

/* Length of a turn, in TSC ticks. */
extern uint64_t run_slice;

/* Host TSC at which the slice of the turn that this pCPU serves ends. A turn
 * that was given longer goes on only until then, or ends at once, when there
 * is something for the safe point or for others. */
uint64_t run_slice_end(void);

/* Takes turns for ever, on this pCPU. */
_Noreturn void run_loop(void);

#endif
