/* SPDX-License-Identifier: BSD-2-Clause */
/* The serial lines behind console and events: opening, interrupts, panic. */
#include "kernel/console.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/interrupt.h"
#include "arch/x86_64/timer.h"
#include "drivers/ioapic.h"
#include "drivers/screen.h"
#include "kernel/console_parts.h"
#include "kernel/event.h"
#include "kernel/log_ring.h"
#include "kernel/panic_sink.h"
#include "kernel/run.h"
#include "kernel/share.h"
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
static bool opened; /* the lines; until then events wait in the ring */

static struct share shares[VM_MAX]; /* of COM2 */

static bool has_room(uint32_t length, uint16_t vm)
{
    uint32_t room = ring_room(&com2.out);

    if (vm >= VM_MAX) {
        return room >= length;
    }
    return share_allows(&shares[vm], rdtsc(), length, room, com2.out.size,
                        tsc_per_ms);
}

static bool send_event(const char *text, size_t length, uint16_t vm)
{
    if (opened && !uart_there(&com2)) {
        return true; /* nobody listens, nothing is lost */
    }
    return has_room((uint32_t)length, vm) &&
           ring_write(&com2.out, text, length);
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
    do {
        console_poll(rdtsc());
    } while (ring_used(&log_ring));
    uart_flush(&com1);
    uart_flush(&com2);
}

/* What is owed is in the black box; whoever owes it may be what is broken. */
static void panic_begin(void)
{
    event_owe(NULL);
    uart_flush(&com1);
}

static void panic_message(void)
{
    screen_last_page();
}

static void panic_write(const char *text)
{
    screen_write(text, (uint32_t)strlen(text));
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
    const struct panic_sink sink = {panic_begin, panic_message, panic_write,
                                    panic_end};

    on_panic = config->on_panic;
    panic_set_sink(&sink);
    event_set_sink(send_event);
}

/* Opens what the word names. spare: the UARTs on PCI that no line has yet. */
static void open_line(struct uart_line *line, const struct serial_word *word,
                      uint32_t baud, struct serial_spares *spare)
{
    if (word->choice == SERIAL_OFF ||
        (word->choice != SERIAL_PCI && !uart_open(line, word->place, baud)) ||
        word->choice == SERIAL_PLACE) {
        return;
    }
    while (spare->count) {
        spare->count--;
        if (!uart_open(line, *spare->places++, baud)) {
            return;
        }
    }
}

void console_open_lines(const struct boot_config *config,
                        struct serial_spares spare)
{
    open_line(&com1, &config->com1, config->baud, &spare);
    open_line(&com2, &config->com2, config->baud, &spare);
    opened = true;
    if (!uart_there(&com2)) {
        com2.out.tail = com2.out.head;
    }
}

/* A line at another place has another interrupt, which we do not know. */
static void route(struct uart_line *line, uint16_t usual_port, uint32_t gsi,
                  uint8_t vector, uint32_t apic_id, void (*handler)(void))
{
    interrupt_register(vector, handler);
    if (line->place.kind == UART_PORT && line->place.address == usual_port &&
        !ioapic_host_route(gsi, vector, apic_id)) {
        uart_enable_interrupts(line);
    }
}

void console_enable_interrupts(const uint32_t irq_gsi[16], uint32_t apic_id)
{
    route(&com1, 0x3f8, irq_gsi[COM1_IRQ], VECTOR_SERIAL1, apic_id, serve_com1);
    route(&com2, 0x2f8, irq_gsi[COM2_IRQ], VECTOR_SERIAL2, apic_id, serve_com2);
}

void console_start(const struct boot_config *config)
{
    console_first_view(config);
    run_at_safe_point(console_poll);
}
