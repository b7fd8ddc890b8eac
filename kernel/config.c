/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/config.h"

#include "kernel/string.h"
#include "kernel/words.h"

static const char *const action_names[ACTION_KINDS] = {
    [ACTION_NONE] = "none",         [ACTION_LOG] = "log",
    [ACTION_HEAL] = "heal",         [ACTION_RESTORE] = "restore",
    [ACTION_RESTART] = "restart",   [ACTION_HALT] = "halt",
    [ACTION_PRESERVE] = "preserve",
};

const char *action_name(enum action action)
{
    return (unsigned)action < ACTION_KINDS ? action_names[action] : "?";
}

void config_report(struct config_errors *errors, unsigned line,
                   const char *word, const char *why)
{
    unsigned index = errors->count++;

    if (index >= errors->max)
        return;

    struct config_error *error = &errors->list[index];

    error->line = line;
    word_copy(error->word, sizeof(error->word), *word ? word : "\"\"");
    word_copy(error->why, sizeof(error->why), why);
}

void config_defaults(struct vm_config *vm)
{
    static const enum action memory_ladder[LADDER_MAX] = {
        ACTION_HEAL, ACTION_RESTORE, ACTION_RESTART, ACTION_HALT};
    static const enum action other_ladder[LADDER_MAX] = {
        ACTION_RESTORE, ACTION_RESTART, ACTION_HALT, ACTION_NONE};

    memset(vm, 0, sizeof(*vm));
    vm->vcpus = 1;
    vm->snapshot = SNAPSHOT_MANUAL;
    vm->verify = VERIFY_RESTORE;
    vm->budget = 5;
    vm->budget_ms = 60000;
    for (unsigned kind = FAULT_NONE + 1; kind < FAULT_KINDS; kind++)
        memcpy(vm->on[kind],
               kind == FAULT_MCE || kind == FAULT_COPY ? memory_ladder
                                                       : other_ladder,
               sizeof(vm->on[kind]));
}
