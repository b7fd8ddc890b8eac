/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot line, and who started us. */
#include "kernel/start.h"

#include "arch/x86_64/image.h"
#include "kernel/console.h"
#include "kernel/event.h"
#include "kernel/fact.h"
#include "kernel/format.h"
#include "kernel/log.h"

struct start start;

static void tell_boot(void)
{
    char id[41];
    struct event event;

    /* An ELF note: 16 bytes of header and name, then 20 of SHA-1. */
    for (unsigned i = 0; i < 20; i++) {
        format(id + 2 * i, 3, "%02x", build_id[16 + i]);
    }
    event_begin(&event, "boot");
    event_text(&event, "protocol", start.boot.protocol);
    event_text(&event, "loader", start.boot.loader);
    event_text(&event, "build", id);
    event_number(&event, "modules", start.boot.module_count);
    event_end(&event);
    log_info("Bulkhead, a hypervisor that contains faults; build %.12s", id);
    fact_info("boot", "%s by %s, %u modules", start.boot.protocol,
              start.boot.loader[0] ? start.boot.loader : "an unnamed loader",
              start.boot.module_count);
    if (start.boot.modules_ignored) {
        fact_warn("boot", "%u modules above %u are ignored",
                  start.boot.modules_ignored, BOOT_MODULES_MAX);
    }
    fact_info("firmware", "%s", start.boot.uefi ? "UEFI" : "BIOS");
}

void start_tell_more(const struct config_errors *errors)
{
    if (errors->count > START_ERRORS_MAX) {
        log_error("%u more errors are not shown; mend these first",
                  errors->count - START_ERRORS_MAX);
    }
}

void start_boot_line(void)
{
    struct config_errors errors = {.list = start.errors,
                                   .max = START_ERRORS_MAX};

    boot_line_parse(start.boot.line, &start.config, &errors);
    log_level = start.config.loglevel;
    console_open(&start.config);
    tell_boot();
    for (unsigned i = 0; i < errors.count && i < START_ERRORS_MAX; i++) {
        log_error("boot line: \"%s\": %s", start.errors[i].word,
                  start.errors[i].why);
    }
    start_tell_more(&errors);
}
