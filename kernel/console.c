/* SPDX-License-Identifier: BSD-2-Clause */
/* The views of COM1: what is shown, whose line it is, where keys go. */
#include "kernel/console.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/timer.h"
#include "drivers/screen.h"
#include "kernel/console_parts.h"
#include "kernel/errno.h"
#include "kernel/event.h"
#include "kernel/format.h"
#include "kernel/log_ring.h"
#include "kernel/run.h"
#include "kernel/string.h"

#define CHORD          0x01 /* Ctrl-A */
#define PARTIAL_MS     100  /* an unfinished line is shown after so long */
#define SCREEN_AT_ONCE 256  /* characters */
#define NOBODY         (-1)
#define THE_MONITOR    (-2)

static struct guest_console guests[VM_MAX];
static int view = THE_MONITOR; /* VM index, THE_MONITOR, or NOBODY: mixed */
static int keys_to = THE_MONITOR;
static int open_line = NOBODY; /* who wrote the unfinished line on COM1 */
static bool chord;

static const char help_text[] =
    "keys: Ctrl-A m monitor, 0-7 that guest, x all mixed, b BREAK, n NMI,\n"
    "      a a Ctrl-A, ? this help\n";

static void put(const char *text, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++) {
        if (text[i] == '\n') {
            uart_send(&com1, "\r", 1);
        }
        uart_send(&com1, &text[i], 1);
    }
}

static void end_open_line(int next)
{
    if (open_line != NOBODY && open_line != next) {
        put("\n", 1);
        open_line = NOBODY;
    }
}

/* A piece of a guest's line in the mixed view; complete ends it. */
static void put_mixed(int vm, const char *text, uint32_t length, bool complete)
{
    end_open_line(vm);
    if (open_line != vm) {
        put(guests[vm].name, (uint32_t)strlen(guests[vm].name));
        put("| ", 2);
        open_line = vm;
    }
    put(text, length);
    if (complete) {
        put("\n", 1);
        open_line = NOBODY;
    }
}

static void emit_line(int vm)
{
    const struct guest_console *guest = &guests[vm];
    struct event event;

    event_begin(&event, "console");
    event_text(&event, "vm", guest->name);
    event_text(&event, "line", guest->line);
    event_end_of(&event, (uint16_t)vm);
}

/* A line that COM1 has no room for is lost whole, but for what was shown. */
static bool may_show(struct guest_console *guest)
{
    uint32_t length = guest->length + (uint32_t)strlen(guest->name) + 4;
    bool may = share_allows(&guest->share, rdtsc(), length,
                            ring_room(&com1.out), com1.out.size, tsc_per_ms);

    com1.out.lost += may ? 0 : length;
    return may;
}

static void finish_line(int vm)
{
    struct guest_console *guest = &guests[vm];

    guest->line[guest->length] = '\0';
    emit_line(vm);
    if (view == NOBODY && may_show(guest)) {
        put_mixed(vm, guest->line + guest->shown, guest->length - guest->shown,
                  true);
    }
    guest->shown = 0;
    asm volatile("" ::: "memory"); /* never more shown than there is */
    guest->length = 0;
}

/* As the guest sends it, but that a line's end takes the cursor back. */
static void put_raw(const struct guest_console *guest, char c)
{
    if (c == '\n' && guest->last != '\r') {
        uart_send(&com1, "\r", 1);
    }
    uart_send(&com1, &c, 1);
}

/* May be cut off anywhere (vmm/outside.h): a line that is told twice is the
 * worst of it. */
void console_guest_put(uint16_t vm, uint8_t c)
{
    struct guest_console *guest = &guests[vm];

    if (view == vm) {
        put_raw(guest, (char)c);
    }
    guest->last = (char)c;
    if (c == '\r' || c == '\0') {
        return;
    }
    if (c != '\n') {
        if (guest->length >= sizeof(guest->line) - 1) {
            finish_line(vm); /* that was cut off */
        }
        guest->line[guest->length++] = (char)c;
        guest->since = rdtsc();
    }
    if (c == '\n' || guest->length == sizeof(guest->line) - 1) {
        finish_line(vm);
    }
}

/* Prompts end without a newline: show them after a while. */
static uint64_t show_partial_lines(uint64_t now)
{
    uint64_t again = RUN_NEVER;

    for (int vm = 0; view == NOBODY && vm < VM_MAX; vm++) {
        struct guest_console *guest = &guests[vm];
        uint64_t due = guest->since + PARTIAL_MS * tsc_per_ms;

        if (guest->length <= guest->shown) {
            continue;
        }
        if (now >= due) {
            put_mixed(vm, guest->line + guest->shown,
                      guest->length - guest->shown, false);
            guest->shown = guest->length;
        } else if (due < again) {
            again = due;
        }
    }
    return again;
}

/* A screen is slow to write on: not all of a long log between two turns. */
static bool show_log(void)
{
    unsigned left = screen_is_open() ? SCREEN_AT_ONCE : UINT32_MAX;
    char c;

    if (ring_used(&log_ring)) {
        end_open_line(NOBODY);
    }
    while (left-- && ring_get(&log_ring, &c)) {
        put(&c, 1);
        screen_write(&c, 1);
    }
    return ring_used(&log_ring);
}

void console_print(const char *text)
{
    end_open_line(NOBODY);
    put(text, (uint32_t)strlen(text));
}

static void set_view(int to)
{
    char line[80];

    end_open_line(NOBODY);
    view = to;
    if (to != NOBODY) {
        keys_to = to;
    }
    format(line, sizeof(line), "[%s]\n",
           to == NOBODY        ? "all guests mixed"
           : to == THE_MONITOR ? "monitor"
                               : guests[to].name);
    put(line, (uint32_t)strlen(line));
    if (to == THE_MONITOR) {
        console_monitor_prompt();
    }
}

static void chord_key(char c)
{
    if (c == 'm') {
        set_view(THE_MONITOR);
    } else if (c == 'x') {
        set_view(NOBODY);
    } else if (c >= '0' && c < '0' + VM_MAX && guests[c - '0'].name) {
        set_view(c - '0');
    } else if (c == 'b' && keys_to >= 0) {
        console_send_break((uint16_t)keys_to);
    } else if (c == 'n' && keys_to >= 0) {
        console_send_nmi((uint16_t)keys_to);
    } else if ((c == 'a' || c == CHORD) && keys_to >= 0) {
        c = CHORD;
        console_send((uint16_t)keys_to, &c, 1);
    } else {
        console_print(help_text);
    }
}

static void key(char c)
{
    if (chord) {
        chord = false;
        chord_key(c);
    } else if (c == CHORD) {
        chord = true;
    } else if (keys_to >= 0) {
        console_send((uint16_t)keys_to, &c, 1);
    } else {
        console_monitor_key(c);
    }
}

/* A line without a working interrupt has to be looked at. */
static uint64_t poll_again(uint64_t now, uint64_t again)
{
    bool deaf = (uart_there(&com1) && !com1.interrupts) ||
                (uart_there(&com2) && !com2.interrupts);
    uint64_t soon = now + tsc_per_ms;

    return deaf && soon < again ? soon : again;
}

/* What a command asked for is seen to at the next safe point. */
uint64_t console_poll(uint64_t now)
{
    uint64_t again;
    bool more = false;
    char c;

    uart_poll(&com1);
    uart_poll(&com2);
    while (ring_get(&com1.in, &c)) {
        key(c);
        more = true;
    }
    while (ring_get(&com2.in, &c)) {
        console_command_key(c);
        more = true;
    }
    more |= show_log();
    again = show_partial_lines(now);
    uart_poll(&com1);
    uart_poll(&com2);
    return more ? now : poll_again(now, again);
}

void console_add_guest(uint16_t vm, const char *name, struct runnable *reader)
{
    guests[vm].name = name;
    guests[vm].reader = reader;
    guests[vm].input.data = guests[vm].input_data;
    guests[vm].input.size = sizeof(guests[vm].input_data);
}

struct guest_console *console_guest(uint16_t vm)
{
    return &guests[vm];
}

/* The first view: as the boot line says, else all mixed with the keys going
 * to the monitor. */
void console_first_view(const struct boot_config *config)
{
    view = config->console == CONSOLE_MONITOR ? THE_MONITOR : NOBODY;
    for (int vm = 0; config->console == CONSOLE_VM && vm < VM_MAX; vm++) {
        if (guests[vm].name && !strcmp(guests[vm].name, config->console_vm)) {
            view = keys_to = vm;
        }
    }
    console_print(help_text);
}
