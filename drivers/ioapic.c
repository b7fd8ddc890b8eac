/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/ioapic.h"

#include <stddef.h>

#include "arch/x86_64/paging.h"
#include "kernel/errno.h"

/* Intel 82093AA data sheet, 3.1 and 3.2. */
#define REG_SELECT    (0x00 / 4)
#define REG_WINDOW    (0x10 / 4)
#define INDEX_VERSION 1
#define INDEX_PINS    0x10
#define MASKED        (1u << 16)
#define DELIVER_NMI   (4u << 8)

static volatile uint32_t *registers;
static uint32_t pins;

static void write_index(uint32_t index, uint32_t value)
{
    registers[REG_SELECT] = index;
    registers[REG_WINDOW] = value;
}

int ioapic_host_open(uint64_t physical)
{
    uint32_t version;

    registers = physical ? device_map(physical, 4096) : NULL;
    if (!registers) {
        return -ENODEV;
    }
    registers[REG_SELECT] = INDEX_VERSION;
    version = registers[REG_WINDOW];
    if (version == UINT32_MAX) {
        return -ENODEV;
    }
    pins = (version >> 16 & 0xff) + 1;
    for (uint32_t pin = 0; pin < pins; pin++) {
        write_index(INDEX_PINS + 2 * pin, MASKED);
    }
    return (int)pins;
}

static int route(uint32_t pin, uint32_t low, uint32_t apic_id)
{
    if (!registers || pin >= pins) {
        return -EINVAL;
    }
    write_index(INDEX_PINS + 2 * pin + 1, apic_id << 24);
    write_index(INDEX_PINS + 2 * pin, low);
    return 0;
}

int ioapic_host_route(uint32_t pin, uint8_t vector, uint32_t apic_id)
{
    return route(pin, vector, apic_id);
}

int ioapic_host_route_nmi(uint32_t pin, uint32_t apic_id)
{
    return route(pin, DELIVER_NMI, apic_id);
}

void ioapic_host_mask(uint32_t pin)
{
    if (registers && pin < pins) {
        write_index(INDEX_PINS + 2 * pin, MASKED);
    }
}
