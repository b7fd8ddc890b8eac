/* SPDX-License-Identifier: BSD-2-Clause */
/* Machine checks: banks, overlay, and what the vector 18 handler does. */
#ifndef ARCH_MCA_H
#define ARCH_MCA_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/fault.h"

struct exception_frame;

/* Finds the banks of this CPU, enables them, clears what firmware left (and
 * logs it). Once on each CPU. */
void mca_enable(void);

/* A machine check hit while a guest ran: reads the banks, posts the fault,
 * clears the banks, then MCIP. Called by the backend at such an exit with
 * the guest's RIP. */
void mca_guest_exit(uint64_t rip);

/* The vector 18 handler; changes frame->rip to where to return. */
void mca_exception(struct exception_frame *frame);

/* Whatever this CPU was doing is abandoned. If that was the handling of a
 * machine check, MCIP is cleared, so that the next one is no shutdown; what
 * the banks still hold is left to that one. */
void mca_abandon(void);

/* Posts what the banks of this CPU hold that no machine check signals:
 * corrected errors, and uncorrected ones that nobody consumed (UCNA). At a
 * safe point. */
void mca_poll(void);

/* Fault injection: what the banks of this CPU say until the next machine
 * check was handled. */
struct mca_injection {
    uint64_t mcg_status, status, address, misc;
    uint8_t bank;
};
void mca_inject(const struct mca_injection *injection);

/* Raises vector 18 here and now, as the processor would. */
void mca_strike(void);

struct mca_capability {
    bool present;  /* MCA at all */
    uint8_t banks; /* MCG_CAP 7:0 */
    bool recovery; /* SER_P */
    bool local;    /* LMCE_P */
};
struct mca_capability mca_capability(void);

#endif
