/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86_64/interrupt.h"

#include "arch/x86_64/apic.h"
#include "arch/x86_64/percpu.h"

static void (*handlers[256])(void);

void interrupt_register(uint8_t vector, void (*handler)(void))
{
    handlers[vector] = handler;
}

void interrupt_dispatch(uint8_t vector)
{
    if (vector == VECTOR_SPURIOUS) {
        return; /* needs no end of interrupt: SDM vol. 3, 11.9 */
    }
    core_enter();
    if (handlers[vector]) {
        handlers[vector]();
    }
    apic_end_of_interrupt();
    core_leave();
}
