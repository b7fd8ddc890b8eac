/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of a start on a machine that cannot run guests. */
#include "kernel/start.h"

#include "arch/x86_64/cpu.h"
#include "kernel/console.h"
#include "kernel/event.h"
#include "kernel/format.h"
#include "kernel/log.h"
#include "vmm/vmm.h"

/* " (MSR 0x48b bit 1)", " (CPUID 0x1 ECX bit 5)" or nothing. */
static void where_it_is(const struct cpu_missing *missing, char *text,
                        size_t size)
{
    text[0] = '\0';
    if (missing->bit >= 0) {
        format(text, size,
               missing->cpuid ? " (CPUID 0x%x ECX bit %d)"
                              : " (MSR 0x%x bit %d)",
               missing->msr, missing->bit);
    }
}

void start_refuse(const struct cpu_missing *missing)
{
    struct event event;
    char where[40];

    where_it_is(missing, where, sizeof(where));
    log_error("this machine cannot run guests: %s is missing%s", missing->name,
              where);
    log_error("%s", missing->hint);
    event_begin(&event, "refuse");
    event_text(&event, "missing", missing->name);
    event_number(&event, "msr", missing->msr);
    event_number(&event, "bit", (uint64_t)(uint32_t)missing->bit);
    event_text(&event, "hint", missing->hint);
    event_end(&event);
    console_flush();
    vmm_machine_end(start.config.when_done);
    cpu_stop();
}
