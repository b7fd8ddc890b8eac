/* SPDX-License-Identifier: BSD-2-Clause */
/* The serial lines, and how they are served. */
#include "kernel/start.h"

#include "arch/x86_64/apic.h"
#include "kernel/console.h"
#include "kernel/fact.h"
#include "kernel/serial_lines.h"

static void tell_line(const char *name, const struct uart_line *line,
                      const struct serial_word *word, const char *cost)
{
    static const char *const kinds[] = {
        [UART_PORT] = "port",
        [UART_MMIO] = "address",
        [UART_MMIO32] = "32-bit address",
    };

    if (uart_there(line)) {
        fact_info("serial", "%s at %s 0x%lx, %u baud", name,
                  kinds[line->place.kind], line->place.address,
                  start.config.baud);
    } else if (word->choice == SERIAL_OFF) {
        fact_info("serial", "%s is off: %s", name, cost);
    } else {
        fact_warn("serial", "no 16550 for %s: %s", name, cost);
    }
}

void start_serial(void)
{
    console_open_lines(
        &start.config,
        (struct serial_spares){start.pci.uarts, start.pci.uart_count});
    tell_line("com1", &com1, &start.config.com1, "no console, no monitor");
    tell_line("com2", &com2, &start.config.com2, "no event stream");
}

static const char *served(const struct uart_line *line)
{
    return !uart_there(line)  ? "not there"
           : line->interrupts ? "by interrupt"
                              : "polled each ms";
}

void start_interrupts(void)
{
    console_enable_interrupts(start.acpi.irq_gsi, apic_id());
    fact_info("irq", "com1 %s, com2 %s", served(&com1), served(&com2));
}
