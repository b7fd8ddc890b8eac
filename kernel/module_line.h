/* SPDX-License-Identifier: BSD-2-Clause */
/* The words of one module line; cmdline.h has the list of them. */
#ifndef KERNEL_MODULE_LINE_H
#define KERNEL_MODULE_LINE_H

#include <stdbool.h>

#include "kernel/config.h"

#define MODULE_WORD_SIZE 256

/* What a line says about whose it is, and what its file is for. */
struct module_line {
    unsigned number; /* from 1 */
    const char *text;
    const char *tail; /* behind "--"; NULL when there is none */
    char vm[VM_NAME_SIZE];
    char kernel_of[VM_NAME_SIZE]; /* or "" */
    char initrd_of[VM_NAME_SIZE]; /* or "" */
    bool initrd;
    bool module;
};

/* Reads these words and nothing else. Returns 0, or -EINVAL after reporting
 * an error; line->vm is "" when there is no valid vm=. */
int module_line_scan(struct module_line *line, unsigned number,
                     const char *text, struct config_errors *errors);

/* The line adds a file to a VM and does not define one. */
bool module_line_adds(const struct module_line *line);

/* Reads all other words into *vm, which starts as config_defaults() left it.
 * With vm NULL they are all errors. Returns 0, or -EINVAL after reporting. */
int module_line_settings(const struct module_line *line, struct vm_config *vm,
                         struct config_errors *errors);

/* Sets one key=value word. Returns 0, or -EINVAL with *why set to a text.
 * Exported for module_line.c. */
int vm_setting(struct vm_config *vm, const char *word, const char **why);

#endif
