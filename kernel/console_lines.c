/* SPDX-License-Identifier: BSD-2-Clause */
/* The serial lines behind console and events: opening, interrupts, panic. */
#include "kernel/console.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/interrupt.h"
#include "drivers/ioapic.h"
#include "kernel/console_parts.h"
#include "kernel/event.h"
#include "kernel/log.h"
#include "kernel/panic_sink.h"
#include "kernel/run.h"
#include "kernel/string.h"
#include "kernel/watchdog.h"

#define COM1_IRQ 4
#define COM2_IRQ 3

static char com1_out[65536], com1_in[1024];
static char com2_out[262144], com2_in[4096];

struct uart_line com1 = {
    .out = {.data = com1_out, .size = sizeof(com1_out)},
    .in = {.data = com1_in, .size = sizeof(com1_in)},
};
struct uart_line com2 = {
    .out = {.data = com2_out, .size = sizeof(com2_out)},
    .in = {.data = com2_in, .size = sizeof(com2_in)},
};

static enum on_panic on_panic;

static bool send_event(const char *text, size_t length)
{
    if (!com2.port) {
        return true; /* nobody listens, nothing is lost */
    }
    if (ring_room(&com2.out) < length) {
        return false;
    }
    uart_send(&com2, text, (uint32_t)length);
    return true;
}

static void serve_com1(void)
{
    uart_poll(&com1);
}

static void serve_com2(void)
{
    uart_poll(&com2);
}

/* A full ring takes seconds. */
void console_flush(void)
{
    watchdog_core_ends();
    console_poll(rdtsc());
    uart_flush(&com1);
    uart_flush(&com2);
}

static void panic_begin(void)
{
    uart_flush(&com1);
}

static void panic_write(const char *text)
{
    for (; *text; text++) {
        if (*text == '\n') {
            uart_send(&com1, "\r", 1);
        }
        uart_send(&com1, text, 1);
        uart_flush(&com1);
    }
}

static void panic_end(const char *what)
{
    struct event event;

    event_begin(&event, "panic");
    event_text(&event, "what", what);
    event_end(&event);
    uart_flush(&com2);
    if (on_panic == ON_PANIC_REBOOT) {
        outb(0xcf9, 6); /* hard reset: Intel PCH data sheet, RST_CNT */
    }
}

void console_open(const struct boot_config *config)
{
    const struct panic_sink sink = {panic_begin, panic_write, panic_end};

    on_panic = config->on_panic;
    uart_open(&com1, config->com1);
    uart_open(&com2, config->com2);
    panic_set_sink(&sink);
    event_set_sink(send_event);
}

/* A line at another port has another interrupt, which we do not know. */
static void route(struct uart_line *line, uint16_t usual_port, uint32_t gsi,
                  uint8_t vector, uint32_t apic_id, void (*handler)(void))
{
    interrupt_register(vector, handler);
    if (line->port == usual_port && !ioapic_host_route(gsi, vector, apic_id)) {
        uart_enable_interrupts(line);
    }
}

void console_enable_interrupts(const uint32_t irq_gsi[16], uint32_t apic_id)
{
    route(&com1, 0x3f8, irq_gsi[COM1_IRQ], VECTOR_SERIAL1, apic_id, serve_com1);
    route(&com2, 0x2f8, irq_gsi[COM2_IRQ], VECTOR_SERIAL2, apic_id, serve_com2);
    log_info("serial: com1 %s, com2 %s", com1.port ? "found" : "not there",
             com2.port ? "found (events)" : "not there: no event stream");
}

void console_start(const struct boot_config *config)
{
    console_first_view(config);
    run_at_safe_point(console_poll);
}
