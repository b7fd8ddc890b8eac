/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guests' program, and their first process.
 *
 *   heartbeat SEED MIB              beats for ever
 *   heartbeat --expect SEED MIB N   prints what the beats 1 to N must be
 *
 * A beat prints "beat N SUM", or "bad N" when the buffer was corrupted.
 * Lines on the standard input make it do something between two beats.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "beat.h"
#include "harm.h"
#include "init.h"
#include "interface.h"

enum {
    MIB_DEFAULT = 4,
    MIB_MAX = 1024,
};

struct heartbeat {
    struct beat beat;
    bool interface;
};

static void take_snapshot(struct heartbeat *heart)
{
    uint32_t restored;

    if (!heart->interface) {
        puts("snapshot: no interface");
        return;
    }
    restored = interface_snapshot();
    if (restored)
        printf("snapshot: restore %u, back %u ms\n", restored,
               interface_rollback_ms());
    else
        puts("snapshot: taken");
}

/* Corrupts a byte, to show that this is noticed. */
static void spoil(struct heartbeat *heart)
{
    heart->beat.words[heart->beat.count / 3] ^= 0x100;
}

static void obey(struct heartbeat *heart, const char *command)
{
    printf("do %s\n", command);
    if (!strcmp(command, "wild"))
        harm_wild();
    else if (!strcmp(command, "triple"))
        harm_triple();
    else if (!strcmp(command, "panic"))
        harm_panic();
    else if (!strcmp(command, "quit"))
        harm_power_off();
    else if (!strcmp(command, "snapshot"))
        take_snapshot(heart);
    else if (!strcmp(command, "spoil"))
        spoil(heart);
    else
        puts("unknown");
}

/* Obeys the commands that have come; never waits. */
static void obey_input(struct heartbeat *heart)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char line[64];
    ssize_t size;

    if (poll(&input, 1, 0) <= 0 || !(input.revents & POLLIN))
        return;
    size = read(STDIN_FILENO, line, sizeof(line) - 1);
    if (size <= 0)
        return;
    line[size] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    obey(heart, line);
}

static void print_beat(const struct beat *beat, bool good)
{
    if (good)
        printf("beat %lu %016lx\n", beat->number, beat->digest);
    else
        printf("bad %lu\n", beat->number);
}

static void beat_for_ever(struct heartbeat *heart)
{
    for (;;) {
        bool good = beat_next(&heart->beat);

        if (heart->interface && good)
            interface_heartbeat((uint32_t)heart->beat.number);
        print_beat(&heart->beat, good);
        obey_input(heart);
    }
}

static int expect(unsigned long seed, size_t mib, unsigned long count)
{
    struct beat beat;

    if (!beat_start(&beat, seed, mib))
        return 1;
    while (beat.number < count)
        print_beat(&beat, beat_next(&beat));
    free(beat.words);
    return 0;
}

static int usage(void)
{
    fprintf(stderr, "usage: heartbeat SEED MIB\n"
                    "       heartbeat --expect SEED MIB COUNT\n");
    return 1;
}

int main(int argc, char **argv)
{
    struct heartbeat heart = {.interface = false};
    bool expecting = argc == 5 && !strcmp(argv[1], "--expect");
    int first = expecting ? 2 : 1;
    unsigned long seed = 1;
    size_t mib = MIB_DEFAULT;

    if (getpid() == 1) {
        init_run(&seed, &mib);
    } else {
        if (!expecting && argc != 3)
            return usage();
        seed = strtoul(argv[first], NULL, 0);
        mib = strtoul(argv[first + 1], NULL, 0);
    }
    if (mib < 1 || mib > MIB_MAX)
        return usage();
    if (expecting)
        return expect(seed, mib, strtoul(argv[4], NULL, 0));
    setvbuf(stdout, NULL, _IOLBF, 0); /* a line is one write */
    heart.interface = interface_open();
    if (!beat_start(&heart.beat, seed, mib)) {
        puts("no memory");
        return 1;
    }
    beat_for_ever(&heart);
}
