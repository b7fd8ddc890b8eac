/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices are stopped, before any memory is handed out that they could write
 * into. */
#include "kernel/start.h"

#include "drivers/isa_dma.h"
#include "kernel/fact.h"

void start_pci(void)
{
    const struct pci_scan *pci = &start.pci;

    isa_dma_mask();
    pci_scan(start.boot.screen.kind == BOOT_SCREEN_PIXELS, &start.pci);
    if (!pci->present) {
        fact_info("pci", "none");
        return;
    }
    fact_info("pci", "%u functions, bus mastering cleared on %u",
              pci->functions, pci->cleared);
    if (pci->kept) {
        fact_info("pci", "%u displays keep it: the framebuffer is in use",
                  pci->kept);
    }
    if (pci->stuck) {
        fact_warn("pci",
                  "%u keep bus mastering, first %02x:%02x.%x: DMA goes on",
                  pci->stuck, pci->first_stuck >> 8,
                  pci->first_stuck >> 3 & 0x1f, pci->first_stuck & 7);
    }
}
