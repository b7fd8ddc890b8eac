/* SPDX-License-Identifier: BSD-2-Clause */
/* reach VM OTHER: can a mistake while the one is served touch the other? All
 * VMs wait meanwhile. */
#include "ft/ft_vm.h"
#include "kernel/errno.h"
#include "kernel/event.h"
#include "kernel/monitor.h"
#include "kernel/watchdog.h"

#define REACH_TICKS 64 /* TSC ticks that a frame's mapping may take */

/* Through every mapping of the one, shared ones included. */
static int reach(struct monitor *monitor, unsigned count, char **words)
{
    struct ft_vm *from, *to;
    struct event event;
    uint64_t mappings;

    if (count != 3) {
        return -EINVAL;
    }
    from = ft_named(monitor, words[1]);
    to = ft_named(monitor, words[2]);
    if (!from || !to) {
        return -ENOENT;
    }
    watchdog_allow(from->vm->cell.frames * REACH_TICKS);
    mappings = cell_reaches(&from->vm->cell, to->vm->id);
    monitor_print(monitor, "%s: %lu mappings of what is %s's", words[1],
                  mappings, words[2]);
    event_begin(&event, "reach");
    event_text(&event, "vm", words[1]);
    event_text(&event, "other", words[2]);
    event_number(&event, "mappings", mappings);
    event_end(&event);
    return 0;
}

void ft_reach_register(void)
{
    static const struct monitor_command command = {
        "reach", "VM OTHER", "how much of OTHER is mapped where VM is served",
        reach};

    monitor_register(&command);
}
