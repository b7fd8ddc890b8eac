/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/screen.h"

#include <stddef.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/paging.h"
#include "drivers/font.h"
#include "drivers/screen_cell.h"
#include "kernel/errno.h"
#include "kernel/string.h"

/* What the device shows, so that it need not be read. */
static char shown[SCREEN_ROWS_MAX][SCREEN_COLUMNS_MAX];

static struct screen_mode mode;
static volatile void *device; /* NULL: no screen */
static uint32_t columns, rows, column, row;
static bool is_last; /* page: nothing moves any more */

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

bool screen_is_open(void)
{
    return device != NULL;
}

uint32_t screen_columns(void)
{
    return columns;
}

uint32_t screen_rows(void)
{
    return rows;
}

static void show(uint32_t x, uint32_t y, char c)
{
    if (shown[y][x] != c) {
        shown[y][x] = c;
        screen_draw(&mode, device, x, y, c);
    }
}

/* All of the device's memory, the parts without a character too. */
static void clear(uint64_t size)
{
    volatile uint32_t *words = device;

    for (uint64_t i = 0; mode.kind == SCREEN_PIXELS && i < size / 4; i++) {
        words[i] = 0;
    }
    /* What loaders showed is not known: each blank is drawn. */
    memset(shown, mode.kind == SCREEN_PIXELS ? ' ' : '\0', sizeof(shown));
    for (uint32_t y = 0; y < rows; y++) {
        for (uint32_t x = 0; x < columns; x++) {
            show(x, y, ' ');
        }
    }
}

int screen_open(const struct screen_mode *wanted)
{
    uint64_t size = screen_mode_size(wanted);

    if (!size) {
        return -EINVAL;
    }
    device = screen_map(wanted->address, size);
    if (!device) {
        return -ENOMEM;
    }
    mode = *wanted;
    columns = wanted->width;
    rows = wanted->height;
    if (mode.kind == SCREEN_PIXELS) {
        columns /= FONT_WIDTH;
        rows /= FONT_HEIGHT;
    }
    columns = least(columns, SCREEN_COLUMNS_MAX);
    rows = least(rows, SCREEN_ROWS_MAX);
    column = row = 0;
    is_last = false;
    clear(size);
    cpu_write_fence();
    return 0;
}

static void move_up(void)
{
    uint32_t by = (rows + 1) / 2;

    for (uint32_t y = 0; y < rows; y++) {
        for (uint32_t x = 0; x < columns; x++) {
            show(x, y, y + by < rows ? shown[y + by][x] : ' ');
        }
    }
    row -= by;
}

static void new_line(void)
{
    column = 0;
    if (++row == rows && !is_last) {
        move_up();
    }
}

void screen_last_page(void)
{
    for (uint32_t y = 0; device && y < rows; y++) {
        for (uint32_t x = 0; x < columns; x++) {
            show(x, y, ' ');
        }
    }
    column = row = 0;
    is_last = true;
}

void screen_write(const char *text, uint32_t length)
{
    for (uint32_t i = 0; device && i < length && row < rows; i++) {
        if (text[i] == '\n') {
            new_line();
        } else if (text[i] != '\r') {
            if (column == columns) {
                new_line();
            }
            if (row < rows) {
                show(column++, row, text[i]);
            }
        }
    }
    cpu_write_fence();
}
