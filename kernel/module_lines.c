/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/cmdline.h"

#include "kernel/errno.h"
#include "kernel/module_line.h"
#include "kernel/string.h"
#include "kernel/words.h"

/* What is known about vms[] only while the lines are read. */
struct parse {
    struct vm_config *vms; /* [VM_LINES_MAX], refused ones among them */
    unsigned count;
    bool refused[VM_LINES_MAX];
    char kernel_of[VM_LINES_MAX][VM_NAME_SIZE];
    char initrd_of[VM_LINES_MAX][VM_NAME_SIZE];
    struct config_errors *errors;
};

#define NOT_FOUND VM_LINES_MAX

static unsigned find_first(const struct parse *parse, const char *name)
{
    for (unsigned i = 0; i < parse->count; i++)
        if (strcmp(parse->vms[i].name, name) == 0)
            return i;
    return NOT_FOUND;
}

/* The lines behind a second VM of one name belong to that one, so that they
 * do not end up with the first. */
static unsigned find_last(const struct parse *parse, const char *name)
{
    for (unsigned i = parse->count; i > 0; i--)
        if (strcmp(parse->vms[i - 1].name, name) == 0)
            return i - 1;
    return NOT_FOUND;
}

static void report(struct parse *parse, unsigned line, const char *word,
                   const char *why)
{
    config_report(parse->errors, line, word, why);
}

static int add_module(struct vm_config *vm, unsigned module,
                      const char *cmdline)
{
    unsigned index = vm->module_count;

    if (index == VM_MODULES_MAX)
        return -ENOSPC;
    vm->modules[index] = module;
    word_copy(vm->module_cmdline[index], sizeof(vm->module_cmdline[index]),
              cmdline);
    vm->module_count++;
    return 0;
}

static int add_file(struct parse *parse, struct vm_config *vm,
                    const struct module_line *line, const char *cmdline)
{
    if (add_module(vm, line->number - 1, cmdline) == 0)
        return 0;
    report(parse, line->number, vm->name, "has more than 8 modules");
    return -EINVAL;
}

/* A line that defines a VM. Returns the slot, or NOT_FOUND. */
static unsigned define_vm(struct parse *parse, const struct module_line *line)
{
    unsigned index = parse->count;
    bool twice = find_first(parse, line->vm) != NOT_FOUND;

    if (index == VM_LINES_MAX) {
        report(parse, line->number, line->vm, "no more lines are read");
        return NOT_FOUND;
    }

    struct vm_config *vm = &parse->vms[index];

    parse->count++;
    config_defaults(vm);
    word_copy(vm->name, sizeof(vm->name), line->vm);
    vm->line = line->number;
    vm->image = line->number - 1;
    memcpy(parse->kernel_of[index], line->kernel_of, VM_NAME_SIZE);
    memcpy(parse->initrd_of[index], line->initrd_of, VM_NAME_SIZE);
    parse->refused[index] = twice;
    if (twice)
        report(parse, line->number, line->vm, "is the name of an earlier VM");
    return index;
}

static unsigned read_definition(struct parse *parse,
                                const struct module_line *line)
{
    unsigned index = define_vm(parse, line);

    if (index == NOT_FOUND)
        return NOT_FOUND;

    struct vm_config *vm = &parse->vms[index];
    unsigned before = parse->errors->count;

    module_line_settings(line, vm, parse->errors);
    if (vm->verify == VERIFY_SCRUB && vm->scrub_ms == 0)
        vm->scrub_ms = SCRUB_DEFAULT_MS;
    if (vm->memory == 0 && parse->errors->count == before)
        report(parse, line->number, "mem=", "is missing");
    if (line->initrd || line->module)
        add_file(parse, vm, line, "");
    parse->refused[index] |= parse->errors->count != before;
    return index;
}

static int read_module_string(struct parse *parse,
                              const struct module_line *line, char *string,
                              size_t size)
{
    string[0] = '\0';
    if (line->tail == NULL)
        return 0;
    if (line->initrd) {
        report(parse, line->number, "--", "an initrd has no command line");
        return -EINVAL;
    }
    if (words_rest(line->tail, string, size) != 0) {
        report(parse, line->number, "--", "the module's string is too long");
        return -EINVAL;
    }
    return 0;
}

/* A line that adds a file to a VM. Returns the VM's slot, or NOT_FOUND. */
static unsigned read_addition(struct parse *parse,
                              const struct module_line *line)
{
    char string[sizeof(parse->vms[0].module_cmdline[0])];
    unsigned index = find_last(parse, line->vm);

    if (index == NOT_FOUND) {
        report(parse, line->number, line->vm, "no earlier line defines it");
        return NOT_FOUND;
    }

    unsigned before = parse->errors->count;

    module_line_settings(line, NULL, parse->errors);
    if (line->initrd_of[0] != '\0')
        report(parse, line->number,
               "initrd-of=", "belongs on the first line of this VM");
    if (read_module_string(parse, line, string, sizeof(string)) == 0)
        add_file(parse, &parse->vms[index], line, string);
    parse->refused[index] |= parse->errors->count != before;
    return index;
}

static void read_line(struct parse *parse, unsigned number, const char *text)
{
    struct module_line line;
    int error = module_line_scan(&line, number, text, parse->errors);
    unsigned index;

    if (line.vm[0] == '\0')
        return;
    if (module_line_adds(&line))
        index = read_addition(parse, &line);
    else
        index = read_definition(parse, &line);
    if (index != NOT_FOUND && error != 0)
        parse->refused[index] = true;
}

static unsigned find_lender(struct parse *parse, unsigned index,
                            const char (*borrows)[VM_NAME_SIZE])
{
    const char *name = borrows[index];
    unsigned lender = find_first(parse, name);

    if (lender == NOT_FOUND)
        report(parse, parse->vms[index].line, name, "is not the name of a VM");
    else if (borrows[lender][0] != '\0')
        report(parse, parse->vms[index].line, name,
               "borrows it too: name the VM that loads it");
    else
        return lender;
    parse->refused[index] = true;
    return NOT_FOUND;
}

static void borrow_kernel(struct parse *parse, unsigned index)
{
    unsigned lender = find_lender(parse, index, parse->kernel_of);

    if (lender != NOT_FOUND)
        parse->vms[index].image = parse->vms[lender].image;
}

static void borrow_modules(struct parse *parse, unsigned index)
{
    struct vm_config *vm = &parse->vms[index];
    unsigned lender = find_lender(parse, index, parse->initrd_of);
    int error = 0;

    if (lender == NOT_FOUND)
        return;

    const struct vm_config *from = &parse->vms[lender];

    if (from->module_count == 0)
        error = -ENOENT;
    for (unsigned i = 0; i < from->module_count && error == 0; i++)
        error = add_module(vm, from->modules[i], from->module_cmdline[i]);
    if (error == 0)
        return;
    report(parse, vm->line, from->name,
           error == -ENOENT ? "has no initrd or modules"
                            : "and this VM have more than 8 modules");
    parse->refused[index] = true;
}

/* Moves the VMs that are not refused together; returns their number. Only
 * here are they too many: those that are refused count for nothing. */
static unsigned compact(struct parse *parse)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < parse->count; i++) {
        if (parse->refused[i])
            continue;
        if (kept == VM_MAX) {
            report(parse, parse->vms[i].line, parse->vms[i].name,
                   "is one VM too many (8 at most)");
            continue;
        }
        if (kept != i)
            memcpy(&parse->vms[kept], &parse->vms[i], sizeof(parse->vms[i]));
        kept++;
    }
    return kept;
}

int config_parse(const char *const *lines, unsigned count,
                 struct vm_config *vms, unsigned *vm_count,
                 struct config_errors *errors)
{
    struct parse parse = {.vms = vms, .errors = errors};
    unsigned before = errors->count;

    for (unsigned i = 0; i < count; i++)
        read_line(&parse, i + 1, lines[i]);
    for (unsigned i = 0; i < parse.count; i++) {
        if (parse.kernel_of[i][0] != '\0')
            borrow_kernel(&parse, i);
        if (parse.initrd_of[i][0] != '\0')
            borrow_modules(&parse, i);
    }
    *vm_count = compact(&parse);
    return errors->count == before ? 0 : -EINVAL;
}
