/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/screen_cell.h"

#include "drivers/font.h"

#define TEXT_ATTRIBUTE 0x0700u      /* light grey on black (IBM VGA, mode 3) */
#define INK            0xaau        /* the same grey, of each colour */
#define SIZE_MAX_BYTES 0x10000000ul /* 256 MiB: no screen has more */
#define SIDE_MAX       16384u

static bool fits(const struct screen_color *color, uint8_t bits)
{
    return color->size >= 1 && color->size <= 8 &&
           color->position + color->size <= bits;
}

/* Bytes a pixel: 15 bits take two. */
static uint32_t pixel_bytes(const struct screen_mode *mode)
{
    return (mode->bits + 7u) / 8;
}

static bool pixels_are_sound(const struct screen_mode *mode)
{
    return (mode->bits == 15 || mode->bits == 16 || mode->bits == 24 ||
            mode->bits == 32) &&
           fits(&mode->red, mode->bits) && fits(&mode->green, mode->bits) &&
           fits(&mode->blue, mode->bits) && mode->width >= FONT_WIDTH &&
           mode->height >= FONT_HEIGHT && mode->width <= SIDE_MAX &&
           mode->height <= SIDE_MAX &&
           mode->pitch >= mode->width * pixel_bytes(mode);
}

uint64_t screen_mode_size(const struct screen_mode *mode)
{
    uint64_t size = (uint64_t)mode->pitch * mode->height;
    bool sound = false;

    if (mode->kind == SCREEN_PIXELS) {
        sound = pixels_are_sound(mode);
    } else if (mode->kind == SCREEN_TEXT) {
        sound = mode->width && mode->height && mode->height <= SIDE_MAX &&
                mode->width <= SIDE_MAX && mode->pitch >= 2 * mode->width;
    }
    return sound && size <= SIZE_MAX_BYTES ? size : 0;
}

static uint32_t ink(const struct screen_mode *mode)
{
    const struct screen_color *colors[] = {&mode->red, &mode->green,
                                           &mode->blue};
    uint32_t value = 0;

    for (unsigned i = 0; i < 3; i++) {
        value |= INK >> (8 - colors[i]->size) << colors[i]->position;
    }
    return value;
}

static void put_pixel(volatile uint8_t *at, uint32_t bytes, uint32_t value)
{
    if (bytes == 4) {
        *(volatile uint32_t *)at = value;
    } else if (bytes == 2) {
        *(volatile uint16_t *)at = (uint16_t)value;
    } else {
        at[0] = (uint8_t)value;
        at[1] = (uint8_t)(value >> 8);
        at[2] = (uint8_t)(value >> 16);
    }
}

static void draw_glyph(const struct screen_mode *mode, volatile uint8_t *at,
                       const uint8_t glyph[FONT_HEIGHT])
{
    const uint32_t bytes = pixel_bytes(mode), set = ink(mode);

    for (uint32_t y = 0; y < FONT_HEIGHT; y++) {
        for (uint32_t x = 0; x < FONT_WIDTH; x++) {
            put_pixel(at + (uint64_t)y * mode->pitch + (uint64_t)x * bytes,
                      bytes, glyph[y] & 0x80 >> x ? set : 0);
        }
    }
}

void screen_draw(const struct screen_mode *mode, volatile void *at,
                 uint32_t column, uint32_t row, char c)
{
    volatile uint8_t *bytes = at;

    if (c < FONT_FIRST || c > FONT_LAST) {
        c = '?';
    }
    if (mode->kind == SCREEN_TEXT) {
        bytes += (uint64_t)row * mode->pitch + 2ul * column;
        *(volatile uint16_t *)bytes = (uint16_t)(TEXT_ATTRIBUTE | (uint8_t)c);
        return;
    }
    bytes += (uint64_t)row * FONT_HEIGHT * mode->pitch +
             (uint64_t)column * FONT_WIDTH * pixel_bytes(mode);
    draw_glyph(mode, bytes, font_8x16[c - FONT_FIRST]);
}
