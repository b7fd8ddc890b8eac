/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words of a boot line or a module line.
 *
 * GRUB puts words with blanks into double quotes and a backslash before each
 * backslash, ' and " (grub-core/lib/cmdline.c); both are undone here. A
 * backslash before anything else is itself: GRUB leaves "\x41" alone.
 */
#ifndef KERNEL_WORDS_H
#define KERNEL_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies the next word at *cursor, without quotes and escapes, and steps over
 * it. Returns 1, 0 at the end of the line, or -E2BIG when the word has size
 * bytes or more (word then holds its beginning). size is at least 1. */
int word_next(const char **cursor, char *word, size_t size);

/* Copies the rest of the line from cursor on, without escapes and without
 * blanks at either end. Quotes stay: Linux reads them in its own command line.
 * Returns 0, or -E2BIG when it does not fit (out then holds its beginning). */
int words_rest(const char *cursor, char *out, size_t size);

/* When word is "key=...", points *value after the '='. */
bool word_has_key(const char *word, const char *key, const char **value);

/* Reads a number in base 10 or 16 at *cursor and steps over it. Returns 0,
 * -EINVAL when there is no digit or -ERANGE when it is above max. */
int word_digits(const char **cursor, unsigned base, uint64_t max,
                uint64_t *value);

/* The power of two that a number's unit stands for: 10, 20, 30 for "K", "M",
 * "G", 0 for none (""), -EINVAL for anything else. */
int word_unit(const char *unit);

/* Reads a word that is a number as a whole, min to max. Returns 0, -EINVAL or
 * -ERANGE. */
int word_number(const char *word, unsigned base, uint64_t min, uint64_t max,
                uint64_t *value);

/* The index of word in names, or -EINVAL. */
int word_choice(const char *word, const char *const *names, unsigned count);

/* Steps over a first word that is a file's name: one with a '/' and no '='.
 * GRUB 2 leaves the name out, other Multiboot 1 loaders put it in. */
const char *words_skip_file_name(const char *line);

/* Copies text, cut to size - 1 characters. size is at least 1. */
void word_copy(char *to, size_t size, const char *text);

#endif
