/* SPDX-License-Identifier: BSD-2-Clause */
/* The bench command: what this machine takes for the parts of a snapshot and
 * a restore, by the code that does them. */
#include "ft/ft_vm.h"
#include "ft/page_copy.h"
#include "ft/pages.h"
#include "kernel/crc32c.h"
#include "kernel/errno.h"
#include "kernel/event.h"
#include "kernel/monitor.h"
#include "kernel/time.h"

#define SAMPLES 64

/* The median and the least of some measurements, in TSC ticks. */
struct samples {
    uint64_t ticks[SAMPLES]; /* sorted */
    unsigned count;
};

static void add(struct samples *samples, uint64_t ticks)
{
    unsigned at = samples->count++;

    for (; at && samples->ticks[at - 1] > ticks; at--) {
        samples->ticks[at] = samples->ticks[at - 1];
    }
    samples->ticks[at] = ticks;
}

static void tell(struct monitor *monitor, const char *what,
                 const struct samples *samples)
{
    const uint64_t median = samples->ticks[samples->count / 2];
    struct event event;

    monitor_print(monitor, "%-28s median %lu, least %lu ticks", what, median,
                  samples->ticks[0]);
    event_begin(&event, "bench");
    event_text(&event, "what", what);
    event_number(&event, "median", median);
    event_number(&event, "minimum", samples->ticks[0]);
    event_end(&event);
}

static uint8_t pages[2][PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));

static int nothing(void *argument)
{
    (void)argument;
    return 0;
}

static int checksum(void *argument)
{
    (void)argument;
    return crc32c_page(pages[0]) ? 0 : 1;
}

static int copy_words(void *argument)
{
    (void)argument;
    page_copy_words(pages[0], pages[1]);
    return 0;
}

static int copy_bytes(void *argument)
{
    (void)argument;
    page_copy_bytes(pages[0], pages[1]);
    return 0;
}

static int visit_cell(void *argument)
{
    return run_in_cell(argument, nothing, NULL);
}

static void measure(struct monitor *monitor, const char *what,
                    int (*function)(void *argument), void *argument)
{
    struct samples samples = {.count = 0};

    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t start = time_now();

        function(argument);
        add(&samples, time_now() - start);
    }
    tell(monitor, what, &samples);
}

static int bench(struct monitor *monitor, unsigned count, char **words)
{
    struct ft_vm *ft = NULL;

    if (count > 2) {
        return -EINVAL;
    }
    if (count == 2) {
        ft = ft_named(monitor, words[1]);
        if (!ft) {
            return -ENOENT;
        }
    }
    monitor_print(monitor, "%lu ticks are a ms; pages are copied by %s",
                  time_per_ms(),
                  page_copy_by_bytes ? "rep movsb" : "rep movsq");
    measure(monitor, "a call", nothing, NULL);
    measure(monitor, "4 KiB copied, rep movsq", copy_words, NULL);
    measure(monitor, "4 KiB copied, rep movsb", copy_bytes, NULL);
    measure(monitor, "4 KiB checked, CRC32C", checksum, NULL);
    if (ft) {
        measure(monitor, "into its cell and back", visit_cell, &ft->vm->cell);
    }
    return 0;
}

static const struct monitor_command command = {
    "bench", "[VM]", "what this machine takes for parts of a restore", bench};

void ft_bench_register(void)
{
    monitor_register(&command);
}
