/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/pci_config.h"

#include "arch/x86_64/cpu.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_ENABLE  (1u << 31)

static void select(pci_id id, uint8_t offset)
{
    outl(CONFIG_ADDRESS, CONFIG_ENABLE | (uint32_t)id << 8 | (offset & 0xfcu));
}

bool pci_config_present(void)
{
    outl(CONFIG_ADDRESS, CONFIG_ENABLE);
    return inl(CONFIG_ADDRESS) == CONFIG_ENABLE;
}

uint32_t pci_config_read(pci_id id, uint8_t offset)
{
    select(id, offset);
    return inl(CONFIG_DATA);
}

void pci_config_write(pci_id id, uint8_t offset, uint32_t value)
{
    select(id, offset);
    outl(CONFIG_DATA, value);
}
