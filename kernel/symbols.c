/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/symbols.h"

#include "kernel/symbol_table.h"

const char *symbol_find(uint64_t address, uint64_t *offset)
{
    const struct symbol *best = 0;

    for (unsigned i = 0; i < symbol_count; i++) {
        if (symbol_table[i].address > address) {
            break;
        }
        best = &symbol_table[i];
    }
    *offset = best ? address - best->address : 0;
    return best ? best->name : "?";
}
