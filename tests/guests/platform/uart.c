/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/platform/platform.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/check.h"
#include "tests/guests/lib/console.h"
#include "tests/guests/lib/cpu.h"

#define PIN        4u
#define VECTOR     (PLATFORM_VECTOR + 4)
#define FIFO       16u
#define SPINS      1000000u
#define MCR_NORMAL 0x0Bu
#define MCR_LOOP   0x1Bu

/* Received within a while, or ones. */
static uint32_t receive(void)
{
    for (uint32_t i = 0; i < SPINS; i++) {
        if ((inb(UART_LSR) & UART_LSR_DR) != 0)
            return inb(UART_DATA);
    }
    return 0xFFFFFFFFu;
}

static void registers(void)
{
    uint8_t divisor;

    outb(UART_SCRATCH, 0xA6);
    check_equal("uart.scratch", inb(UART_SCRATCH), 0xA6);
    console_flush();
    check_equal("uart.lsr_idle", inb(UART_LSR) & 0x60u, 0x60);
    check_equal("uart.iir_fifo", inb(UART_IIR) & 0xC1u, 0xC1);
    outb(UART_LCR, 0x83);
    divisor = inb(UART_DATA);
    outb(UART_LCR, 0x03);
    check_equal("uart.divisor", divisor, 1);
    check_equal("uart.lcr", inb(UART_LCR), 0x03);
    check_equal("uart.mcr", inb(UART_MCR), MCR_NORMAL);
}

static void loopback(void)
{
    uint32_t right = 0, signals;

    console_flush();
    outb(UART_FCR, 0x07);
    outb(UART_MCR, MCR_LOOP);
    for (uint32_t i = 0; i < FIFO; i++) {
        for (uint32_t n = 0; n < SPINS; n++) {
            if ((inb(UART_LSR) & UART_LSR_THRE) != 0)
                break;
        }
        outb(UART_DATA, (uint8_t)(0x40 + i));
    }
    for (uint32_t i = 0; i < FIFO; i++)
        right += receive() == 0x40 + i;
    outb(UART_MCR, 0x1F);
    signals = inb(UART_MSR) & 0xF0u;
    outb(UART_MCR, MCR_NORMAL);
    check_equal("uart.loopback", right, FIFO);
    check_equal("uart.loopback_signals", signals, 0xF0);
}

/* THRE: raised by IER 0 -> 1, cleared by reading IIR, raised again. */
static void interrupt(void)
{
    uint32_t iir, again;

    console_flush();
    platform_forget();
    ioapic_route(PIN, VECTOR);
    outb(UART_IER, 0x02);
    platform_wait(1, 50);
    iir = inb(UART_IIR) & 0x0Fu;
    again = inb(UART_IIR) & 0x0Fu;
    outb(UART_IER, 0);
    check_equal("uart.thre_interrupt", platform_taken, 1);
    check_equal("uart.thre_iir", iir, 0x02);
    check_equal("uart.thre_cleared", again, 0x01);
    platform_forget();
    outb(UART_IER, 0x02);
    check(platform_wait(1, 50), "uart.thre_again");
    inb(UART_IIR);
    outb(UART_IER, 0);
}

/* Received data in loopback mode, where a PC's OUT2 lets no interrupt out. */
static void receive_quietly(void)
{
    uint32_t iir, data;

    console_flush();
    platform_wait(1, 1);
    platform_forget();
    outb(UART_FCR, 0x07);
    outb(UART_MCR, MCR_LOOP);
    outb(UART_IER, 0x01);
    outb(UART_DATA, 0x77);
    platform_wait(1, 2);
    iir = inb(UART_IIR) & 0x0Fu;
    data = receive();
    outb(UART_IER, 0);
    outb(UART_MCR, MCR_NORMAL);
    ioapic_route(PIN, 0);
    check(iir == 0x04 || iir == 0x0C, "uart.receive_iir");
    check_equal("uart.receive_data", data, 0x77);
    check_equal("uart.iir_quiet", inb(UART_IIR) & 0x0Fu, 0x01);
}

void platform_uart(void)
{
    registers();
    loopback();
    interrupt();
    receive_quietly();
}
