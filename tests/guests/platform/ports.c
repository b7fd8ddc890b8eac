/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/platform/platform.h"

#include "tests/guests/lib/check.h"
#include "tests/guests/lib/clock.h"
#include "tests/guests/lib/console.h"
#include "tests/guests/lib/machine.h"

#define ABSENT 0x2E8u /* COM4 */

/* String I/O, which the hypervisor must decode or emulate. */
static void strings(void)
{
    static const uint8_t out[4] = {0x11, 0x22, 0x33, 0x44};
    uint8_t in[4] = {0};
    const uint8_t *from = out;
    uint8_t *to = in;
    uint32_t n = 4;

    __asm__ volatile("rep outsb"
                     : "+S"(from), "+c"(n)
                     : "d"(UART_SCRATCH)
                     : "memory");
    check(n == 0 && from == out + 4, "ports.outsb_registers");
    check_equal("ports.outsb", inb(UART_SCRATCH), 0x44);
    n = 4;
    __asm__ volatile("rep insb"
                     : "+D"(to), "+c"(n)
                     : "d"(UART_SCRATCH)
                     : "memory");
    check(n == 0 && to == in + 4, "ports.insb_registers");
    check(in[0] == 0x44 && in[3] == 0x44, "ports.insb");
}

static void absent(void)
{
    uint32_t eax = 0x12345678u;

    check_equal("ports.absent_byte", inb(ABSENT), 0xFF);
    check_equal("ports.absent_word", inw(ABSENT), 0xFFFF);
    check_equal("ports.absent_long", inl(ABSENT), 0xFFFFFFFFu);
    outl(ABSENT, 0);
    check(true, "ports.absent_write");
    __asm__ volatile("inb %%dx, %%al" : "+a"(eax) : "d"(ABSENT));
    check_equal("ports.byte_keeps_eax", eax, 0x123456FFu);
}

void platform_ports(void)
{
    uint32_t eax = 0xAABBCCDDu;

    outb(UART_SCRATCH, 0x5A);
    __asm__ volatile("inb %%dx, %%al" : "+a"(eax) : "d"(UART_SCRATCH));
    check_equal("ports.in_byte_keeps_eax", eax, 0xAABBCC5Au);
    strings();
    if (!machine_hosted())
        return;
    absent();
    check_equal("ports.keyboard_status", inb(0x64), 0);
    check((inb(PORT_PVPANIC) & 1) != 0, "ports.pvpanic");
}

static uint8_t cmos(uint8_t index)
{
    outb(0x70, index);
    return inb(0x71);
}

static uint32_t clock_value(uint8_t index)
{
    uint32_t v = cmos(index);

    return (cmos(0x0B) & 4) != 0 ? v : (v >> 4) * 10 + (v & 15);
}

static void second_passes(void)
{
    uint32_t before = clock_value(0), after;
    uint64_t end = clock_after(1500);

    while (rdtsc() < end)
        cpu_pause();
    after = clock_value(0);
    check(after != before, "cmos.runs");
}

void platform_cmos(void)
{
    uint32_t busy = 0;

    for (uint32_t i = 0; i < 100000 && (cmos(0x0A) & 0x80) != 0; i++)
        busy++;
    check(busy < 100000, "cmos.update_ends");
    check((cmos(0x0D) & 0x80) != 0, "cmos.valid");
    check(clock_value(0) < 60 && clock_value(2) < 60 && clock_value(4) < 24,
          "cmos.time");
    check(clock_value(7) - 1 < 31 && clock_value(8) - 1 < 12, "cmos.date");
    print("cmos says 20%02u-%02u-%02u %02u:%02u:%02u\n", clock_value(9),
          clock_value(8), clock_value(7), clock_value(4), clock_value(2),
          clock_value(0));
    check(clock_value(9) - 23 < 77, "cmos.year");
    if (option("slow"))
        second_passes();
}
