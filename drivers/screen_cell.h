/* SPDX-License-Identifier: BSD-2-Clause */
/* One character on the device, of either kind. */
#ifndef DRIVERS_SCREEN_CELL_H
#define DRIVERS_SCREEN_CELL_H

#include "drivers/screen.h"

/* The bytes that a mode's device memory has; 0 for a mode that we cannot
 * write on. */
uint64_t screen_mode_size(const struct screen_mode *mode);

/* Draws a printable character or a blank. at: the device's memory. */
void screen_draw(const struct screen_mode *mode, volatile void *at,
                 uint32_t column, uint32_t row, char c);

#endif
