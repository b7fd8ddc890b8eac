/* SPDX-License-Identifier: BSD-2-Clause */
/* Every value for every register of the small devices. */
#include "tests/guests/hostile/hostile.h"

#include "tests/guests/lib/console.h"
#include "tests/guests/lib/machine.h"

#define CMOS_INDEX  0x70u
#define CMOS_DATA   0x71u
#define SLEEP       0x600u
#define SLEEP_S5_ON 0x34u /* SLP_EN, and 5 in SLP_TYP */
#define SLEEP_MASK  0x3Cu
#define RESET_CPU   0x04u
#define KEYBOARD    0x64u

static void uart(void)
{
    outb(UART_MCR, 0x10); /* loopback: nothing is seen of what follows */
    for (uint32_t value = 0; value < 256; value++) {
        for (uint32_t reg = 1; reg < 8; reg++) {
            uint8_t byte = (uint8_t)value;

            if (UART_DATA + reg == UART_MCR)
                byte |= 0x10;
            outb((uint16_t)(UART_DATA + reg), byte);
            outb(UART_LCR, 0x03);
            outb(UART_DATA, byte);
            for (uint32_t r = 0; r < 8; r++)
                inb((uint16_t)(UART_DATA + r));
        }
    }
    for (uint16_t port = 0x3F1; port < 0x400; port++) {
        inl(port);
        inw(port);
    }
    console_init();
    must("line status", inb(UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
}

static void cmos(void)
{
    for (uint32_t index = 0; index < 256; index++) {
        for (uint32_t value = 0; value < 256; value += 15) {
            outb(CMOS_INDEX, (uint8_t)index);
            outb(CMOS_DATA, (uint8_t)value);
            inb(CMOS_DATA);
        }
        outw(CMOS_INDEX, (uint16_t)(index << 8 | index));
        outl(CMOS_DATA, index * 0x01010101u);
        inl(CMOS_INDEX);
    }
    outb(CMOS_INDEX, 0x32);
    must("the century", inb(CMOS_DATA), 0x20);
}

/* All that must not end this machine. */
static void power(void)
{
    for (uint32_t value = 0; value < 256; value++) {
        uint8_t byte = (uint8_t)value;

        if ((byte & SLEEP_MASK) != SLEEP_S5_ON) {
            outb(SLEEP, byte);
            outl(SLEEP, 0xFFFFFF00u | byte);
        }
        outl(SLEEP + 1, 0x34343434u);
        if ((byte & RESET_CPU) == 0)
            outw(PORT_RESET, (uint16_t)(0xFF00u | byte));
        if (byte != 0xFE) {
            outb(KEYBOARD, byte);
            outw(0x60, (uint16_t)(byte << 8 | byte));
        }
        outb(0x61, byte);
        if ((byte & 1) == 0)
            outb(PORT_PVPANIC, byte);
    }
    must("pvpanic", inb(PORT_PVPANIC), 3);
}

static void panic(void)
{
    outl(PORT_PVPANIC, 0xFFFFFF01u);
}

static const struct deed deeds[] = {
    {"uart", uart, NULL},
    {"cmos", cmos, NULL},
    {"power", power, NULL},
    {"panic", panic, "panic"},
};

ATTEMPT(devices, deeds);

/* Restarts do not count as restores, and leave no memory: the reset repeats
 * itself for ever, and the budget ends it. */
static void reset(void)
{
    outb(PORT_RESET, 6);
}

static const struct deed resets[] = {{"reset", reset, ENDLESS}};

ATTEMPT(resets, resets);
