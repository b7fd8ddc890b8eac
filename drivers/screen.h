/* SPDX-License-Identifier: BSD-2-Clause */
/* Text on a screen that firmware or the boot loader left: the characters of
 * VGA text, or a linear framebuffer of direct colours. */
#ifndef DRIVERS_SCREEN_H
#define DRIVERS_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

enum screen_kind { SCREEN_NONE, SCREEN_TEXT, SCREEN_PIXELS };

/* Of 8-bit colours, where a pixel keeps their bits. */
struct screen_color {
    uint8_t position, size;
};

struct screen_mode {
    enum screen_kind kind;
    uint64_t address;              /* physical */
    uint32_t pitch, width, height; /* bytes a row; pixels or characters */
    uint8_t bits;                  /* of a pixel: 15, 16, 24 or 32 */
    struct screen_color red, green, blue;
};

/* More characters than these are left blank at the right and below. */
#define SCREEN_COLUMNS_MAX 240u
#define SCREEN_ROWS_MAX    90u

/* Clears it. 0; -EINVAL: a mode that we cannot write on; -ENOMEM. */
int screen_open(const struct screen_mode *mode);

bool screen_is_open(void);
uint32_t screen_columns(void);
uint32_t screen_rows(void);

/* Writes text; '\n' ends a line, and what is too long goes on in the next.
 * Nothing is read from the device, and at the bottom the screen moves up by
 * half its rows at once: a line costs two lines' worth of writing. Without a
 * screen, does nothing. */
void screen_write(const char *text, uint32_t length);

/* What is written from here on starts on an empty screen and does not move:
 * what does not fit is left out, and what came first stays. For a panic. */
void screen_last_page(void);

#endif
