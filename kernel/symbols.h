/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of functions, for back traces; the table is made by the build. */
#ifndef KERNEL_SYMBOLS_H
#define KERNEL_SYMBOLS_H

#include <stdint.h>

/* The function that holds address, with its offset; "?" when unknown. */
const char *symbol_find(uint64_t address, uint64_t *offset);

#endif
