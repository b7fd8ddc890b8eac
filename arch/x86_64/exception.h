/* SPDX-License-Identifier: BSD-2-Clause */
/* What vector handlers share: context, fix-ups, the abandon point. */
#ifndef ARCH_EXCEPTION_H
#define ARCH_EXCEPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/fault.h"

struct exception_frame;

/* Called by the stubs for every vector. True: return without an IRET, since
 * the NMI handler was interrupted (by a machine check), and an IRET would let
 * the next NMI onto its stack. */
bool exception_entry(struct exception_frame *frame);

/* Where to continue when the instruction at rip faults; 0: nowhere. */
uint64_t fixup_find(uint64_t rip);

/* Whose fault an exception on this CPU would be now: CONTEXT_SERVING or
 * CONTEXT_CORE. */
enum fault_context exception_context(void);

/* The exception struck between the last check and the VM entry. */
bool exception_in_entry(const struct exception_frame *frame);

/* Makes the exception return into cpu_catch(). */
void exception_abandon(struct exception_frame *frame);

#endif
