/* SPDX-License-Identifier: BSD-2-Clause */
/* The core's end: prints what is known and stops, or reboots. */
#ifndef KERNEL_PANIC_H
#define KERNEL_PANIC_H

#include <stdbool.h>

struct exception_frame;

/* Prints registers (those of frame, when there is one), a back trace with
 * symbols, the build's id and which VM was being served. Never returns. A
 * guest's input must not lead here. */
_Noreturn void panic_at(const struct exception_frame *frame, const char *format,
                        ...) __attribute__((format(printf, 2, 3)));

/* Has any CPU panicked? The others stop at the NMI that it sends. */
bool panic_elsewhere(void);

#define panic(...) panic_at((void *)0, __VA_ARGS__)

#endif
