/* SPDX-License-Identifier: BSD-2-Clause */
/* The glyphs of a framebuffer's text; made from grub-common's ascii.pf2 (GNU
 * Unifont) by tools/font2c. */
#ifndef DRIVERS_FONT_H
#define DRIVERS_FONT_H

#include <stdint.h>

#define FONT_FIRST  ' '
#define FONT_LAST   '~'
#define FONT_WIDTH  8u
#define FONT_HEIGHT 16u

/* Rows from top to bottom, the left pixel in the highest bit. */
extern const uint8_t font_8x16[FONT_LAST - FONT_FIRST + 1][FONT_HEIGHT];

#endif
