/* SPDX-License-Identifier: BSD-2-Clause */
/* The frame command: the host frame behind a guest page, or of its copy. */
#include "ft/ft_vm.h"
#include "ft/target.h"
#include "kernel/errno.h"
#include "kernel/event.h"
#include "kernel/monitor.h"
#include "kernel/string.h"

static void tell_frame(struct monitor *monitor, const struct ft_vm *ft,
                       uint64_t gpa, uint64_t hpa)
{
    struct event event;

    if (!monitor->to_events) {
        monitor_print(monitor, "%s: GPA 0x%lx is at HPA 0x%lx",
                      ft->vm->config->name, gpa, hpa);
    }
    event_begin(&event, "frame");
    event_text(&event, "vm", ft->vm->config->name);
    event_number(&event, "gpa", gpa);
    event_number(&event, "hpa", hpa);
    event_end(&event);
}

/* Which page the frame command means: a number, dirty or clean. */
static bool take_words(struct target *target, unsigned count, char **words)
{
    bool copy = count == 4 && !strcmp(words[3], "copy");

    if (count < 3 || count > 4 || (count == 4 && !copy) ||
        !target_take_word(target, words[2])) {
        return false;
    }
    if (target->kind == TARGET_ADDRESS) {
        target->kind = copy ? TARGET_COPY : TARGET_PAGE;
        return true;
    }
    return !copy;
}

static int frame(struct monitor *monitor, unsigned count, char **words)
{
    struct target target = {.value = 0};
    uint64_t hpa, offset = 0;

    if (!take_words(&target, count, words)) {
        return -EINVAL;
    }
    target.ft = ft_named(monitor, words[1]);
    if (!target.ft) {
        return -ENOENT;
    }
    if (target.kind == TARGET_PAGE || target.kind == TARGET_COPY) {
        offset = target.value & (PAGE_BYTES - 1);
        target.value >>= PAGE_SHIFT;
    }
    hpa = target_locate(&target);
    if (hpa == NO_FRAME) {
        monitor_print(monitor, "%s: %s is no RAM, or has no copy", words[1],
                      words[2]);
        return -EFAULT;
    }
    tell_frame(monitor, target.ft,
               ((uint64_t)frame_lookup(hpa).page << PAGE_SHIFT) + offset,
               hpa + offset);
    return 0;
}

static const struct monitor_command command = {
    "frame", "VM dirty|clean|GPA [copy]",
    "the host frame of a guest page, or of its copy", frame};

void ft_frame_register(void)
{
    monitor_register(&command);
}
