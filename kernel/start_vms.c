/* SPDX-License-Identifier: BSD-2-Clause */
/* One VM for each module line that holds. */
#include "kernel/start.h"

#include "ft/ft.h"
#include "kernel/event.h"
#include "kernel/frame.h"
#include "kernel/log.h"
#include "vmm/vm.h"

static void refuse_vm(const char *name, unsigned line, const char *word,
                      const char *why)
{
    struct event event;

    log_error("module line %u: \"%s\": %s", line, word, why);
    event_begin(&event, "vm-refused");
    event_text(&event, "vm", name);
    event_number(&event, "line", line);
    event_text(&event, "word", word);
    event_text(&event, "why", why);
    event_end(&event);
}

static struct vm_config vm_configs[VM_LINES_MAX];

void start_vms(void)
{
    const char *lines[BOOT_MODULES_MAX];
    struct config_errors errors = {.list = start.errors,
                                   .max = START_ERRORS_MAX};
    unsigned count = 0;

    for (unsigned i = 0; i < start.boot.module_count; i++) {
        lines[i] = start.boot.modules[i].line;
    }
    if (start.boot.modules_ignored) {
        log_error("%u module lines are not read: %u at most",
                  start.boot.modules_ignored, BOOT_MODULES_MAX);
    }
    config_parse(lines, start.boot.module_count, vm_configs, &count, &errors);
    for (unsigned i = 0; i < errors.count && i < START_ERRORS_MAX; i++) {
        refuse_vm("", start.errors[i].line, start.errors[i].word,
                  start.errors[i].why);
    }
    start_tell_more(&errors);
    for (unsigned i = 0; i < count; i++) {
        struct vm *vm = &vms[vm_count];
        char why[96] = "";

        if (vm_create(vm, (uint16_t)vm_count, &vm_configs[i],
                      start.boot.modules, why) ||
            ft_vm_create(vm, why)) {
            frame_disown((uint16_t)vm_count);
            refuse_vm(vm_configs[i].name, vm_configs[i].line,
                      vm_configs[i].name, why);
            continue;
        }
        vm_created(vm);
        vm_count++;
    }
}
