/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI configuration space of segment 0, by mechanism 1 (PCI Local Bus
 * Specification 3.0, 3.2.2.3.2): two I/O ports that every PC has, PCI Express
 * or not. */
#ifndef DRIVERS_PCI_CONFIG_H
#define DRIVERS_PCI_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

/* Bus, device (0 to 31) and function (0 to 7) as the hardware packs them. */
typedef uint16_t pci_id;
#define PCI_ID(bus, device, function) \
    ((pci_id)((bus) << 8 | (device) << 3 | (function)))

bool pci_config_present(void);

/* offset: 0 to 252, a multiple of 4. Absent functions read as all ones. */
uint32_t pci_config_read(pci_id id, uint8_t offset);
void pci_config_write(pci_id id, uint8_t offset, uint32_t value);

#endif
