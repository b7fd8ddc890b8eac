/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/devices/power.h"

void power_reset(struct power *p)
{
    *p = (struct power){0};
}

bool power_owns(uint16_t port)
{
    switch (port) {
    case POWER_PORT_SLEEP_CONTROL:
    case POWER_PORT_SLEEP_STATUS:
    case POWER_PORT_RESET:
    case POWER_PORT_KBC_DATA:
    case POWER_PORT_KBC_COMMAND:
    case POWER_PORT_PVPANIC:
        return true;
    default:
        return false;
    }
}

static uint8_t read_byte(const struct power *p, uint32_t port)
{
    switch (port) {
    case POWER_PORT_SLEEP_CONTROL:
        return p->sleep_control;
    case POWER_PORT_RESET:
        return p->reset_control;
    case POWER_PORT_PVPANIC:
        return POWER_PVPANIC_SUPPORTED;
    case POWER_PORT_SLEEP_STATUS:
    case POWER_PORT_KBC_DATA:
    case POWER_PORT_KBC_COMMAND: /* 0xff would look like a busy controller */
        return 0;
    default:
        return 0xff;
    }
}

bool power_read(const struct power *p, uint16_t port, unsigned size,
                uint32_t *v)
{
    if (size != 2 && size != 4)
        size = 1;
    *v = 0;
    if (!power_owns(port)) {
        *v = UINT32_MAX >> (32 - 8 * size);
        return false;
    }
    for (unsigned i = 0; i < size; i++)
        *v |= (uint32_t)read_byte(p, (uint32_t)port + i) << (8 * i);
    return true;
}

static enum power_event write_sleep(struct power *p, uint8_t value)
{
    unsigned type =
        ((unsigned)value & POWER_SLP_TYP_MASK) >> POWER_SLP_TYP_SHIFT;

    p->sleep_control = value & POWER_SLP_TYP_MASK;
    if ((value & POWER_SLP_EN) && type == POWER_SLP_TYP_S5)
        return POWER_OFF;
    return POWER_NOTHING;
}

static enum power_event write_reset(struct power *p, uint8_t value)
{
    p->reset_control = value & POWER_RESET_TYPE;
    return value & POWER_RESET_CPU ? POWER_RESET : POWER_NOTHING;
}

static enum power_event write_pvpanic(uint8_t value)
{
    if (value & POWER_PVPANIC_PANICKED)
        return POWER_PANICKED;
    if (value & POWER_PVPANIC_CRASH_LOADED)
        return POWER_CRASH_LOADED;
    return POWER_NOTHING;
}

enum power_event power_write(struct power *p, uint16_t port, uint32_t value)
{
    uint8_t byte = value & 0xff;

    switch (port) {
    case POWER_PORT_SLEEP_CONTROL:
        return write_sleep(p, byte);
    case POWER_PORT_RESET:
        return write_reset(p, byte);
    case POWER_PORT_KBC_COMMAND:
        return byte == POWER_KBC_PULSE_RESET ? POWER_RESET : POWER_NOTHING;
    case POWER_PORT_PVPANIC:
        return write_pvpanic(byte);
    default:
        return POWER_NOTHING;
    }
}
