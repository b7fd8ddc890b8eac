/* SPDX-License-Identifier: BSD-2-Clause */
/* Bulkhead's guest interface: 32-bit ports, for root by iopl(). */
#ifndef INTERFACE_H
#define INTERFACE_H

#include <stdbool.h>
#include <stdint.h>

/* Whether there is one; every other function asks for that first. */
bool interface_open(void);

/* Takes a snapshot: 0 when it was taken, n when this is its n-th restore. */
uint32_t interface_snapshot(void);

/* Restores of this VM so far: this number is never rolled back. */
uint32_t interface_restores(void);

/* How far the last restore rolled back, in ms. */
uint32_t interface_rollback_ms(void);

/* Tells that the guest is alive. */
void interface_heartbeat(uint32_t number);

#endif
