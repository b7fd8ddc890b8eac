/* sources: kernel/monitor.c kernel/monitor_input.c kernel/words.c */
/* sources: kernel/format.c */
/* fuzz: -runs=60000 -max_len=600 -dict=tests/fuzz/monitor_line.dict */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The monitor's two inputs, key by key, and its numbers. */
#include "kernel/console.h"
#include "kernel/console_parts.h"
#include "kernel/event.h"
#include "kernel/monitor.h"
#include "tests/fuzz/fuzz.h"

/* What the line that is typed says, as a plain reading of it. */
struct line {
    char text[MONITOR_LINE_SIZE];
    unsigned length;
};

static struct {
    char line[MONITOR_LINE_SIZE]; /* that is being carried out */
    bool to_events;
    int result;                /* of the commands */
    unsigned runs, told, said; /* commands, events of their end, output */
} seen;

/* ---- what the monitor uses ---- */

void console_print(const char *text)
{
    require(strlen(text) < 2 * MONITOR_LINE_SIZE);
    seen.said++;
}

void event_begin(struct event *event, const char *name)
{
    event->length = strcmp(name, "monitor") == 0;
    seen.said += !event->length;
}

void event_text(struct event *event, const char *key, const char *value)
{
    require(strlen(value) < MONITOR_LINE_SIZE);
    if (event->length) /* the whole line, as it was typed */
        require(strcmp(key, "command") == 0 && strcmp(value, seen.line) == 0);
}

void event_number(struct event *event, const char *key, uint64_t value)
{
    require(event->length && strcmp(key, "status") == 0 && value < 4096);
}

void event_boolean(struct event *event, const char *key, bool value)
{
    require(event->length && strcmp(key, "ok") == 0);
    require(value == (seen.result == 0));
}

void event_end(struct event *event)
{
    seen.told += event->length != 0;
}

/* ---- commands ---- */

/* The words are the line's, in their order, with nothing between them. */
static void check_words(unsigned count, char **words)
{
    const char *at = seen.line;

    require(count >= 1 && count <= MONITOR_WORDS_MAX);
    for (unsigned i = 0; i < count; i++) {
        size_t length = strlen(words[i]);

        at += strspn(at, " ");
        require(length > 0);
        if (i == MONITOR_WORDS_MAX - 1) /* the rest of the line */
            require(strlen(at) == length);
        else
            require(strcspn(at, " ") == length);
        require(memcmp(at, words[i], length) == 0);
        at += length;
    }
    if (count < MONITOR_WORDS_MAX)
        require(at[strspn(at, " ")] == '\0');
}

static int run(struct monitor *monitor, unsigned count, char **words)
{
    require(monitor->to_events == seen.to_events);
    check_words(count, words);
    seen.runs++;
    for (unsigned i = 0; i < count; i++)
        monitor_print(monitor, "%s", words[i]);
    return seen.result = count % 3 ? 0 : count % 2 ? -EINVAL : -EBUSY;
}

static const struct monitor_command commands[] = {
    {"list", "", "all", run},
    {"send", "VM [TEXT]", "types", run},
    {"x", "", "short", run}};

/* Does the line's first word name one of ours? help is the monitor's. */
static bool is_ours(const char *line)
{
    size_t length;
    bool ours = false;

    line += strspn(line, " ");
    length = strcspn(line, " ");
    for (unsigned i = 0; i < COUNT(commands); i++)
        ours |= strlen(commands[i].name) == length &&
                memcmp(commands[i].name, line, length) == 0;
    return ours;
}

static int result_of(const char *line)
{
    const char *word = line + strspn(line, " ");

    if (strncmp(word, "help", 4) || (word[4] && word[4] != ' '))
        return -ENOENT;
    return word[4 + strspn(word + 4, " ")] ? -EINVAL : 0;
}

/* ---- keys ---- */

static void press(struct line *line, char c, bool command)
{
    bool end = c == '\r' || c == '\n', empty;

    memset(&seen, 0, sizeof(seen));
    seen.to_events = command;
    memcpy(seen.line, line->text, line->length);
    empty = seen.line[strspn(seen.line, " ")] == '\0';
    seen.result = result_of(seen.line);
    if (command)
        console_command_key(c);
    else
        console_monitor_key(c);
    if (end) {
        require(seen.runs == is_ours(seen.line));
        require(seen.told == !empty);
        line->length = 0;
        return;
    }
    require(seen.runs == 0 && seen.told == 0);
    if (!command && (c == 0x7f || c == '\b'))
        line->length -= line->length > 0;
    else if (c >= ' ' && c <= '~' && line->length < MONITOR_LINE_SIZE - 1)
        line->text[line->length++] = c;
}

/* ---- numbers ---- */

static int digit_of(char c, unsigned base)
{
    const char *digits = "0123456789abcdef";
    const char *at =
        c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;

    return at && (unsigned)(at - digits) < base ? (int)(at - digits) : -1;
}

/* As monitor_number() should; UINT64_MAX + 1: refused. */
static unsigned __int128 plain_number(const char *text)
{
    unsigned __int128 refused = (unsigned __int128)1 << 64, n = 0;
    unsigned base = text[0] == '0' && (text[1] | 32) == 'x' ? 16 : 10;
    unsigned digits = 0;

    for (text += base == 16 ? 2 : 0; digit_of(*text, base) >= 0; text++) {
        n = n * base + (unsigned)digit_of(*text, base);
        digits++;
        if (n >= refused)
            return refused;
    }
    if (*text)
        n <<= *text == 'K' ? 10 : *text == 'M' ? 20 : *text == 'G' ? 30 : 127;
    return digits == 0 || (*text && (text[1] || !strchr("KMG", *text))) ||
                   n > refused
               ? refused
               : n;
}

static void check_number(const char *text)
{
    unsigned __int128 want = plain_number(text);
    unsigned long value = 0xa5;
    int error = monitor_number(text, &value);

    if (want >> 64)
        require(error == -EINVAL && value == 0xa5);
    else
        require(error == 0 && value == want);
}

/* One that looks like a number, and any text. */
static void check_numbers(struct input *in)
{
    static const char endings[] = "KMGTk0 x";
    unsigned how = (unsigned)take(in, 1);
    size_t length = in->left < how % 32 ? in->left : how % 32;
    char text[40], *exact = malloc(length + 1);

    require(exact != NULL);
    memcpy(exact, in->at, length);
    exact[length] = '\0';
    check_number(exact);
    free(exact);
    sprintf(text, how & 0x80 ? "0x%lx" : "%lu", take_number(in));
    if (how & 0x10) /* just above 64 bits, perhaps */
        text[strlen(text) - 1] = '9';
    strncat(text, endings + how % 8, how >> 5 & 1);
    check_number(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct line lines[2];
    static bool started;
    struct input in = {data, size};

    if (!started) {
        monitor_start();
        for (unsigned i = 0; i < COUNT(commands); i++)
            require(monitor_register(&commands[i]) == 0);
        started = true;
    }
    check_numbers(&in);
    while (in.left) {
        char c = (char)take(&in, 1);
        bool command = c & 0x80;

        press(&lines[command], c & 0x7f, command);
        if (c == '\t') /* a long line, fast */
            for (unsigned i = 0; i < MONITOR_LINE_SIZE; i++)
                press(&lines[i % 2], i % 7 ? 'a' : ' ', i % 2);
    }
    press(&lines[0], '\n', false);
    press(&lines[1], '\r', true);
    return 0;
}
