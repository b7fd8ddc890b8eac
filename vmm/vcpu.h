/* SPDX-License-Identifier: BSD-2-Clause */
/* A vCPU's turn on a pCPU. */
#ifndef VMM_VCPU_H
#define VMM_VCPU_H

#include <stdint.h>

struct runnable;

/* Runs the vCPU of this runnable until its turn ends, it halts, or something
 * needs ft or the operator. */
void vcpu_turn(struct runnable *self, uint64_t turn_end);

#endif
