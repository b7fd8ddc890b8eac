/* sources: kernel/cmdline.c kernel/module_*.c kernel/words.c kernel/config.c */
/* fuzz: -runs=60000 -max_len=512 -dict=tests/fuzz/module_line.dict */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration: the boot line, then module lines, as GRUB passes them. */
#include "tests/fuzz/fuzz.h"

#include "kernel/cmdline.h"

#define LINES_MAX  12
#define ERRORS_MAX 64

static struct vm_config vms[VM_LINES_MAX];
static struct config_error list[ERRORS_MAX];

const char *fault_kind_name(enum fault_kind kind)
{
    static const char *const names[FAULT_KINDS] = {
        "none", "mce",   "ept",  "misconfig", "triple", "entry",
        "exit", "panic", "root", "copy",      "restore"};

    return names[kind];
}

static bool is_text(const char *text, size_t size)
{
    return strnlen(text, size) < size;
}

/* Each error names a line, a word of it and a reason. */
static void check_errors(const struct config_errors *errors, unsigned first,
                         unsigned last)
{
    for (unsigned i = 0; i < errors->count && i < ERRORS_MAX; i++) {
        const struct config_error *e = &list[i];

        require(e->line >= first && e->line <= last);
        require(is_text(e->word, sizeof(e->word)));
        require(is_text(e->why, sizeof(e->why)) && strlen(e->why) > 3);
        require(e->word[0]);
    }
}

static void check_boot(const char *line)
{
    struct config_errors errors = {.list = list, .max = ERRORS_MAX};
    struct boot_config boot;

    memset(&boot, 0xee, sizeof(boot));
    boot_line_parse(line, &boot, &errors);
    check_errors(&errors, 0, 0);
    require(boot.slice_ms >= 1 && boot.slice_ms <= 1000);
    require(boot.loglevel <= LOG_DEBUG && boot.console <= CONSOLE_VM);
    require(boot.when_done <= WHEN_DONE_DEBUG_EXIT);
    require(boot.on_panic <= ON_PANIC_REBOOT);
    require(is_text(boot.console_vm, sizeof(boot.console_vm)));
    require((boot.console == CONSOLE_VM) == (boot.console_vm[0] != '\0'));
    require(is_text(boot.force_missing, sizeof(boot.force_missing)));
}

static void check_ladder(const enum action ladder[LADDER_MAX])
{
    require(ladder[0] != ACTION_NONE);
    for (unsigned i = 0; i < LADDER_MAX; i++) {
        require((unsigned)ladder[i] < ACTION_KINDS);
        require(i == 0 || ladder[i] == ACTION_NONE ||
                ladder[i - 1] != ACTION_NONE);
    }
}

static void check_vm(const struct vm_config *vm, unsigned lines)
{
    const char *letters = "abcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t length = strnlen(vm->name, sizeof(vm->name));

    require(length > 0 && length < sizeof(vm->name));
    require(strspn(vm->name, letters) == length);
    require(vm->memory >= VM_MEMORY_STEP && vm->memory <= VM_MEMORY_MAX);
    require(vm->memory % VM_MEMORY_STEP == 0 && vm->vcpus == 1);
    require(vm->snapshot <= SNAPSHOT_EVERY && vm->verify <= VERIFY_FULL);
    require(vm->snapshot < SNAPSHOT_ONCE ||
            (vm->snapshot_ms >= 1 && vm->snapshot_ms <= 86400000));
    require(vm->budget_ms >= 1);
    require(vm->line >= 1 && vm->line <= lines && vm->image < lines);
    require(vm->module_count <= VM_MODULES_MAX);
    for (unsigned i = 0; i < vm->module_count; i++) {
        require(vm->modules[i] < lines);
        require(is_text(vm->module_cmdline[i], sizeof(vm->module_cmdline[i])));
    }
    require(is_text(vm->cmdline, sizeof(vm->cmdline)));
    for (unsigned kind = FAULT_NONE + 1; kind < FAULT_KINDS; kind++)
        check_ladder(vm->on[kind]);
}

/* A VM whose own line has an error is refused, and names are unique. */
static void check_vms(const struct config_errors *errors, unsigned count,
                      unsigned lines)
{
    require(count <= VM_MAX);
    for (unsigned i = 0; i < count; i++) {
        check_vm(&vms[i], lines);
        for (unsigned j = 0; j < i; j++)
            require(strcmp(vms[i].name, vms[j].name) != 0);
        for (unsigned j = 0; j < errors->count && j < ERRORS_MAX; j++)
            require(list[j].line != vms[i].line);
    }
}

static unsigned split(char *text, const char *lines[LINES_MAX + 1])
{
    unsigned count = 0;

    for (char *at = text; at && count <= LINES_MAX; count++) {
        char *end = strchr(at, '\n');

        if (end)
            *end++ = '\0';
        lines[count] = exact_copy(at, strlen(at) + 1);
        at = end;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_errors errors = {.list = list, .max = ERRORS_MAX};
    const char *lines[LINES_MAX + 1];
    char text[4096];
    unsigned count, vm_count = 99;
    int error;

    if (size >= sizeof(text))
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    count = split(text, lines);
    check_boot(lines[0]);
    memset(vms, 0xee, sizeof(vms));
    memset(list, 0xee, sizeof(list));
    error = config_parse(lines + 1, count - 1, vms, &vm_count, &errors);
    require(error == (errors.count ? -EINVAL : 0));
    check_errors(&errors, 1, count - 1);
    check_vms(&errors, vm_count, count - 1);
    while (count)
        free((void *)lines[--count]);
    return 0;
}
