/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/module_line.h"

#include "kernel/errno.h"
#include "kernel/string.h"
#include "kernel/words.h"

#define CPUS_MAX     64       /* bits of vm_config.cpus */
#define MS_MAX       86400000 /* a day */
#define SCRUB_MIN    100
#define BUDGET_MAX   1000000

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int set_mem(struct vm_config *vm, const char *value)
{
    uint64_t size;
    int shift, error = word_digits(&value, 10, VM_MEMORY_MAX, &size);

    if (error != 0)
        return error;
    shift = word_unit(value);
    if (shift <= 0 || size > VM_MEMORY_MAX >> shift)
        return -EINVAL;
    size <<= shift;
    if (size == 0 || size % VM_MEMORY_STEP != 0)
        return -EINVAL;
    vm->memory = size;
    return 0;
}

static int set_vcpus(struct vm_config *vm, const char *value)
{
    if (strcmp(value, "1") != 0)
        return -EINVAL;
    vm->vcpus = 1;
    return 0;
}

static int add_cpu_range(uint64_t *cpus, const char **value)
{
    uint64_t first;
    uint64_t last;
    int error = word_digits(value, 10, CPUS_MAX - 1, &first);

    if (error != 0)
        return error;
    last = first;
    if (**value == '-') {
        (*value)++;
        error = word_digits(value, 10, CPUS_MAX - 1, &last);
        if (error != 0)
            return error;
    }
    if (last < first)
        return -EINVAL;
    for (uint64_t cpu = first; cpu <= last; cpu++)
        *cpus |= 1ULL << cpu;
    return 0;
}

static int set_cpus(struct vm_config *vm, const char *value)
{
    uint64_t cpus = 0;
    int error = add_cpu_range(&cpus, &value);

    while (error == 0 && *value == ',') {
        value++;
        error = add_cpu_range(&cpus, &value);
    }
    if (error != 0 || *value != '\0')
        return -EINVAL;
    vm->cpus = cpus;
    return 0;
}

static int set_timed_snapshot(struct vm_config *vm, enum snapshot_when when,
                              const char *value)
{
    uint64_t ms;
    int error = word_number(value, 10, 1, MS_MAX, &ms);

    if (error != 0)
        return error;
    vm->snapshot = when;
    vm->snapshot_ms = (uint32_t)ms;
    return 0;
}

static int set_snapshot(struct vm_config *vm, const char *value)
{
    if (strncmp(value, "once:", 5) == 0)
        return set_timed_snapshot(vm, SNAPSHOT_ONCE, value + 5);
    if (strncmp(value, "every:", 6) == 0)
        return set_timed_snapshot(vm, SNAPSHOT_EVERY, value + 6);
    if (strcmp(value, "off") == 0)
        vm->snapshot = SNAPSHOT_OFF;
    else if (strcmp(value, "manual") == 0)
        vm->snapshot = SNAPSHOT_MANUAL;
    else
        return -EINVAL;
    return 0;
}

static int set_verify(struct vm_config *vm, const char *value)
{
    static const char *const names[] = {
        [VERIFY_RESTORE] = "restore",
        [VERIFY_SCRUB] = "scrub",
        [VERIFY_FULL] = "full",
    };
    int index = word_choice(value, names, COUNT(names));

    if (index < 0)
        return index;
    vm->verify = (enum verify_mode)index;
    return 0;
}

static int set_scrub(struct vm_config *vm, const char *value)
{
    uint64_t ms;
    int error = word_number(value, 10, SCRUB_MIN, MS_MAX, &ms);

    if (error == 0)
        vm->scrub_ms = (uint32_t)ms;
    return error;
}

static int set_budget(struct vm_config *vm, const char *value)
{
    uint64_t budget;
    uint64_t ms;
    int error = word_digits(&value, 10, BUDGET_MAX, &budget);

    if (error != 0 || *value != '/')
        return -EINVAL;
    error = word_number(value + 1, 10, 1, MS_MAX, &ms);
    if (error != 0)
        return error;
    vm->budget = (uint32_t)budget;
    vm->budget_ms = (uint32_t)ms;
    return 0;
}

/* The text begins with name, and one of the ends or its NUL follows. */
static bool is_name(const char *text, const char *name, const char *ends)
{
    size_t length = strlen(name);

    return strncmp(text, name, length) == 0 &&
           strchr(ends, text[length]) != NULL;
}

static int read_kind(const char **value, enum fault_kind *kind)
{
    for (unsigned i = FAULT_NONE + 1; i < FAULT_KINDS; i++) {
        const char *name = fault_kind_name((enum fault_kind)i);

        /* FAULT_RESTORE is ft's own: a ladder's rung that failed. */
        if (i == FAULT_RESTORE || !is_name(*value, name, ":") ||
            (*value)[strlen(name)] == '\0')
            continue;
        *kind = (enum fault_kind)i;
        *value += strlen(name) + 1;
        return 0;
    }
    return -EINVAL;
}

static int read_action(const char **value, enum action *action)
{
    for (unsigned i = ACTION_NONE + 1; i < ACTION_KINDS; i++) {
        const char *name = action_name((enum action)i);

        if (!is_name(*value, name, ","))
            continue;
        *action = (enum action)i;
        *value += strlen(name);
        return 0;
    }
    return -EINVAL;
}

static int set_on(struct vm_config *vm, const char *value)
{
    enum action ladder[LADDER_MAX] = {ACTION_NONE};
    enum fault_kind kind;
    unsigned count = 0;

    if (read_kind(&value, &kind) != 0)
        return -EINVAL;
    for (;;) {
        if (count == LADDER_MAX || read_action(&value, &ladder[count]) != 0)
            return -EINVAL;
        count++;
        if (*value == '\0')
            break;
        value++;
    }
    memcpy(vm->on[kind], ladder, sizeof(ladder));
    return 0;
}

static int set_hv(struct vm_config *vm, const char *value)
{
    static const char *const names[] = {"none", "kvm"};
    int index = word_choice(value, names, COUNT(names));

    if (index < 0)
        return index;
    vm->kvm_signature = index == 1;
    return 0;
}

static int set_start(struct vm_config *vm, const char *value)
{
    if (strcmp(value, "paused") != 0)
        return -EINVAL;
    vm->start_paused = true;
    return 0;
}

static const struct {
    const char *key;
    int (*set)(struct vm_config *vm, const char *value);
    const char *rule; /* what a bad value should have been */
} settings[] = {
    {"mem", set_mem, "must be K, M or G: a multiple of 2M from 2M to 64G"},
    {"vcpus", set_vcpus, "this version runs one vCPU a VM"},
    {"cpus", set_cpus, "must be a list of CPUs from 0 to 63, such as 0,2-3"},
    {"snapshot", set_snapshot,
     "must be off, manual, once:MS or every:MS, 1 ms to a day"},
    {"verify", set_verify, "must be restore, scrub or full"},
    {"scrub", set_scrub, "must be a number of ms, 100 to a day"},
    {"budget", set_budget, "must be N/MS: restores allowed in so many ms"},
    {"on", set_on,
     "must be KIND:ACTION with up to 4 actions separated by commas"},
    {"hv", set_hv, "must be none or kvm"},
    {"start", set_start, "must be paused"},
};

int vm_setting(struct vm_config *vm, const char *word, const char **why)
{
    const char *value;

    *why = "is not known";
    for (unsigned i = 0; i < COUNT(settings); i++) {
        if (!word_has_key(word, settings[i].key, &value))
            continue;
        *why = settings[i].rule;
        return settings[i].set(vm, value) == 0 ? 0 : -EINVAL;
    }
    return -EINVAL;
}
