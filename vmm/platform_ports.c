/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices by port. */
#include "vmm/exit_parts.h"
#include "vmm/outside.h"
#include "vmm/vmm.h"

#define PORT_SYSTEM_B 0x61

/* Of the PC's port 0x61: timer 2 is through, so that nobody waits for it, and
 * no parity error is the reason of an NMI. */
#define SYSTEM_B_TIMER_OUT 0x20

static uint32_t ones(unsigned size)
{
    return UINT32_MAX >> (32 - 8 * size);
}

static uint32_t cmos_in(struct guest *guest, uint16_t port, unsigned size)
{
    uint32_t byte = cmos_read(&guest->platform.cmos, port, vmm_wall_seconds());

    return (ones(size) & ~0xffu) | byte;
}

static enum exit_result cmos_out(struct guest *guest, struct vcpu *vcpu,
                                 uint16_t port, unsigned size, uint32_t value)
{
    (void)vcpu;
    for (unsigned i = 0; i < size; i++) {
        cmos_write(&guest->platform.cmos, (uint16_t)(port + i),
                   (uint8_t)(value >> 8 * i));
    }
    return EXIT_ADVANCE;
}

static uint32_t power_in(struct guest *guest, uint16_t port, unsigned size)
{
    uint32_t value;

    power_read(&guest->platform.power, port, size, &value);
    return value;
}

static enum exit_result power_out(struct guest *guest, struct vcpu *vcpu,
                                  uint16_t port, unsigned size, uint32_t value)
{
    (void)size;
    switch (power_write(&guest->platform.power, port, value)) {
    case POWER_OFF:
        outside_power_off(guest);
        return EXIT_STOP;
    case POWER_RESET:
        outside_reset(guest);
        return EXIT_STOP;
    case POWER_PANICKED:
        vcpu_fault(guest, vcpu, FAULT_PANIC, false, 0, value & 0xff);
        return EXIT_ADVANCE_STOP;
    case POWER_CRASH_LOADED: /* its own crash kernel takes over */
    case POWER_NOTHING:
        break;
    }
    return EXIT_ADVANCE;
}

static uint32_t system_b_in(struct guest *guest, uint16_t port, unsigned size)
{
    (void)guest;
    (void)port;
    return (ones(size) & ~0xffu) | SYSTEM_B_TIMER_OUT;
}

static enum exit_result ignore(struct guest *guest, struct vcpu *vcpu,
                               uint16_t port, unsigned size, uint32_t value)
{
    (void)guest;
    (void)vcpu;
    (void)port;
    (void)size;
    (void)value;
    return EXIT_ADVANCE;
}

/* The busiest first. An access belongs to the device of its first port. */
static const struct range {
    uint16_t first, last;
    uint32_t (*in)(struct guest *guest, uint16_t port, unsigned size);
    enum exit_result (*out)(struct guest *guest, struct vcpu *vcpu,
                            uint16_t port, unsigned size, uint32_t value);
} ranges[] = {
    {UART_COM1_PORT, UART_COM1_PORT + UART_REGISTERS - 1, uart_port_in,
     uart_port_out},
    {CMOS_PORT_INDEX, CMOS_PORT_DATA, cmos_in, cmos_out},
    {PORT_SYSTEM_B, PORT_SYSTEM_B, system_b_in, ignore},
    {POWER_PORT_KBC_DATA, POWER_PORT_KBC_DATA, power_in, power_out},
    {POWER_PORT_KBC_COMMAND, POWER_PORT_KBC_COMMAND, power_in, power_out},
    {POWER_PORT_PVPANIC, POWER_PORT_PVPANIC, power_in, power_out},
    {POWER_PORT_SLEEP_CONTROL, POWER_PORT_SLEEP_STATUS, power_in, power_out},
    {POWER_PORT_RESET, POWER_PORT_RESET, power_in, power_out},
};

static const struct range *range_of(uint16_t port)
{
    for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (port >= ranges[i].first && port <= ranges[i].last) {
            return &ranges[i];
        }
    }
    return NULL;
}

uint32_t platform_in(struct guest *guest, struct vcpu *vcpu, uint16_t port,
                     unsigned size)
{
    const struct range *range = range_of(port);

    (void)vcpu;
    return range ? range->in(guest, port, size) : ones(size);
}

enum exit_result platform_out(struct guest *guest, struct vcpu *vcpu,
                              uint16_t port, unsigned size, uint32_t value)
{
    const struct range *range = range_of(port);

    return range ? range->out(guest, vcpu, port, size, value) : EXIT_ADVANCE;
}
