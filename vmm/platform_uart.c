/* SPDX-License-Identifier: BSD-2-Clause */
/* COM1: the VM's console. */
#include "kernel/console.h"
#include "vmm/exit_parts.h"
#include "vmm/outside.h"

/* Once a register was touched, or a character came. */
static void update_irq(struct guest *guest)
{
    struct platform *p = &guest->platform;
    bool level = uart_irq(&p->uart);

    if (level != (p->ioapic.pins >> UART_COM1_IRQ & 1)) {
        ioapic_set_pin(&p->ioapic, UART_COM1_IRQ, level);
        platform_messages(guest);
    }
}

/* Without the FIFO only one character fits. */
static bool has_room(const struct uart *u)
{
    unsigned capacity = u->fcr & UART_FCR_ENABLE ? UART_FIFO_SIZE : 1;

    return u->count < capacity && !(u->mcr & UART_MCR_LOOP);
}

void uart_pull(struct guest *guest)
{
    struct uart *u = &guest->platform.uart;
    uint8_t c;

    if (has_room(u) && outside_break(guest)) {
        uart_break(u);
    }
    while (has_room(u) && outside_get(guest, &c)) {
        uart_receive(u, c);
    }
    update_irq(guest);
}

static uint8_t read_byte(struct guest *guest, uint32_t port)
{
    if (port >= UART_COM1_PORT + UART_REGISTERS) {
        return 0xff;
    }
    return uart_read(&guest->platform.uart, port - UART_COM1_PORT);
}

static inline void write_byte(struct guest *guest, uint32_t port, uint8_t value)
{
    uint8_t sent;

    if (port < UART_COM1_PORT + UART_REGISTERS &&
        uart_write(&guest->platform.uart, port - UART_COM1_PORT, value,
                   &sent)) {
        outside_put(guest, sent);
    }
}

/* A wider access is one of each register, as on the ISA bus. */
uint32_t uart_port_in(struct guest *guest, uint16_t port, unsigned size)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        value |= (uint32_t)read_byte(guest, port + i) << 8 * i;
    }
    if (port == UART_COM1_PORT && console_guest_has_input(guest->vm->id)) {
        uart_pull(guest); /* there is room now */
    }
    update_irq(guest);
    return value;
}

__attribute__((noinline)) static void write_wide(struct guest *guest,
                                                 uint16_t port, unsigned size,
                                                 uint32_t value)
{
    for (unsigned i = 0; i < size; i++) {
        write_byte(guest, port + i, (uint8_t)(value >> 8 * i));
    }
}

enum exit_result uart_port_out(struct guest *guest, struct vcpu *vcpu,
                               uint16_t port, unsigned size, uint32_t value)
{
    (void)vcpu;
    if (size == 1) {
        write_byte(guest, port, (uint8_t)value);
    } else {
        write_wide(guest, port, size, value);
    }
    update_irq(guest);
    return EXIT_ADVANCE;
}
