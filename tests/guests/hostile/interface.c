/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest interface: wrong sizes, wrong numbers, wrong rings; and storms of
 * it. */
#include "tests/guests/hostile/hostile.h"

#include "tests/guests/lib/console.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/trap.h"

#define REFUSED   0xFFFFFFFFu
#define SNAPSHOTS 60u
#define BEATS     20000u
#define LINES     800u

CODE(call, "vmcall");

static void ports(void)
{
    for (uint32_t port = 0x5B00; port < 0x5B20; port++) {
        if (port % 4 != 0 || port > PORT_HEARTBEAT)
            must("in of 4", inl((uint16_t)port), REFUSED);
        must("in of 2", inw((uint16_t)port), 0xFFFF);
        must("in of 1", inb((uint16_t)port), 0xFF);
        outw((uint16_t)port, 0xFFFF);
        outb((uint16_t)port, 0xFF);
        if (port != PORT_HEARTBEAT)
            outl((uint16_t)port, REFUSED);
    }
    must("heartbeat, read", inl(PORT_HEARTBEAT), REFUSED);
    must("signature", inl(PORT_SIGNATURE), SIGNATURE);
    must("restores", inl(PORT_RESTORES), 0);
}

static uint32_t call_from(uint32_t (*from)(struct try *, const void *),
                          uint32_t number)
{
    struct try t = {.eax = number, .ebx = number, .ecx = ~0u, .edx = ~0u};

    must("exception of VMCALL", from(&t, call), TRAP_NONE);
    return t.eax;
}

static void calls(void)
{
    uint32_t number = 1;

    for (uint32_t i = 5; i < 2000; i++)
        must("number", call_from(try_kernel, i), REFUSED);
    for (uint32_t i = 3; i < 32; i++) {
        must("bit", call_from(try_kernel, 1u << i), REFUSED);
        must("less a bit", call_from(try_kernel, ~(1u << i)), REFUSED);
    }
    for (uint32_t i = 0; i < 500; i++) {
        number = number * 1664525u + 1013904223u;
        must("random", call_from(try_kernel, number | 8), REFUSED);
    }
    must("signature", call_from(try_kernel, HOST_SIGNATURE), SIGNATURE);
    for (uint32_t i = 0; i < 100; i++)
        must("of ring 3", call_from(try_user, i), REFUSED);
}

static const struct deed deeds[] = {
    {"interface-ports", ports, NULL},
    {"interface-calls", calls, NULL},
};

ATTEMPT(interface, deeds);

static void snapshot_storm(void)
{
    for (uint32_t i = 0; i < SNAPSHOTS; i++)
        must("snapshot", inl(PORT_SNAPSHOT), 0);
}

static const struct deed snapshots[] = {
    {"snapshot-storm", snapshot_storm, NULL},
};

ATTEMPT(snapshots, snapshots);

static void beat_storm(void)
{
    for (uint32_t i = 0; i < BEATS; i++) {
        outl(PORT_HEARTBEAT, i);
        host_vmcall(HOST_HEARTBEAT, i);
    }
}

static const struct deed beats[] = {{"heartbeat-storm", beat_storm, NULL}};

ATTEMPT(beats, beats);

/* What the serial lines cannot carry: lines, bytes without a line, and bytes
 * that grow to six in an event. */
static void flood(void)
{
    for (uint32_t i = 0; i < LINES; i++) {
        for (uint32_t n = 0; n < 70; n++)
            outb(UART_DATA, (uint8_t)(i % 2 != 0 ? 0x01 : 'x'));
        outb(UART_DATA, '\n');
    }
    for (uint32_t i = 0; i < LINES; i++)
        outl(UART_DATA, 0x00000A0Au);
    console_init();
}

static const struct deed floods[] = {{"console-flood", flood, NULL}};

ATTEMPT(floods, floods);
