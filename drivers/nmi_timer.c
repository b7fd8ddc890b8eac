/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/nmi_timer.h"

#include "arch/x86_64/cpu.h"
#include "drivers/ioapic.h"

/* Intel 8254 data sheet, control word format. */
#define PIT_CHANNEL_0 0x40
#define PIT_COMMAND   0x43
#define PIT_ONE_SHOT  0x20    /* channel 0, high byte only, mode 0 */
#define STEP_NS       214553u /* 256 ticks of 1.193182 MHz */

int nmi_timer_open(uint32_t gsi, uint32_t apic_id)
{
    return ioapic_host_route_nmi(gsi, apic_id);
}

void nmi_timer_close(uint32_t gsi)
{
    ioapic_host_mask(gsi);
}

/* Mode 0: the output falls with the control word and rises, once, when the
 * count is used up. With one byte to write an NMI in between does no harm:
 * its own two writes come first, and this byte then replaces its count. */
void nmi_timer_arm(uint32_t us)
{
    uint32_t steps = us / (STEP_NS / 1000) + 1;

    outb(PIT_COMMAND, PIT_ONE_SHOT);
    outb(PIT_CHANNEL_0, (uint8_t)(steps < 255 ? steps : 255));
}

/* The output stays low until a count follows. */
void nmi_timer_disarm(void)
{
    outb(PIT_COMMAND, PIT_ONE_SHOT);
}
