/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be contained here, and how each VM stands. */
#include "ft/ft.h"
#include "ft/ft_vm.h"
#include "kernel/errno.h"
#include "kernel/monitor.h"

#define FACTS_MAX 24

struct health_fact {
    const char *name, *text;
    bool good;
};

static struct health_fact facts[FACTS_MAX];
static unsigned fact_count;

int ft_health_fact(const char *name, bool good, const char *text)
{
    if (fact_count == FACTS_MAX) {
        return -ENOSPC;
    }
    facts[fact_count++] = (struct health_fact){name, text, good};
    return 0;
}

static void print_vm(struct monitor *monitor, const struct ft_vm *ft)
{
    const bool newest = ft->generations & 1u << GENERATION_NEWEST;
    const bool older = ft->generations & 1u << GENERATION_OLDER;

    monitor_print(monitor,
                  "%s: %s, generations: %s%s%s, %lu snapshots, %u restores",
                  ft->vm->config->name, vm_state_name(ft->vm->state),
                  newest ? "newest" : "none", newest && older ? ", " : "",
                  older ? "older" : "", ft->snapshots, ft->vm->restores);
    monitor_print(monitor, "  %u spare frames, %lu quarantined%s%s",
                  ft->spare_count, ft->quarantined,
                  ft->no_snapshots ? ", mirror damaged: no snapshots" : "",
                  ft->images_bad ? ", images damaged: no restart" : "");
}

static int health(struct monitor *monitor, unsigned count, char **words)
{
    (void)words;
    if (count > 1) {
        return -EINVAL;
    }
    for (unsigned i = 0; i < fact_count; i++) {
        monitor_print(monitor, "%-4s %s: %s", facts[i].good ? "ok" : "weak",
                      facts[i].name, facts[i].text);
    }
    monitor_print(monitor, "%lu frames quarantined, %lu faults lost",
                  frame_count(OWNER_QUARANTINED), fault_lost());
    for (unsigned i = 0; i < vm_count; i++) {
        print_vm(monitor, &ft_vms[i]);
    }
    return 0;
}

static const struct monitor_command command = {
    "health", "", "what can be contained here, how each VM stands", health};

void ft_health_register(void)
{
    monitor_register(&command);
}
