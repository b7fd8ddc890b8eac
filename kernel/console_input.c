/* SPDX-License-Identifier: BSD-2-Clause */
/* Input of the guests' consoles. */
#include "kernel/console.h"

#include "kernel/console_parts.h"
#include "kernel/errno.h"
#include "kernel/run.h"

int console_send(uint16_t vm, const char *text, unsigned length)
{
    struct guest_console *guest = console_guest(vm);

    if (!guest->name || !ring_write(&guest->input, text, length)) {
        return -ENOSPC;
    }
    run_wake(guest->reader);
    return 0;
}

void console_send_break(uint16_t vm)
{
    console_guest(vm)->send_break = true;
    run_wake(console_guest(vm)->reader);
}

void console_send_nmi(uint16_t vm)
{
    console_guest(vm)->send_nmi = true;
    run_wake(console_guest(vm)->reader);
}

bool console_guest_has_input(uint16_t vm)
{
    const struct guest_console *guest = console_guest(vm);

    return ring_used(&guest->input) || guest->send_break || guest->send_nmi;
}

bool console_guest_get(uint16_t vm, uint8_t *c)
{
    char byte;

    if (!ring_get(&console_guest(vm)->input, &byte)) {
        return false;
    }
    *c = (uint8_t)byte;
    return true;
}

static bool take(bool *flag)
{
    bool was = *flag;

    *flag = false;
    return was;
}

bool console_guest_break(uint16_t vm)
{
    return take(&console_guest(vm)->send_break);
}

bool console_guest_nmi(uint16_t vm)
{
    return take(&console_guest(vm)->send_nmi);
}
