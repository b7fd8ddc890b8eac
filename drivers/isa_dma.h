/* SPDX-License-Identifier: BSD-2-Clause */
/* The two 8237 DMA controllers of the PC, which we do not use. */
#ifndef DRIVERS_ISA_DMA_H
#define DRIVERS_ISA_DMA_H

/* Masks all their channels: a floppy that a loader read from may wait. */
void isa_dma_mask(void);

#endif
