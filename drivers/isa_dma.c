/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/isa_dma.h"

#include "arch/x86_64/cpu.h"

/* Intel 8237A data sheet, "write all mask register bits": the first one's
 * ports are a byte apart, the second one's two. */
#define MASK_ALL_1 0x0f
#define MASK_ALL_2 0xde
#define CHANNELS   0x0f

void isa_dma_mask(void)
{
    outb(MASK_ALL_1, CHANNELS);
    outb(MASK_ALL_2, CHANNELS);
}
