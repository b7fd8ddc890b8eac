/* SPDX-License-Identifier: BSD-2-Clause */
/* The monitor's commands for what ft does to a VM. */
#include "ft/ft_vm.h"
#include "kernel/errno.h"
#include "kernel/monitor.h"
#include "kernel/string.h"
#include "kernel/time.h"

struct ft_vm *ft_named(struct monitor *monitor, const char *name)
{
    struct ft_vm *ft = ft_find(name);

    if (!ft) {
        monitor_print(monitor, "%s: no such VM; try list", name);
    }
    return ft;
}

static int refuse_busy(struct monitor *monitor, const struct ft_vm *ft)
{
    monitor_print(monitor, "%s: %s", ft->vm->config->name,
                  vm_has_ended(ft->vm) ? "has ended" : "is being worked on");
    return -EBUSY;
}

static int snapshot(struct monitor *monitor, unsigned count, char **words)
{
    struct ft_vm *ft;

    if (count != 2) {
        return -EINVAL;
    }
    ft = ft_named(monitor, words[1]);
    if (!ft) {
        return -ENOENT;
    }
    if (!ft_can_snapshot(ft)) {
        monitor_print(monitor, "%s: %s", words[1],
                      ft->snapshot ? "its mirror is damaged"
                                   : "it has snapshot=off");
        return -ENODEV;
    }
    if (ft->job != JOB_NONE || vm_has_ended(ft->vm)) {
        return refuse_busy(monitor, ft);
    }
    ft->vm->snapshot_wanted = true; /* at this safe point, or the next */
    return 0;
}

static int order(struct monitor *monitor, const char *name, enum action action,
                 uint8_t generation)
{
    struct ft_vm *ft = ft_named(monitor, name);

    if (!ft) {
        return -ENOENT;
    }
    if (action == ACTION_RESTORE && !(ft->generations >> generation & 1)) {
        monitor_print(monitor, "%s: there is no generation %u", name,
                      generation);
        return -ENOENT;
    }
    if (action == ACTION_RESTART && ft->images_bad) {
        monitor_print(monitor, "%s: its images are damaged", name);
        return -EIO;
    }
    return incident_order(ft, action, generation, "operator", time_now())
               ? refuse_busy(monitor, ft)
               : 0;
}

static int restore(struct monitor *monitor, unsigned count, char **words)
{
    unsigned long generation = GENERATION_NEWEST;

    if (count < 2 || count > 3 ||
        (count == 3 && monitor_number(words[2], &generation)) ||
        generation >= GENERATIONS) {
        return -EINVAL;
    }
    return order(monitor, words[1], ACTION_RESTORE, (uint8_t)generation);
}

static int restart_vm(struct monitor *monitor, unsigned count, char **words)
{
    return count == 2
               ? order(monitor, words[1], ACTION_RESTART, GENERATION_NONE)
               : -EINVAL;
}

static int halt(struct monitor *monitor, unsigned count, char **words)
{
    return count == 2 ? order(monitor, words[1], ACTION_HALT, GENERATION_NONE)
                      : -EINVAL;
}

static int preserve(struct monitor *monitor, unsigned count, char **words)
{
    return count == 2
               ? order(monitor, words[1], ACTION_PRESERVE, GENERATION_NONE)
               : -EINVAL;
}

static const char *entry_vm(const struct journal_entry *entry)
{
    return entry->vm < VM_MAX && ft_vms[entry->vm].vm
               ? ft_vms[entry->vm].vm->config->name
               : "-";
}

static int journal(struct monitor *monitor, unsigned count, char **words)
{
    unsigned long wanted = JOURNAL_SIZE;

    if (count > 2 || (count == 2 && monitor_number(words[1], &wanted))) {
        return -EINVAL;
    }
    if (!journal_last()) {
        monitor_print(monitor, "the journal is empty");
    }
    for (uint32_t back = JOURNAL_SIZE; back-- > 0;) {
        const struct journal_entry *entry =
            back < journal_last() ? journal_find(journal_last() - back) : NULL;

        if (entry && back < wanted) {
            journal_print(monitor, entry, entry_vm(entry));
        }
    }
    return 0;
}

static int budgets(struct monitor *monitor, unsigned count, char **words)
{
    (void)words;
    if (count > 1) {
        return -EINVAL;
    }
    for (unsigned i = 0; i < vm_count; i++) {
        const struct ft_vm *ft = &ft_vms[i];

        monitor_print(monitor, "%s: %u of %u used in the last %u ms",
                      ft->vm->config->name,
                      budget_used(&ft->budget, time_now()), ft->budget.limit,
                      ft->vm->config->budget_ms);
    }
    return 0;
}

static const struct monitor_command commands[] = {
    {"snapshot", "VM", "take a snapshot", snapshot},
    {"restore", "VM [0|1]", "roll back to the newest or older snapshot",
     restore},
    {"restart", "VM", "boot it again from its images", restart_vm},
    {"halt", "VM", "stop it for good", halt},
    {"preserve", "VM", "stop it for good, its memory kept", preserve},
    {"journal", "[N]", "the newest faults and what was done", journal},
    {"budget", "", "restores and restarts in their time", budgets},
};

void ft_commands_register(void)
{
    for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        monitor_register(&commands[i]);
    }
}
