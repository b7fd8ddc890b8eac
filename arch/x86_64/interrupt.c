/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86_64/interrupt.h"

#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/percpu.h"

static void (*handlers[256])(void);

void interrupt_register(uint8_t vector, void (*handler)(void))
{
    handlers[vector] = handler;
}

/* The handler's time is not that of whoever it interrupts: a serial line
 * takes 50 ms to be served where each port access is an exit to an outer
 * hypervisor. */
void interrupt_dispatch(uint8_t vector)
{
    struct percpu *self = this_cpu();
    uint64_t limit, start;

    if (vector == VECTOR_SPURIOUS) {
        return; /* needs no end of interrupt: SDM vol. 3, 11.9 */
    }
    limit = self->watch_limit;
    start = rdtsc();
    core_enter();
    if (handlers[vector]) {
        handlers[vector]();
    }
    apic_end_of_interrupt();
    core_leave();
    if (limit) {
        self->watch_limit = limit + (rdtsc() - start);
    }
}
