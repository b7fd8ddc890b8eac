/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/monitor.h"

#include <stdarg.h>
#include <stddef.h>

#include "kernel/console.h"
#include "kernel/console_parts.h"
#include "kernel/errno.h"
#include "kernel/event.h"
#include "kernel/format.h"
#include "kernel/string.h"
#include "kernel/words.h"

#define COMMANDS_MAX 40

static const struct monitor_command *commands[COMMANDS_MAX];
static unsigned command_count;

int monitor_register(const struct monitor_command *command)
{
    if (command_count == COMMANDS_MAX) {
        return -ENOSPC;
    }
    commands[command_count++] = command;
    return 0;
}

void monitor_print(struct monitor *monitor, const char *fmt, ...)
{
    char line[MONITOR_LINE_SIZE];
    struct event event;
    va_list args;

    va_start(args, fmt);
    vformat(line, sizeof(line), fmt, args);
    va_end(args);
    if (!monitor->to_events) {
        console_print(line);
        console_print("\n");
        return;
    }
    event_begin(&event, "monitor-output");
    event_text(&event, "line", line);
    event_end(&event);
}

static unsigned split(char *line, char **words)
{
    unsigned count = 0;

    while (count < MONITOR_WORDS_MAX) {
        while (*line == ' ') {
            *line++ = '\0';
        }
        if (!*line) {
            break;
        }
        words[count++] = line;
        while (*line && *line != ' ') {
            line++;
        }
    }
    return count;
}

static const struct monitor_command *find(const char *name)
{
    for (unsigned i = 0; i < command_count; i++) {
        if (!strcmp(commands[i]->name, name)) {
            return commands[i];
        }
    }
    return NULL;
}

static int run(struct monitor *monitor, unsigned count, char **words)
{
    const struct monitor_command *command = find(words[0]);
    int error;

    if (!command) {
        monitor_print(monitor, "%s: no such command; try help", words[0]);
        return -ENOENT;
    }
    error = command->run(monitor, count, words);
    if (error == -EINVAL) {
        monitor_print(monitor, "usage: %s %s", command->name, command->usage);
    }
    return error;
}

static void tell_status(const char *line, int error)
{
    struct event event;

    event_begin(&event, "monitor");
    event_text(&event, "command", line);
    event_boolean(&event, "ok", error == 0);
    event_number(&event, "status", (uint64_t)-error);
    event_end(&event);
}

int monitor_execute(struct monitor *monitor, const char *line)
{
    char copy[MONITOR_LINE_SIZE];
    char *words[MONITOR_WORDS_MAX];
    unsigned count;
    int error;

    format(copy, sizeof(copy), "%s", line);
    count = split(copy, words);
    if (!count) {
        return 0;
    }
    error = run(monitor, count, words);
    tell_status(line, error);
    return error;
}

int monitor_number(const char *text, unsigned long *value)
{
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    uint64_t number;
    int shift;

    text += hex ? 2 : 0;
    if (word_digits(&text, hex ? 16 : 10, UINT64_MAX, &number)) {
        return -EINVAL;
    }
    shift = word_unit(text);
    if (shift < 0 || number > UINT64_MAX >> shift) {
        return -EINVAL;
    }
    *value = number << shift;
    return 0;
}

static int help(struct monitor *monitor, unsigned count, char **words)
{
    char name[40];

    (void)words;
    if (count > 1) {
        return -EINVAL;
    }
    for (unsigned i = 0; i < command_count; i++) {
        format(name, sizeof(name), "%s %s", commands[i]->name,
               commands[i]->usage);
        monitor_print(monitor, "%-30s %s", name, commands[i]->help);
    }
    return 0;
}

void monitor_start(void)
{
    static const struct monitor_command command = {"help", "", "this list",
                                                   help};

    monitor_register(&command);
}
