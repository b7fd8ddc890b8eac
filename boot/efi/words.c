/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/efi/words.h"

#include <stdbool.h>

#include "kernel/errno.h"
#include "kernel/string.h"

/* A word that is being put together. */
struct builder {
    char *text;
    size_t size, length;
};

static void put(struct builder *word, char c)
{
    if (word->length + 1 < word->size) {
        word->text[word->length] = c;
    }
    word->length++;
}

static bool at_end(const struct efi_reader *reader)
{
    return reader->at == reader->end || *reader->at == '\n';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* A backslash at the end of a line joins it with the next one. */
static bool skip_joint(struct efi_reader *reader)
{
    const char *at = reader->at;

    if (at == reader->end || *at++ != '\\') {
        return false;
    }
    if (at != reader->end && *at == '\r') {
        at++;
    }
    if (at == reader->end || *at != '\n') {
        return false;
    }
    reader->at = at + 1;
    reader->line++;
    return true;
}

static const char *read_single(struct efi_reader *reader, struct builder *word)
{
    for (reader->at++; !at_end(reader); reader->at++) {
        if (*reader->at == '\'') {
            reader->at++;
            return NULL;
        }
        put(word, *reader->at);
    }
    return "a ' is missing: the quotes are not closed in this line";
}

static bool is_escape(const struct efi_reader *reader)
{
    return reader->end - reader->at >= 2 && reader->at[0] == '\\' &&
           strchr("\\\"$", reader->at[1]) && reader->at[1];
}

static const char *read_double(struct efi_reader *reader, struct builder *word)
{
    reader->at++;
    while (!at_end(reader)) {
        if (skip_joint(reader)) {
            continue;
        }
        if (*reader->at == '"') {
            reader->at++;
            return NULL;
        }
        if (*reader->at == '$') {
            put(word, '$');
            return "GRUB would put a variable here: write \\$ or use ' '";
        }
        if (is_escape(reader)) {
            reader->at++;
        }
        put(word, *reader->at++);
    }
    return "a \" is missing: the quotes are not closed in this line";
}

/* One character outside quotes, or all of a quoted part. */
static const char *read_part(struct efi_reader *reader, struct builder *word)
{
    char c = *reader->at;

    if (c == '\'') {
        return read_single(reader, word);
    }
    if (c == '"') {
        return read_double(reader, word);
    }
    if (c && strchr("{}|&$;<>", c)) {
        put(word, c);
        return "means something to GRUB: put the word into ' '";
    }
    if (c == '\\') {
        reader->at++;
        if (at_end(reader)) {
            return "nothing follows the \\";
        }
    }
    put(word, *reader->at++);
    return NULL;
}

static const char *read_word(struct efi_reader *reader, struct builder *word)
{
    const char *why = NULL;

    while (!why && !at_end(reader) && !is_blank(*reader->at)) {
        if (!skip_joint(reader)) {
            why = read_part(reader, word);
        }
    }
    if (!why && word->length >= word->size) {
        why = "is too long";
    }
    return why;
}

enum efi_token efi_word_next(struct efi_reader *reader, char *text, size_t size,
                             const char **why)
{
    struct builder word = {text, size, 0};

    text[0] = '\0';
    while (skip_joint(reader) || (!at_end(reader) && is_blank(*reader->at))) {
        reader->at += !at_end(reader) && is_blank(*reader->at);
    }
    if (!at_end(reader) && *reader->at == '#') {
        while (!at_end(reader)) {
            reader->at++;
        }
    }
    if (at_end(reader)) {
        return EFI_LINE_END;
    }
    *why = read_word(reader, &word);
    text[word.length < size ? word.length : size - 1] = '\0';
    return *why ? EFI_BAD : EFI_WORD;
}

void efi_line_skip(struct efi_reader *reader)
{
    while (!at_end(reader)) {
        if (!skip_joint(reader)) {
            reader->at++;
        }
    }
    if (reader->at != reader->end) {
        reader->at++;
        reader->line++;
    }
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
           (c >= 'A' && c <= 'F');
}

/* GRUB leaves \xHH alone. */
static bool is_hex_escape(const char *at)
{
    return at[0] == '\\' && at[1] == 'x' && is_hex(at[2]) && is_hex(at[3]);
}

int efi_word_append(char *line, size_t size, unsigned *count, const char *word)
{
    const size_t before = strlen(line);
    struct builder out = {line, size, before};
    const bool quoted = strchr(word, ' ') != NULL;

    if (*count) {
        put(&out, ' ');
    }
    if (quoted) {
        put(&out, '"');
    }
    for (; *word; word++) {
        if (strchr("\\'\"", *word) && !is_hex_escape(word)) {
            put(&out, '\\');
        }
        put(&out, *word);
    }
    if (quoted) {
        put(&out, '"');
    }
    if (out.length >= size) {
        line[before] = '\0';
        return -E2BIG;
    }
    line[out.length] = '\0';
    ++*count;
    return 0;
}
