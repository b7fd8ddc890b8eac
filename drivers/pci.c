/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI Local Bus Specification 3.0, chapter 6; class codes: appendix D. */
#include "drivers/pci.h"

#include "kernel/string.h"

#define REG_ID         0x00
#define REG_COMMAND    0x04 /* status in the high half */
#define REG_CLASS      0x08 /* class, subclass, interface, revision */
#define REG_HEADER     0x0c
#define REG_BAR0       0x10
#define REG_BAR1       0x14

#define COMMAND_IO     0x1u
#define COMMAND_MEMORY 0x2u
#define COMMAND_MASTER 0x4u
#define COMMAND_BITS   0xffffu /* a one written to a status bit clears it */

#define HEADER_MANY    (0x80u << 16) /* of function 0: there are others */
#define CLASS_DISPLAY  0x03u
#define CLASS_HOST     0x0600u /* masters for the CPU alone, hardwired */
#define CLASS_ISA      0x0601u /* for the 8237s, which are masked */
#define CLASS_SERIAL   0x0700u
#define INTERFACE_XT   0x00u /* 8250 */
#define INTERFACE_450  0x01u /* 16450: no FIFO */

#define BAR_IO         0x1u
#define BAR_TYPE       0x6u /* of memory */
#define BAR_64         0x4u

static void set_command(pci_id id, uint32_t command)
{
    pci_config_write(id, REG_COMMAND, command & COMMAND_BITS);
}

static void stop_master(pci_id id, uint32_t class, bool keep_displays,
                        struct pci_scan *scan)
{
    uint32_t command = pci_config_read(id, REG_COMMAND);

    if (!(command & COMMAND_MASTER)) {
        return;
    }
    if (keep_displays && class >> 24 == CLASS_DISPLAY) {
        scan->kept++;
        return;
    }
    set_command(id, command & ~COMMAND_MASTER);
    if (!(pci_config_read(id, REG_COMMAND) & COMMAND_MASTER)) {
        scan->cleared++;
    } else if (class >> 16 != CLASS_HOST && class >> 16 != CLASS_ISA &&
               scan->stuck++ == 0) {
        scan->first_stuck = id;
    }
}

/* Where the first base address register says that the registers are. */
static struct uart_place uart_place(pci_id id)
{
    uint32_t bar = pci_config_read(id, REG_BAR0);
    struct uart_place place = {UART_NONE, 0};

    if (bar & BAR_IO) {
        place = (struct uart_place){UART_PORT, bar & 0xfffcu};
    } else {
        place = (struct uart_place){UART_MMIO, bar & ~0xfu};
        if ((bar & BAR_TYPE) == BAR_64) {
            place.address |= (uint64_t)pci_config_read(id, REG_BAR1) << 32;
        }
    }
    return place;
}

static void note_uart(pci_id id, uint32_t class, struct pci_scan *scan)
{
    uint8_t interface = (uint8_t)(class >> 8);
    struct uart_place place;

    if (class >> 16 != CLASS_SERIAL || interface == INTERFACE_XT ||
        interface == INTERFACE_450 || scan->uart_count == PCI_UARTS_MAX) {
        return;
    }
    place = uart_place(id);
    if (place.address == 0) { /* firmware gave it none */
        return;
    }
    set_command(id,
                pci_config_read(id, REG_COMMAND) |
                    (place.kind == UART_PORT ? COMMAND_IO : COMMAND_MEMORY));
    scan->uarts[scan->uart_count++] = place;
}

/* Returns whether there is such a function. */
static bool scan_function(pci_id id, bool keep_displays, struct pci_scan *scan)
{
    uint32_t class;

    /* No vendor has the number ffff; some bridges answer 0 for nothing. */
    if ((uint16_t)(pci_config_read(id, REG_ID) + 1u) <= 1) {
        return false;
    }
    class = pci_config_read(id, REG_CLASS);
    scan->functions++;
    stop_master(id, class, keep_displays, scan);
    note_uart(id, class, scan);
    return true;
}

static void scan_device(unsigned bus, unsigned device, bool keep_displays,
                        struct pci_scan *scan)
{
    pci_id first = PCI_ID(bus, device, 0);

    if (!scan_function(first, keep_displays, scan) ||
        !(pci_config_read(first, REG_HEADER) & HEADER_MANY)) {
        return;
    }
    for (unsigned function = 1; function < 8; function++) {
        scan_function(PCI_ID(bus, device, function), keep_displays, scan);
    }
}

/* Each bus is looked at, not only those behind bridges: a machine with
 * several host bridges has several roots, which no register tells. */
void pci_scan(bool keep_displays, struct pci_scan *scan)
{
    memset(scan, 0, sizeof(*scan));
    scan->present = pci_config_present();
    for (unsigned bus = 0; scan->present && bus < 256; bus++) {
        for (unsigned device = 0; device < 32; device++) {
            scan_device(bus, device, keep_displays, scan);
        }
    }
}
