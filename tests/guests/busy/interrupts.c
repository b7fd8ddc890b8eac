/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/busy/busy.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/check.h"
#include "tests/guests/lib/clock.h"
#include "tests/guests/lib/console.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/trap.h"

#define PATIENCE 2000u /* ms */
#define PIN      4u

static volatile uint32_t ticks, ipis, thres;
static volatile uint32_t order[4];

static void on_tick(struct trap_frame *frame)
{
    (void)frame;
    ticks++;
    soak_point();
    apic_eoi();
}

static void on_ipi(struct trap_frame *frame)
{
    order[ipis++ % 4] = frame->vector;
    soak_point();
    apic_eoi();
}

static void on_uart(struct trap_frame *frame)
{
    (void)frame;
    soak_point();
    thres += (inb(UART_IIR) & 0x0F) == 0x02;
    apic_eoi();
}

void busy_interrupts_start(void)
{
    trap_set(BUSY_TIMER, on_tick);
    trap_set(BUSY_UART, on_uart);
    for (uint32_t i = 0; i < 3; i++)
        trap_set(BUSY_IPI + i * 0x10, on_ipi);
    ioapic_route(PIN, BUSY_UART);
    cpu_sti();
}

static bool wait_for(const volatile uint32_t *count, uint32_t wanted)
{
    uint64_t end = clock_after(PATIENCE);

    while (*count != wanted && rdtsc() < end)
        cpu_pause();
    return *count == wanted;
}

/* Three at once, lowest first: they must come highest first, once each. */
bool busy_ipis(uint32_t round)
{
    (void)round;
    cpu_cli();
    ipis = 0;
    for (uint32_t i = 0; i < 3; i++)
        apic_self_ipi(BUSY_IPI + i * 0x10);
    cpu_sti();
    return wait_for(&ipis, 3) && order[0] == BUSY_IPI + 0x20 &&
           order[1] == BUSY_IPI + 0x10 && order[2] == BUSY_IPI;
}

/* Periodic, one-shot and deadline by turns; it runs into later rounds. */
bool busy_timer(uint32_t round)
{
    uint32_t before = ticks;
    uint64_t end = clock_after(PATIENCE);

    if (round % 3 == 0)
        apic_timer(BUSY_TIMER, clock_timer_khz() / 2, true);
    else if (round % 3 == 1 || !clock_has_deadline())
        apic_timer(BUSY_TIMER, clock_timer_khz(), false);
    else
        apic_deadline(BUSY_TIMER, clock_after(1));
    while (ticks == before && rdtsc() < end) {
        if ((round & 4) != 0) {
            cpu_cli();
            if (ticks == before)
                cpu_sti_hlt();
            cpu_sti();
        }
    }
    return ticks != before;
}

/* The transmitter's interrupt, by way of the I/O APIC. */
bool busy_uart(uint32_t round)
{
    uint32_t before;

    console_flush();
    before = thres;
    outb(UART_SCRATCH, (uint8_t)round);
    outb(UART_IER, 0x02);
    if (!wait_for(&thres, before + 1))
        return false;
    outb(UART_IER, 0);
    return inb(UART_SCRATCH) == (uint8_t)round;
}
