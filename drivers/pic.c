/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/pic.h"

#include "arch/x86_64/cpu.h"

/* Intel 8259A data sheet: initialization command words 1 to 4. */
#define MASTER 0x20
#define SLAVE  0xa0
#define ICW1   0x11 /* edge-triggered, cascaded, ICW4 follows */
#define ICW4   0x01 /* 8086 mode */

static void disable(uint16_t port, uint8_t vector, uint8_t cascade)
{
    uint16_t data = (uint16_t)(port + 1);

    outb(port, ICW1);
    outb(data, vector);
    outb(data, cascade);
    outb(data, ICW4);
    outb(data, 0xff); /* all masked */
}

void pic_disable(void)
{
    disable(MASTER, 0x20, 1u << 2);
    disable(SLAVE, 0x28, 2);
}
