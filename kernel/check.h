/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Internal checks: what must hold if Bulkhead has no mistake. A failed one is
 * an exception like any other (decision 4): at depth 0, while a VM is served,
 * that VM is restored; elsewhere it is a panic. A guest's input must not lead
 * here.
 */
#ifndef KERNEL_CHECK_H
#define KERNEL_CHECK_H

#include <stdint.h>

/* Follows the UD2 of a failed check, so that no other is taken for one. */
#define CHECK_MARK 0x4b434843u /* "CHCK" */

/* RDI points to the text. */
static inline _Noreturn void check_failed(const char *what)
{
    asm volatile("ud2\n\t.long %c1" ::"D"(what), "i"(CHECK_MARK) : "memory");
    __builtin_unreachable();
}

#define CHECK(condition)                              \
    do {                                              \
        if (!(condition)) {                           \
            check_failed(#condition " in " __FILE__); \
        }                                             \
    } while (0)

#endif
