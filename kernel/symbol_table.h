/* SPDX-License-Identifier: BSD-2-Clause */
/* Made by tools/symbols from the linked image, in address order. */
#ifndef KERNEL_SYMBOL_TABLE_H
#define KERNEL_SYMBOL_TABLE_H

#include <stdint.h>

struct symbol {
    uint64_t address;
    const char *name;
};

extern const struct symbol symbol_table[];
extern const unsigned symbol_count;

#endif
