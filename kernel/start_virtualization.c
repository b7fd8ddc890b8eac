/* SPDX-License-Identifier: BSD-2-Clause */
/* The CPU backend: what it uses, lacks, or refuses for. */
#include "kernel/start.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/cpu_backend.h"
#include "kernel/console.h"
#include "kernel/event.h"
#include "kernel/format.h"
#include "kernel/log.h"
#include "kernel/string.h"
#include "vmm/vmm.h"

static void tell_refusal(const struct cpu_missing *missing)
{
    struct event event;

    log_error("this machine cannot run guests: %s is missing (MSR 0x%x bit %d)",
              missing->name, missing->msr, missing->bit);
    log_error("%s", missing->hint);
    event_begin(&event, "refuse");
    event_text(&event, "missing", missing->name);
    event_number(&event, "msr", missing->msr);
    event_number(&event, "bit", (uint64_t)(uint32_t)missing->bit);
    event_text(&event, "hint", missing->hint);
    event_end(&event);
}

/* The names of what is used, in lines of at most 80 columns. */
static void list_used(const struct cpu_feature *features, unsigned count)
{
    char line[80];
    size_t length = 0;

    for (unsigned i = 0; i < count; i++) {
        size_t more = strlen(features[i].name) + 2;

        if (!features[i].used) {
            continue;
        }
        if (length + more + 20 > sizeof(line)) {
            log_info("%s: uses %s", cpu->name, line);
            length = 0;
        }
        length += (size_t)format(line + length, sizeof(line) - length, "%s%s",
                                 length ? ", " : "", features[i].name);
    }
    if (length) {
        log_info("%s: uses %s", cpu->name, line);
    }
}

/* A word that hides nothing would make its test pass for nothing. */
static void check_forced(const struct cpu_feature *features, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (features[i].forced) {
            return;
        }
    }
    log_error("boot line: \"force-missing=%s\": is not the name of a "
              "capability",
              start.config.force_missing);
}

void start_virtualization(void)
{
    struct cpu_missing missing;
    const struct cpu_feature *features;
    unsigned count;

    if (cpu_backend_select(
            start.config.force_missing[0] ? start.config.force_missing : NULL,
            &missing) ||
        cpu->enable(&missing)) {
        tell_refusal(&missing);
        console_flush();
        vmm_machine_end(start.config.when_done);
        cpu_stop();
    }
    features = cpu->features(&count);
    if (start.config.force_missing[0]) {
        check_forced(features, count);
    }
    list_used(features, count);
    for (unsigned i = 0; i < count; i++) {
        if (!features[i].offered && features[i].cost) {
            log_info("%s: %s missing: %s", cpu->name, features[i].name,
                     features[i].cost);
        }
    }
}
