/* SPDX-License-Identifier: BSD-2-Clause */
/* Words of a line as GRUB's script reader sees them. */
#ifndef BOOT_EFI_WORDS_H
#define BOOT_EFI_WORDS_H

#include <stddef.h>

struct efi_reader {
    const char *at, *end;
    unsigned line; /* of at, from 1 */
};

enum efi_token { EFI_LINE_END, EFI_WORD, EFI_BAD };

/*
 * Reads the next word of the current line into word, without its quotes and
 * escapes. EFI_LINE_END: there is none; the reader stands at the line's end.
 * EFI_BAD: *why says what is wrong with the word, which word then holds as
 * far as it was read. size is at least 1.
 */
enum efi_token efi_word_next(struct efi_reader *reader, char *word, size_t size,
                             const char **why);

/* Steps over the rest of the line and its end, wherever the reader stands. */
void efi_line_skip(struct efi_reader *reader);

/* Appends a word to line as GRUB passes it to a kernel, after a blank if the
 * line has words (*count of them). 0; -E2BIG: it does not fit, line is as
 * before. */
int efi_word_append(char *line, size_t size, unsigned *count, const char *word);

#endif
