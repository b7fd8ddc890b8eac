/* sources: drivers/screen.c drivers/screen_cell.c build/gen/font.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "arch/x86_64/paging.h"
#include "drivers/font.h"
#include "drivers/screen.h"
#include "kernel/errno.h"
#include "kernel/string.h"

/* The device's memory, of exactly its size: the sanitizer sees what goes
 * beyond it. */
static uint8_t *memory;
static bool no_memory;

void *screen_map(uint64_t physical, size_t size)
{
    if (no_memory) {
        return NULL;
    }
    assert_int_equal(physical, 0x8000000000);
    free(memory);
    memory = malloc(size);
    memset(memory, 0x5a, size);
    return memory;
}

static const struct screen_mode text = {
    .kind = SCREEN_TEXT,
    .address = 0x8000000000,
    .pitch = 20,
    .width = 10,
    .height = 5,
};

static struct screen_mode pixels(uint8_t bits)
{
    struct screen_mode mode = {
        .kind = SCREEN_PIXELS,
        .address = 0x8000000000,
        .width = 8 * 4 + 3, /* three columns have no character */
        .height = 16 * 2 + 5,
        .bits = bits,
        .red = {16, 8},
        .green = {8, 8},
        .blue = {0, 8},
    };

    if (bits == 16) {
        mode.red = (struct screen_color){11, 5};
        mode.green = (struct screen_color){5, 6};
        mode.blue = (struct screen_color){0, 5};
    }
    mode.pitch = mode.width * (bits / 8u) + 4;
    return mode;
}

static void say(const char *what)
{
    screen_write(what, (uint32_t)strlen(what));
}

/* Does the row of characters begin so, and is it blank behind? */
static void assert_row(unsigned row, const char *wanted)
{
    for (unsigned x = 0; x < 10; x++) {
        char c = x < strlen(wanted) ? wanted[x] : ' ';

        assert_int_equal(memory[20 * row + 2 * x], c);
        assert_int_equal(memory[20 * row + 2 * x + 1], 7);
    }
}

static void without_a_screen_nothing_happens(void **state)
{
    (void)state;
    assert_false(screen_is_open());
    screen_last_page();
    say("nobody sees this");
}

static void lines_go_down(void **state)
{
    (void)state;
    assert_int_equal(screen_open(&text), 0);
    assert_true(screen_is_open());
    for (unsigned row = 0; row < 5; row++) {
        assert_row(row, "");
    }
    say("one\r\ntw");
    say("o\nA line of 23 columns---");
    assert_row(0, "one");
    assert_row(1, "two");
    assert_row(2, "A line of ");
    assert_row(3, "23 columns");
    assert_row(4, "---");
    say("\n\x01\xff");
    assert_row(0, "23 columns");
    assert_row(1, "---");
    assert_row(2, "??");
}

static void the_screen_moves_up_without_being_read(void **state)
{
    (void)state;
    assert_int_equal(screen_open(&text), 0);
    say("1\n2\n3\n4\n5");
    memset(memory, 0xee, 100); /* nobody looks at this */
    say("\n6");
    /* What stayed the same is not drawn again. */
    assert_int_equal(memory[0], '4');
    assert_int_equal(memory[20], '5');
    assert_int_equal(memory[40], '6');
    assert_int_equal(memory[60], ' ');
    assert_int_equal(memory[80], ' ');
    assert_int_equal(memory[22], 0xee);
}

static void the_last_page_starts_empty_and_stays(void **state)
{
    (void)state;
    assert_int_equal(screen_open(&text), 0);
    say("1\n2\n3\n4\nfive");
    screen_last_page();
    say("what\n\nwhy\nA line of 23 columns---\nlost, and\nlost");
    assert_row(0, "what");
    assert_row(1, "");
    assert_row(2, "why");
    assert_row(3, "A line of ");
    assert_row(4, "23 columns");
    assert_int_equal(screen_open(&text), 0); /* a screen like any other */
    say("1\n2\n3\n4\n5\n6");
    assert_row(0, "4");
}

static uint32_t pixel(const struct screen_mode *mode, unsigned x, unsigned y)
{
    uint32_t value = 0, bytes = mode->bits / 8u;

    memcpy(&value, memory + y * mode->pitch + x * bytes, bytes);
    return value;
}

static void assert_glyph(const struct screen_mode *mode, unsigned column,
                         unsigned row, char c, uint32_t ink)
{
    for (unsigned y = 0; y < 16; y++) {
        for (unsigned x = 0; x < 8; x++) {
            bool set = font_8x16[c - ' '][y] & 0x80 >> x;

            assert_int_equal(pixel(mode, 8 * column + x, 16 * row + y),
                             set ? ink : 0);
        }
    }
}

static void glyphs_in_pixels_of_each_size(void **state)
{
    static const struct {
        uint8_t bits;
        uint32_t ink;
    } rows[] = {{32, 0xaaaaaa}, {24, 0xaaaaaa}, {16, 0xad55}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct screen_mode mode = pixels(rows[i].bits);

        assert_int_equal(screen_open(&mode), 0);
        assert_int_equal(screen_columns(), 4);
        assert_int_equal(screen_rows(), 2);
        say("Ab\n ~g");
        assert_glyph(&mode, 0, 0, 'A', rows[i].ink);
        assert_glyph(&mode, 1, 0, 'b', rows[i].ink);
        assert_glyph(&mode, 3, 0, ' ', rows[i].ink);
        assert_glyph(&mode, 1, 1, '~', rows[i].ink);
        assert_glyph(&mode, 2, 1, 'g', rows[i].ink);
        assert_int_equal(pixel(&mode, 34, 3), 0); /* cleared, too */
        assert_int_equal(pixel(&mode, 3, 36), 0);
        say("\nx");
        assert_glyph(&mode, 1, 0, '~', rows[i].ink);
        assert_glyph(&mode, 0, 1, 'x', rows[i].ink);
        assert_glyph(&mode, 2, 1, ' ', rows[i].ink);
    }
}

static void a_large_screen_is_used_in_part(void **state)
{
    struct screen_mode mode = pixels(32);

    (void)state;
    mode.width = 3840;
    mode.height = 2160;
    mode.pitch = 4 * mode.width;
    assert_int_equal(screen_open(&mode), 0);
    assert_int_equal(screen_columns(), SCREEN_COLUMNS_MAX);
    assert_int_equal(screen_rows(), SCREEN_ROWS_MAX);
    for (unsigned i = 0; i < 300; i++) {
        say("a line\n");
    }
}

static void bad_modes_are_refused(void **state)
{
    struct screen_mode bad[12];

    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        bad[i] = pixels(32);
    }
    bad[0].bits = 8;
    bad[1].pitch = 4 * bad[1].width - 1;
    bad[2].red.position = 25;
    bad[3].green.size = 0;
    bad[4].blue.size = 9;
    bad[5].width = 7;
    bad[6].height = 15;
    bad[7].pitch = UINT32_MAX;
    bad[8].width = UINT32_MAX;
    bad[9].height = UINT32_MAX;
    bad[10].kind = SCREEN_NONE;
    bad[11] = text;
    bad[11].pitch = 19;
    for (unsigned i = 0; i < 12; i++) {
        assert_int_equal(screen_open(&bad[i]), -EINVAL);
    }
    no_memory = true;
    assert_int_equal(screen_open(&text), -ENOMEM);
    no_memory = false;
    assert_false(screen_is_open());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_screen_nothing_happens),
        cmocka_unit_test(lines_go_down),
        cmocka_unit_test(the_screen_moves_up_without_being_read),
        cmocka_unit_test(the_last_page_starts_empty_and_stays),
        cmocka_unit_test(glyphs_in_pixels_of_each_size),
        cmocka_unit_test(a_large_screen_is_used_in_part),
        cmocka_unit_test(bad_modes_are_refused),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    free(memory);
    return failed;
}
