/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a Multiboot 1 kernel on KVM and raises machine checks in it by
 * KVM_X86_SET_MCE, which the kernel sees exactly as hardware raises them.
 * COM1 goes to standard output as lines that begin with `c1 `, COM2 with
 * `ev `, the launcher's own with `nested: `.
 */
#include "machine.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void machine_end(struct machine *m, int status, const char *why)
{
    uart_flush(&m->com1);
    uart_flush(&m->com2);
    printf("nested: %s status %d\n", why, status);
    fflush(stdout);
    _exit(status);
}

int machine_must(struct machine *m, int result, const char *what)
{
    if (result >= 0)
        return result;
    printf("nested: %s: %s\n", what, strerror(errno));
    machine_end(m, 2, "cannot run");
}

static void on_alarm(int signal)
{
    static const char text[] = "nested: time is up status 124\n";

    (void)signal;
    if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
        _exit(125);
    _exit(124);
}

_Noreturn static void usage(const char *what)
{
    printf("nested: bad option %s\n"
           "launcher --kernel FILE [--append WORDS] [--module FILE:WORDS]...\n"
           "  [--memory MIB] [--cpus N] [--timeout SECONDS]\n"
           "  [--hide SECONDARY_CONTROLS_HEX] [--step 'TEXT=>ACTION']...\n"
           "actions: wait, send LINE, end MS, strike WORD..., which are\n"
           "  status=HEX misc=HEX mcg=HEX addr=HEX|last bank=N cpu=N\n"
           "  when=guest|root|entering|HEX delay=MS broadcast shared\n"
           "nested: usage status 2\n",
           what);
    fflush(stdout);
    _exit(2);
}

static unsigned number(const char *text, unsigned least, unsigned most)
{
    char *end;
    unsigned long value = strtoul(text, &end, 0);

    if (*end || value < least || value > most)
        usage(text);
    return (unsigned)value;
}

static const struct option options[] = {
    {"kernel", 1, NULL, 'k'}, {"append", 1, NULL, 'a'},
    {"module", 1, NULL, 'm'}, {"memory", 1, NULL, 'M'},
    {"cpus", 1, NULL, 'c'},   {"timeout", 1, NULL, 't'},
    {"step", 1, NULL, 's'},   {"hide", 1, NULL, 'H'},
    {NULL, 0, NULL, 0}};

static void take_option(struct machine *m, int option)
{
    if (option == 'k') {
        m->kernel = optarg;
    } else if (option == 'a') {
        m->append = optarg;
    } else if (option == 'm' && m->module_count < MAX_MODULES) {
        m->modules[m->module_count++] = optarg;
    } else if (option == 'M') {
        m->ram_size = (size_t)number(optarg, 2, 2048) << 20;
    } else if (option == 'c') {
        m->cpu_count = number(optarg, 1, MAX_CPUS);
    } else if (option == 't') {
        alarm(number(optarg, 1, 3600));
    } else if (option == 'H') {
        m->hidden = (uint32_t)strtoul(optarg, NULL, 16);
    } else if (option != 's' || !script_add(m, optarg)) {
        usage(optarg ? optarg : "");
    }
}

int main(int argc, char **argv)
{
    static struct machine m = {
        .append = "",
        .ram_size = 64 << 20,
        .cpu_count = 1,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .com1 = {.irq = 4, .prefix = "c1 "},
        .com2 = {.irq = 3, .prefix = "ev "},
    };
    uint32_t entry, info;
    int option;

    signal(SIGALRM, on_alarm);
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        take_option(&m, option);
    if (!m.kernel || optind != argc)
        usage(m.kernel ? argv[optind] : "(no --kernel)");
    machine_open(&m);
    acpi_build(&m);
    entry = mbload(&m, &info);
    machine_enter(&m, entry, info);
    machine_run(&m);
}
