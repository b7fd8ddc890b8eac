/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/commands.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/timer.h"
#include "kernel/cell.h"
#include "kernel/console.h"
#include "kernel/errno.h"
#include "kernel/log.h"
#include "kernel/monitor.h"
#include "kernel/panic.h"
#include "kernel/string.h"
#include "vmm/exits.h"
#include "vmm/guest.h"
#include "vmm/vmm.h"

static struct vm *vm_named(struct monitor *monitor, const char *name)
{
    struct vm *vm = vm_find(name);

    if (!vm) {
        monitor_print(monitor, "%s: no such VM; try list", name);
    }
    return vm;
}

static int count_exits(void *argument)
{
    struct vm *vm = argument;

    vm->exits = 0;
    for (unsigned kind = 0; kind < EXIT_KINDS; kind++) {
        vm->exits += vm->guest->vcpu[0].exits[kind];
    }
    return 0;
}

static int list(struct monitor *monitor, unsigned count, char **words)
{
    (void)words;
    if (count > 1) {
        return -EINVAL;
    }
    monitor_print(monitor, "%-3s %-15s %-9s %6s %10s %8s %5s %8s", "id", "name",
                  "state", "MiB", "exits", "run ms", "rest.", "beat");
    for (unsigned i = 0; i < vm_count; i++) {
        struct vm *vm = &vms[i];

        if (!vm_has_ended(vm)) {
            run_in_cell(&vm->cell, count_exits, vm);
        }
        monitor_print(monitor, "%-3u %-15s %-9s %6lu %10lu %8lu %5u %8lu", i,
                      vm->config->name, vm_state_name(vm->state),
                      vm->config->memory >> 20, vm->exits,
                      vm->vcpu[0].ticks / tsc_per_ms, vm->restores,
                      vm->heartbeat);
    }
    return 0;
}

struct times {
    struct vm *vm;
    uint64_t guest_ticks, exits[EXIT_KINDS];
};

static int read_times(void *argument)
{
    struct times *times = argument;
    const struct vcpu *vcpu = &times->vm->guest->vcpu[0];

    times->guest_ticks = vcpu->guest_ticks;
    memcpy(times->exits, vcpu->exits, sizeof(times->exits));
    return count_exits(times->vm);
}

static void print_times(struct monitor *monitor, const struct times *times)
{
    monitor_print(monitor,
                  "%s: %lu exits, %lu ticks of turns, %lu in the guest",
                  times->vm->config->name, times->vm->exits,
                  times->vm->vcpu[0].ticks, times->guest_ticks);
    for (unsigned kind = 0; kind < EXIT_KINDS; kind++) {
        if (times->exits[kind]) {
            monitor_print(monitor, "%12lu %s", times->exits[kind],
                          exit_kind_name((enum exit_kind)kind));
        }
    }
}

static int time_of(struct monitor *monitor, unsigned count, char **words)
{
    struct times times = {0};

    if (count != 2) {
        return -EINVAL;
    }
    times.vm = vm_named(monitor, words[1]);
    if (!times.vm) {
        return -ENOENT;
    }
    if (vm_has_ended(times.vm) ||
        run_in_cell(&times.vm->cell, read_times, &times)) {
        monitor_print(monitor, "%s: it has ended", words[1]);
        return -EBUSY;
    }
    print_times(monitor, &times);
    return 0;
}

static int on_vm(struct monitor *monitor, unsigned count, char **words,
                 int (*act)(struct vm *vm), const char *refusal)
{
    struct vm *vm;
    int error;

    if (count != 2) {
        return -EINVAL;
    }
    vm = vm_named(monitor, words[1]);
    if (!vm) {
        return -ENOENT;
    }
    error = act(vm);
    if (error) {
        monitor_print(monitor, "%s: %s (it is %s)", words[1], refusal,
                      vm_state_name(vm->state));
    }
    return error;
}

static int pause(struct monitor *monitor, unsigned count, char **words)
{
    return on_vm(monitor, count, words, vm_pause, "has ended");
}

static int resume(struct monitor *monitor, unsigned count, char **words)
{
    return on_vm(monitor, count, words, vm_resume, "is not paused");
}

static int send_nmi(struct vm *vm)
{
    console_send_nmi(vm->id);
    return 0;
}

static int send_break(struct vm *vm)
{
    console_send_break(vm->id);
    return 0;
}

static int nmi(struct monitor *monitor, unsigned count, char **words)
{
    return on_vm(monitor, count, words, send_nmi, "");
}

static int send_a_break(struct monitor *monitor, unsigned count, char **words)
{
    return on_vm(monitor, count, words, send_break, "");
}

static int send(struct monitor *monitor, unsigned count, char **words)
{
    struct vm *vm;
    int error = 0;

    if (count < 2) {
        return -EINVAL;
    }
    vm = vm_named(monitor, words[1]);
    if (!vm) {
        return -ENOENT;
    }
    for (unsigned i = 2; i < count && !error; i++) {
        error = console_send(vm->id, words[i], (unsigned)strlen(words[i]));
        if (!error) {
            error = console_send(vm->id, i + 1 < count ? " " : "\n", 1);
        }
    }
    if (error) {
        monitor_print(monitor, "%s: its input is full; it does not read",
                      words[1]);
    }
    return error;
}

static int set_log_level(struct monitor *monitor, unsigned count, char **words)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};

    if (count == 1) {
        monitor_print(monitor, "log level: %s", names[log_level]);
        return 0;
    }
    for (unsigned i = 0; i <= LOG_DEBUG; i++) {
        if (!strcmp(words[1], names[i])) {
            log_level = (enum log_level)i;
            return 0;
        }
    }
    return -EINVAL;
}

static int reboot(struct monitor *monitor, unsigned count, char **words)
{
    (void)words;
    if (count > 1) {
        return -EINVAL;
    }
    monitor_print(monitor, "rebooting");
    console_flush();
    outb(0xcf9, 6); /* hard reset: Intel PCH data sheet, RST_CNT */
    return 0;
}

static int power_off(struct monitor *monitor, unsigned count, char **words)
{
    (void)words;
    if (count > 1) {
        return -EINVAL;
    }
    monitor_print(monitor, "powering off");
    vmm_machine_end(WHEN_DONE_DEBUG_EXIT);
    return 0;
}

static int crash(struct monitor *monitor, unsigned count, char **words)
{
    (void)monitor;
    (void)words;
    if (count > 1) {
        return -EINVAL;
    }
    panic("asked for by the operator");
}

static const struct monitor_command commands[] = {
    {"list", "", "all VMs: state and statistics", list},
    {"time", "VM", "its exits by kind, and its ticks in the guest", time_of},
    {"pause", "VM", "stop giving it turns", pause},
    {"resume", "VM", "go on after pause", resume},
    {"send", "VM TEXT...", "type a line into its console", send},
    {"break", "VM", "send BREAK on its serial line", send_a_break},
    {"nmi", "VM", "send it an NMI", nmi},
    {"loglevel", "[error|warn|info|debug]", "what is logged", set_log_level},
    {"reboot", "", "reset the machine", reboot},
    {"poweroff", "", "turn the machine off", power_off},
    {"panic", "", "make the core panic (to see it)", crash},
};

void vmm_commands_register(void)
{
    for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        monitor_register(&commands[i]);
    }
}
