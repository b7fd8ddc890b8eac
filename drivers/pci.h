/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI: what is there, stopped from writing into memory; and serial lines. */
#ifndef DRIVERS_PCI_H
#define DRIVERS_PCI_H

#include <stdbool.h>

#include "drivers/pci_config.h"
#include "drivers/uart.h"

#define PCI_UARTS_MAX 4

struct pci_scan {
    bool present;       /* there is a PCI bus */
    unsigned functions; /* found, bridges among them */
    unsigned cleared;   /* had bus mastering on, have it off now */
    unsigned kept;      /* displays that were left alone */
    unsigned stuck;     /* would not give it up */
    pci_id first_stuck;
    struct uart_place uarts[PCI_UARTS_MAX];
    unsigned uart_count;
};

/*
 * Clears bus mastering on every function of every bus: firmware and loaders
 * leave DMA running, and Bulkhead has no driver that uses it. Bridges too, so
 * that nothing behind one that was missed gets through. keep_displays: a
 * framebuffer of theirs is in use, which some of them read by DMA.
 *
 * Lists 16550s (class 07 00, programming interface 02 and above), their
 * decoding switched on. Only the first line of a card with several.
 */
void pci_scan(bool keep_displays, struct pci_scan *scan);

#endif
