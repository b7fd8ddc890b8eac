/* SPDX-License-Identifier: BSD-2-Clause */
/* How each VM stands, and what answers which fault. */
#include "ft/ft.h"
#include "ft/ft_vm.h"
#include "kernel/errno.h"
#include "kernel/format.h"
#include "kernel/monitor.h"
#include "kernel/time.h"

/* The health table: which actions answer which fault. */
static void print_table(struct monitor *monitor, const struct vm_config *config)
{
    for (unsigned kind = FAULT_NONE + 1; kind < FAULT_RESTORE; kind++) {
        char line[64];
        int length = format(line, sizeof(line),
                            "  %s:", fault_kind_name((enum fault_kind)kind));

        for (unsigned i = 0; i < LADDER_MAX && config->on[kind][i]; i++) {
            length += format(line + length, sizeof(line) - (size_t)length,
                             " %s", action_name(config->on[kind][i]));
        }
        monitor_print(monitor, "%s", line);
    }
}

/* What snapshots, and what was restored, caught the guest amid. */
static void print_moments(struct monitor *monitor, const struct ft_vm *ft)
{
    for (unsigned i = 0; i < MOMENTS; i++) {
        if (ft->record.taken[i] || ft->record.restored[i]) {
            monitor_print(monitor, "  amid %s: %lu taken, %lu restored",
                          moment_name((enum moment)i), ft->record.taken[i],
                          ft->record.restored[i]);
        }
    }
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
    if (ft->vm->config->verify == VERIFY_FULL) {
        monitor_print(monitor, "  %lu restores verified, %lu differed",
                      ft->record.verified, ft->record.differed);
    }
    print_moments(monitor, ft);
}

static void print_scrub(struct monitor *monitor, const struct ft_vm *ft)
{
    const struct scrub *scrub = &ft->scrub;

    if (!ft->vm->config->scrub_ms || !ft->snapshot) {
        return;
    }
    monitor_print(monitor,
                  "  scrub: %lu passes, the last took %lu of %u ms; %lu "
                  "damaged copies found",
                  scrub->passes, time_to_ms(scrub->last_ticks),
                  ft->vm->config->scrub_ms, scrub->damaged);
}

static int health(struct monitor *monitor, unsigned count, char **words)
{
    (void)words;
    if (count > 1) {
        return -EINVAL;
    }
    monitor_print(monitor, "%lu frames quarantined, %lu faults lost",
                  frame_count(OWNER_QUARANTINED), fault_lost());
    for (unsigned i = 0; i < vm_count; i++) {
        print_vm(monitor, &ft_vms[i]);
        print_scrub(monitor, &ft_vms[i]);
        print_table(monitor, vms[i].config);
    }
    return 0;
}

static const struct monitor_command command = {
    "health", "", "each VM's snapshots and health table", health};

void ft_health_register(void)
{
    monitor_register(&command);
}
