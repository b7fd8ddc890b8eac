/* SPDX-License-Identifier: BSD-2-Clause */
/* The CPU backend: what it uses, lacks, or refuses for. */
#include "kernel/start.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/cpu_backend.h"
#include "kernel/fact.h"
#include "kernel/format.h"
#include "kernel/string.h"

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
            fact_info(cpu->name, "uses %s", line);
            length = 0;
        }
        length += (size_t)format(line + length, sizeof(line) - length, "%s%s",
                                 length ? ", " : "", features[i].name);
    }
    if (length) {
        fact_info(cpu->name, "uses %s", line);
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
        cpu->enable(&missing) ||
        cpu->dirty_force((enum dirty_engine_kind)start.config.dirty,
                         &missing)) {
        start_refuse(&missing);
    }
    features = cpu->features(&count);
    if (start.config.force_missing[0]) {
        check_forced(features, count);
    }
    list_used(features, count);
    for (unsigned i = 0; i < count; i++) {
        if (!features[i].offered && features[i].cost) {
            fact_info(cpu->name, "%s missing: %s", features[i].name,
                      features[i].cost);
        }
    }
}
