/* SPDX-License-Identifier: BSD-2-Clause */
/* What a vCPU was in the middle of when its state was saved: the moments that
 * a restore gets wrong most easily. Pure; counted to show which were met. */
#ifndef FT_MOMENT_H
#define FT_MOMENT_H

#include <stddef.h>
#include <stdint.h>

struct guest_state;

enum moment {
    MOMENT_EVENT,       /* an event is being delivered */
    MOMENT_STI,         /* after STI: interrupts wait for one instruction */
    MOMENT_MOV_SS,      /* after MOV SS: so do debug traps */
    MOMENT_NMI,         /* an NMI waits */
    MOMENT_NMI_BLOCKED, /* in an NMI's handler */
    MOMENT_STEP,        /* single-stepping */
    MOMENT_DEBUG,       /* a debug trap is pending */
    MOMENT_IRQ,         /* an interrupt is requested */
    MOMENT_SERVICE,     /* an interrupt is in service */
    MOMENT_HLT,
    MOMENT_CALL, /* the guest waits for the answer to its request */
    MOMENTS
};

/* Bit set of them; 0: nothing special. */
unsigned moments_of(const struct guest_state *state);

/* Adds 1 for each of the set. */
void moments_count(uint64_t counts[MOMENTS], unsigned set);

const char *moment_name(enum moment moment);

/* "sti irq", or ""; as much as fits into size bytes. */
void moments_print(char *text, size_t size, unsigned set);

#endif
