/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/event.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/percpu.h"
#include "kernel/fault.h"
#include "kernel/format.h"

static bool (*sink)(const char *text, size_t length, uint16_t vm);
static void (*owed)(void);
static uint64_t lost, lost_told;

void event_set_sink(bool (*to)(const char *text, size_t length, uint16_t vm))
{
    sink = to;
}

uint64_t event_lost(void)
{
    return lost;
}

static void put(struct event *event, char c)
{
    if (event->length + 1 >= EVENT_SIZE) {
        event->overflow = true;
        return;
    }
    event->text[event->length++] = c;
}

static void put_raw(struct event *event, const char *text)
{
    while (*text) {
        put(event, *text++);
    }
}

/* A JSON string (RFC 8259, 7). Bytes above 0x7f are passed as Latin-1. */
static void put_string(struct event *event, const char *text)
{
    char code[8];

    put(event, '"');
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\') {
            put(event, '\\');
            put(event, (char)c);
        } else if (c < 0x20 || c > 0x7e) {
            format(code, sizeof(code), "\\u%04x", c);
            put_raw(event, code);
        } else {
            put(event, (char)c);
        }
    }
    put(event, '"');
}

static void put_key(struct event *event, const char *key)
{
    put(event, ',');
    put_string(event, key);
    put(event, ':');
}

void event_owe(void (*tell)(void))
{
    owed = tell;
}

/* The VM whose turn it may be has no part in what is owed. */
static void pay(void)
{
    void (*tell)(void) = owed;

    owed = NULL;
    if (tell) {
        core_enter();
        tell();
        core_leave();
    }
}

void event_begin(struct event *event, const char *name)
{
    pay();
    event->overflow = false;
    event->length =
        (size_t)format(event->text, EVENT_SIZE, "{\"t\":%lu", rdtsc());
    event_text(event, "event", name);
    if (lost != lost_told) {
        event_number(event, "lost", lost);
    }
}

void event_text(struct event *event, const char *key, const char *value)
{
    put_key(event, key);
    put_string(event, value);
}

void event_number(struct event *event, const char *key, uint64_t value)
{
    char digits[24];

    put_key(event, key);
    format(digits, sizeof(digits), "%lu", value);
    put_raw(event, digits);
}

void event_boolean(struct event *event, const char *key, bool value)
{
    put_key(event, key);
    put_raw(event, value ? "true" : "false");
}

bool event_end_of(struct event *event, uint16_t vm)
{
    uint64_t told = lost;

    put(event, '}');
    put(event, '\n');
    if (!sink) {
        return true;
    }
    if (event->overflow || !sink(event->text, event->length, vm)) {
        lost++;
        return false;
    }
    lost_told = told;
    return true;
}

void event_end(struct event *event)
{
    event_end_of(event, FAULT_NO_VM);
}
