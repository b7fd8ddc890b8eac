/* SPDX-License-Identifier: BSD-2-Clause */
/* All 65,536 ports, in all three sizes. */
#include "tests/guests/hostile/hostile.h"

#include "tests/guests/lib/console.h"
#include "tests/guests/lib/machine.h"

#define UART_FIRST 0x3F8u
#define UART_LAST  0x3FFu
#define HOST_FIRST 0x5B00u
#define HOST_LAST  0x5B1Fu

/* Where devices answer; every other port reads as ones. */
static bool is_device(uint32_t port)
{
    return (port >= UART_FIRST && port <= UART_LAST) ||
           (port >= HOST_FIRST && port <= HOST_LAST) || port == 0x60 ||
           port == 0x61 || port == 0x64 || port == 0x70 || port == 0x71 ||
           port == PORT_PVPANIC || port == 0x600 || port == 0x601 ||
           port == PORT_RESET;
}

/* What a read of the upper bytes leaves of EAX. */
static uint32_t in(uint32_t port, uint32_t size)
{
    uint32_t value = 0x55555555;

    if (size == 1)
        __asm__ volatile("inb %w1, %b0" : "+a"(value) : "d"(port));
    else if (size == 2)
        __asm__ volatile("inw %w1, %w0" : "+a"(value) : "d"(port));
    else
        __asm__ volatile("inl %w1, %0" : "+a"(value) : "d"(port));
    return value;
}

static void out(uint32_t port, uint32_t size, uint32_t value)
{
    if (size == 1)
        outb((uint16_t)port, (uint8_t)value);
    else if (size == 2)
        outw((uint16_t)port, (uint16_t)value);
    else
        outl((uint16_t)port, value);
}

static void in_all(void)
{
    static const uint32_t wanted[] = {0, 0x555555FF, 0x5555FFFF, 0, ~0u};

    for (uint32_t port = 0; port < 0x10000; port++) {
        for (uint32_t size = 1; size <= 4; size *= 2) {
            uint32_t value;

            if (port == PORT_SNAPSHOT)
                continue; /* snapshots have attempts of their own */
            value = in(port, size);
            if (!is_device(port) && value != wanted[size])
                wrong("in %u of port %x: %x", size, port, value);
        }
    }
}

/* Reset, power-off, panic and what would be seen on the console have attempts
 * of their own. */
static bool is_spared(uint32_t port)
{
    return port == 0x64 || port == PORT_PVPANIC || port == 0x600 ||
           port == PORT_RESET || port == UART_FIRST || port == PORT_HEARTBEAT;
}

static void out_all(void)
{
    for (uint32_t port = 0; port < 0x10000; port++) {
        for (uint32_t size = 1; size <= 4; size *= 2) {
            if (!is_spared(port))
                out(port, size, port % 2 != 0 ? ~0u : port);
        }
    }
    console_init();
    must("scratch of the uart", (outb(UART_SCRATCH, 0x5A), inb(UART_SCRATCH)),
         0x5A);
}

static const struct deed ins[] = {{"in-all", in_all, NULL}};
static const struct deed outs[] = {{"out-all", out_all, NULL}};

ATTEMPT(ports_in, ins);
ATTEMPT(ports_out, outs);
