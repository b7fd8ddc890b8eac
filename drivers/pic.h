/* SPDX-License-Identifier: BSD-2-Clause */
/* The two 8259 interrupt controllers of the PC, which we do not use. */
#ifndef DRIVERS_PIC_H
#define DRIVERS_PIC_H

/* Moves their vectors (a spurious interrupt can still come) to 0x20-0x2f,
 * away from the exceptions where firmware left them, and masks all. */
void pic_disable(void);

#endif
