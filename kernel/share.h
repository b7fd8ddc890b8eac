/* SPDX-License-Identifier: BSD-2-Clause */
/* A VM's fair part of a serial line, so that none crowds out the others. */
#ifndef KERNEL_SHARE_H
#define KERNEL_SHARE_H

#include <stdbool.h>
#include <stdint.h>

/* What was sent books its time on the line; until is how far it is booked.
 * All zero to begin with. */
struct share {
    uint64_t until;
};

/* Books cost ticks from now on. False, and nothing is booked, when more than
 * burst ticks would then be booked ahead: the VM sends more than its part. */
bool share_take(struct share *share, uint64_t now, uint64_t cost,
                uint64_t burst);

/*
 * May a VM send length bytes more on a line whose ring has room bytes left of
 * size? Anyone may while it is less than a quarter full; then only who has
 * sent no more than a VM_MAX-th of what the line carries, and a VM_MAX-th of
 * the rest of the ring ahead of that. per_ms is the ticks of a ms.
 */
bool share_allows(struct share *share, uint64_t now, uint32_t length,
                  uint32_t room, uint32_t size, uint64_t per_ms);

#endif
