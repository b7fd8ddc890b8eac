/* SPDX-License-Identifier: BSD-2-Clause */
/* The screen, for the log: asked for, or since there is no serial line. */
#include "kernel/start.h"

#include "drivers/screen.h"
#include "kernel/fact.h"
#include "kernel/serial_lines.h"

/* A PC's text screen, mode 3, which a BIOS leaves when no loader changed it. */
#define VGA_TEXT    0xb8000
#define VGA_COLUMNS 80
#define VGA_ROWS    25

static struct screen_color color(struct boot_color from)
{
    return (struct screen_color){from.position, from.size};
}

/* Does any of it lie in what the loader's own map calls memory? Then it is no
 * screen, and would be cleared. */
static bool is_in_memory(const struct boot_framebuffer *left)
{
    const uint64_t size = (uint64_t)left->pitch * left->height;
    const uint64_t end = left->address + size;

    for (unsigned i = 0; i < start.boot.range_count; i++) {
        if (left->address < start.boot.ranges[i].end &&
            end > start.boot.ranges[i].start) {
            return true;
        }
    }
    return end < left->address;
}

static struct screen_mode mode_of(const struct boot_framebuffer *left)
{
    if (left->kind == BOOT_SCREEN_PIXELS && !is_in_memory(left)) {
        return (struct screen_mode){
            .kind = SCREEN_PIXELS,
            .address = left->address,
            .pitch = left->pitch,
            .width = left->width,
            .height = left->height,
            .bits = left->bits,
            .red = color(left->red),
            .green = color(left->green),
            .blue = color(left->blue),
        };
    }
    if (left->kind == BOOT_SCREEN_TEXT ||
        (left->kind == BOOT_SCREEN_UNKNOWN && !start.boot.uefi)) {
        return (struct screen_mode){
            .kind = SCREEN_TEXT,
            .address = VGA_TEXT,
            .pitch = 2 * VGA_COLUMNS,
            .width = VGA_COLUMNS,
            .height = VGA_ROWS,
        };
    }
    return (struct screen_mode){.kind = SCREEN_NONE};
}

static void tell_screen(const struct screen_mode *mode)
{
    if (mode->kind == SCREEN_PIXELS) {
        fact_info("screen", "%ux%u pixels of %u bits at 0x%lx shows the log",
                  mode->width, mode->height, mode->bits, mode->address);
    } else {
        fact_info("screen", "VGA text shows the log");
    }
}

void start_screen(void)
{
    const struct screen_mode mode = mode_of(&start.boot.screen);

    if (start.config.screen == SCREEN_OFF) {
        fact_info("screen", "off");
    } else if (start.config.screen == SCREEN_AUTO && uart_there(&com1)) {
        fact_info("screen", "not used: com1 shows the log");
    } else if (screen_open(&mode)) {
        fact_warn("screen", "none to write on: the log is not shown there");
    } else {
        tell_screen(&mode);
    }
}
