/* SPDX-License-Identifier: BSD-2-Clause */
/* The monitor's two inputs: keys on COM1 with an echo, lines on COM2. */
#include "kernel/console_parts.h"
#include "kernel/console.h"
#include "kernel/monitor.h"

struct input {
    char line[MONITOR_LINE_SIZE];
    unsigned length;
    struct monitor monitor;
};

static struct input keyboard;
static struct input commands = {.monitor = {.to_events = true}};

void console_monitor_prompt(void)
{
    console_print("bulkhead> ");
}

static void carry_out(struct input *input)
{
    input->line[input->length] = '\0';
    input->length = 0;
    monitor_execute(&input->monitor, input->line);
}

static bool collect(struct input *input, char c)
{
    if (c < ' ' || c > '~' || input->length == MONITOR_LINE_SIZE - 1) {
        return false;
    }
    input->line[input->length++] = c;
    return true;
}

void console_monitor_key(char c)
{
    const char echo[2] = {c, '\0'};

    if (c == '\r' || c == '\n') {
        console_print("\n");
        carry_out(&keyboard);
        console_monitor_prompt();
    } else if ((c == 0x7f || c == '\b') && keyboard.length > 0) {
        keyboard.length--;
        console_print("\b \b");
    } else if (collect(&keyboard, c)) {
        console_print(echo);
    }
}

void console_command_key(char c)
{
    if (c == '\n' || c == '\r') {
        carry_out(&commands);
    } else {
        collect(&commands, c);
    }
}
