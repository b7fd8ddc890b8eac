/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/module_line.h"

#include "kernel/errno.h"
#include "kernel/string.h"
#include "kernel/words.h"

static const char name_rule[] =
    "must be a name of 1 to 15 of a-z 0-9 _ -, not mixed or monitor";

static int set_name(char *name, const char *value)
{
    size_t length = strlen(value);

    if (length == 0 || length >= VM_NAME_SIZE)
        return -EINVAL;
    for (size_t i = 0; i < length; i++)
        if (strchr("abcdefghijklmnopqrstuvwxyz0123456789_-", value[i]) == NULL)
            return -EINVAL;
    if (strcmp(value, "mixed") == 0 || strcmp(value, "monitor") == 0)
        return -EINVAL;
    word_copy(name, VM_NAME_SIZE, value);
    return 0;
}

/* Returns 1 when the word is one of those that module_line_scan() reads, 0
 * when it is not, -EINVAL when its value is bad. */
static int scan_word(struct module_line *line, const char *word)
{
    const char *value;
    char *name = NULL;

    if (strcmp(word, "initrd") == 0)
        line->initrd = true;
    else if (strcmp(word, "module") == 0)
        line->module = true;
    else if (word_has_key(word, "vm", &value))
        name = line->vm;
    else if (word_has_key(word, "kernel-of", &value))
        name = line->kernel_of;
    else if (word_has_key(word, "initrd-of", &value))
        name = line->initrd_of;
    else
        return 0;
    return name != NULL && set_name(name, value) != 0 ? -EINVAL : 1;
}

/* As word_next(), but ends at "--" too and then tells the tail. */
static int next_word(struct module_line *line, const char **cursor, char *word)
{
    int status = word_next(cursor, word, MODULE_WORD_SIZE);

    if (status <= 0 || strcmp(word, "--") != 0)
        return status;
    line->tail = *cursor;
    return 0;
}

int module_line_scan(struct module_line *line, unsigned number,
                     const char *text, struct config_errors *errors)
{
    unsigned before = errors->count;
    char word[MODULE_WORD_SIZE];
    bool seen = false;

    memset(line, 0, sizeof(*line));
    line->number = number;
    line->text = words_skip_file_name(text);

    const char *cursor = line->text;
    int status;

    while ((status = next_word(line, &cursor, word)) != 0) {
        seen |= strncmp(word, "vm=", 3) == 0;
        if (status < 0)
            config_report(errors, number, word, "is too long");
        else if (scan_word(line, word) < 0)
            config_report(errors, number, word, name_rule);
    }
    if (!seen)
        config_report(errors, number, "vm=", "is missing");
    if (line->initrd && line->module)
        config_report(errors, number, "module", "and initrd exclude another");
    return errors->count == before ? 0 : -EINVAL;
}

bool module_line_adds(const struct module_line *line)
{
    return (line->initrd || line->module) && line->kernel_of[0] == '\0';
}

int module_line_settings(const struct module_line *line, struct vm_config *vm,
                         struct config_errors *errors)
{
    unsigned before = errors->count;
    struct module_line ignored = *line;
    char word[MODULE_WORD_SIZE];
    const char *cursor = line->text;
    const char *why;
    int status;

    while ((status = next_word(&ignored, &cursor, word)) != 0) {
        if (status < 0 || scan_word(&ignored, word) != 0)
            continue; /* module_line_scan() had it */
        why = "belongs on the first line of this VM";
        if (vm == NULL || vm_setting(vm, word, &why) != 0)
            config_report(errors, line->number, word, why);
    }
    if (vm != NULL && line->tail != NULL &&
        words_rest(line->tail, vm->cmdline, sizeof(vm->cmdline)) != 0)
        config_report(errors, line->number, "--",
                      "the guest's command line is too long (1023 at most)");
    return errors->count == before ? 0 : -EINVAL;
}
