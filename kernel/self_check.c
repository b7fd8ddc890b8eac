/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/self_check.h"

#include <stddef.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/cpu_backend.h"
#include "arch/x86_64/mca/mca.h"
#include "arch/x86_64/percpu.h"
#include "arch/x86_64/timer.h"
#include "drivers/acpi.h"
#include "kernel/console.h"
#include "kernel/errno.h"
#include "kernel/event.h"
#include "kernel/fault.h"
#include "kernel/frame.h"
#include "kernel/monitor.h"
#include "kernel/serial_lines.h"
#include "kernel/watchdog.h"

static const struct acpi_info *acpi;

struct check {
    struct monitor *monitor;
    unsigned weak;
};

/* One line a fact; what is missing is told with what it costs. */
static void say(struct check *check, bool good, const char *what,
                const char *cost)
{
    monitor_print(check->monitor, "%s %s%s%s", good ? "yes" : "NO ", what,
                  good ? "" : ": ", good ? "" : cost);
    check->weak += !good;
}

static void check_mca(struct check *check)
{
    struct mca_capability mca = mca_capability();

    say(check, mca.present, "machine-check architecture",
        "no real machine check is seen");
    if (mca.present) {
        say(check, mca.recovery, "software error recovery (SER_P)",
            "every uncorrected error is fatal to the machine");
        say(check, mca.local, "local machine checks (LMCE)",
            "each one interrupts every CPU");
        say(check, !acpi->hest.machine_checks_first,
            "banks are read by us first",
            "firmware clears them before we see them (ACPI HEST)");
    }
    say(check, cpu_count == acpi->cpu_count || !acpi->found,
        "every CPU runs our code with CR4.MCE",
        "a broadcast machine check resets the machine");
}

static void check_backend(struct check *check)
{
    unsigned count;
    const struct cpu_feature *features = cpu->features(&count);

    for (unsigned i = 0; i < count; i++) {
        if (!features[i].offered && features[i].cost) {
            say(check, false, features[i].name, features[i].cost);
        }
    }
}

static void check_watchdog(struct check *check)
{
    const char *source = watchdog_source();

    say(check, source, source ? source : "a root watchdog",
        "an endless loop of ours stops the machine");
    monitor_print(check->monitor,
                  "    a stretch of root mode took %lu us too long at most",
                  watchdog_longest() * 1000 / tsc_per_ms);
}

static void check_losses(struct check *check)
{
    say(check, fault_lost() == 0, "no fault record was lost",
        "the ring of a CPU was full");
    say(check, event_lost() == 0, "no event was lost",
        "COM2 was slower than the events");
    say(check, com1.out.lost == 0, "no console output was lost",
        "COM1 was slower than the guests");
    say(check, uart_there(&com2), "a second serial line",
        "there is no event stream");
}

static int run_check(struct monitor *monitor, unsigned count, char **words)
{
    struct check check = {.monitor = monitor};

    (void)words;
    if (count > 1) {
        return -EINVAL;
    }
    check_mca(&check);
    check_backend(&check);
    check_watchdog(&check);
    check_losses(&check);
    monitor_print(monitor, "frames: %lu free, %lu quarantined",
                  frame_count(OWNER_FREE), frame_count(OWNER_QUARANTINED));
    monitor_print(monitor,
                  "contained: a VM's faults, and ours while a VM is served");
    monitor_print(monitor,
                  "not contained: the core's own data and code; %u weak points",
                  check.weak);
    return 0;
}

void self_check_register(const struct acpi_info *info)
{
    static const struct monitor_command command = {
        "check", "", "what this machine can and cannot contain", run_check};

    acpi = info;
    monitor_register(&command);
}
