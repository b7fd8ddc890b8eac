/* SPDX-License-Identifier: BSD-2-Clause */
/* What a round leaves in each device, the next one must find. */
#include "tests/guests/busy/busy.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/console.h"
#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/machine.h"

#define FREE_PIN    12u
#define CMOS_INDEX  0x70u
#define CMOS_DATA   0x71u
#define CMOS_FREE   0x40u /* and 15 more */
#define RESET_TYPE  0x0Au /* the bits of 0xCF9 that do nothing by themselves */
#define PORT_SLEEP  0x600u
#define SLEEP_TYPE  0x1Cu
#define UART_DLAB   0x80u
#define UART_LOOP   0x10u
#define CHARACTERS  5u
#define APIC_ESR    0x280u
#define ESR_ILLEGAL 0x80u /* an illegal register address */
#define TPR_LOW     0x10u

static bool apics(uint32_t left, uint32_t now)
{
    uint32_t index = IOAPIC_ROUTE + 2 * FREE_PIN;
    bool good = true;

    if (left != 0) {
        good = ioapic_read(index) == (IOAPIC_MASKED | left) &&
               apic_read(APIC_LVT_ERROR) == (APIC_LVT_MASKED | left) &&
               apic_read(APIC_LVT_LINT0) == (APIC_LVT_MASKED | left) &&
               apic_read(APIC_LDR) == left << 24 &&
               apic_read(APIC_TPR) == (left & TPR_LOW);
        apic_write(APIC_ESR, 0); /* shows what the last round did */
        good = apic_read(APIC_ESR) == ESR_ILLEGAL && good;
    }
    ioapic_write(index, IOAPIC_MASKED | now);
    apic_write(APIC_LVT_ERROR, APIC_LVT_MASKED | now);
    apic_write(APIC_LVT_LINT0, APIC_LVT_MASKED | now);
    apic_write(APIC_LDR, now << 24);
    apic_write(APIC_TPR, now & TPR_LOW);
    (void)apic_read(0); /* reserved */
    return good;
}

/* The index stays selected, too. */
static bool cmos(uint32_t left, uint32_t now)
{
    bool good = left == 0 || inb(CMOS_DATA) == (uint8_t)left;

    outb(CMOS_INDEX, (uint8_t)(CMOS_FREE + now % 16));
    outb(CMOS_DATA, (uint8_t)now);
    return good;
}

static bool power(uint32_t left, uint32_t now)
{
    bool good =
        left == 0 || ((inb(PORT_RESET) & RESET_TYPE) == (left & RESET_TYPE) &&
                      (inb(PORT_SLEEP) & SLEEP_TYPE) == (left & SLEEP_TYPE));

    outb(PORT_RESET, (uint8_t)(now & RESET_TYPE));
    outb(PORT_SLEEP, (uint8_t)(now & SLEEP_TYPE));
    return good;
}

static uint8_t divisor(uint32_t value)
{
    uint8_t lcr = inb(UART_LCR), former;

    outb(UART_LCR, lcr | UART_DLAB);
    former = inb(UART_DATA);
    outb(UART_DATA, (uint8_t)value);
    outb(UART_LCR, lcr);
    return former;
}

/* Characters wait in the receiver, by way of the loop. */
static bool uart(uint32_t left, uint32_t now)
{
    uint8_t mcr = inb(UART_MCR);
    bool good = divisor(now) == (uint8_t)left || left == 0;

    for (uint32_t i = 0; i < CHARACTERS && left != 0; i++)
        good = (inb(UART_LSR) & UART_LSR_DR) != 0 &&
               inb(UART_DATA) == (uint8_t)(left + i) && good;
    good = (inb(UART_LSR) & UART_LSR_DR) == 0 && good;
    outb(UART_MCR, mcr | UART_LOOP);
    for (uint32_t i = 0; i < CHARACTERS; i++)
        outb(UART_DATA, (uint8_t)(now + i));
    outb(UART_MCR, mcr);
    return good;
}

bool busy_devices(uint32_t round)
{
    static uint32_t left;
    uint32_t now = 0x20 + round * 5 % 0xC0;
    bool good = apics(left, now);

    soak_point();
    if (machine_hosted()) {
        good = cmos(left, now) && good;
        good = power(left, now) && good;
    }
    soak_point();
    good = uart(left, now) && good;
    left = now;
    return good;
}
