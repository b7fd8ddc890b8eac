/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/words.h"

#include "kernel/errno.h"
#include "kernel/string.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_escape(const char *at)
{
    return at[0] == '\\' && (at[1] == '\\' || at[1] == '\'' || at[1] == '"');
}

int word_next(const char **cursor, char *word, size_t size)
{
    const char *at = *cursor;
    bool quoted = false;
    size_t length = 0;

    while (is_blank(*at))
        at++;
    if (*at == '\0') {
        *cursor = at;
        return 0;
    }
    for (; *at != '\0' && (quoted || !is_blank(*at)); at++) {
        if (*at == '"') {
            quoted = !quoted;
            continue;
        }
        if (is_escape(at))
            at++;
        if (length + 1 < size)
            word[length] = *at;
        length++;
    }
    *cursor = at;
    word[length < size ? length : size - 1] = '\0';
    return length < size ? 1 : -E2BIG;
}

int words_rest(const char *cursor, char *out, size_t size)
{
    size_t length = 0;
    size_t trimmed = 0; /* length without the blanks at the end */

    while (is_blank(*cursor))
        cursor++;
    for (; *cursor != '\0'; cursor++) {
        if (is_escape(cursor))
            cursor++;
        if (length + 1 < size)
            out[length] = *cursor;
        length++;
        if (!is_blank(*cursor))
            trimmed = length;
    }
    out[trimmed < size ? trimmed : size - 1] = '\0';
    return trimmed < size ? 0 : -E2BIG;
}

bool word_has_key(const char *word, const char *key, const char **value)
{
    size_t length = strlen(key);

    if (strncmp(word, key, length) != 0 || word[length] != '=')
        return false;
    *value = word + length + 1;
    return true;
}

/* The value of a digit; at least base when it is none. */
static unsigned digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    return UINT32_MAX;
}

int word_digits(const char **cursor, unsigned base, uint64_t max,
                uint64_t *value)
{
    const char *at = *cursor;
    uint64_t sum = 0;

    for (; digit_value(*at) < base; at++) {
        unsigned digit = digit_value(*at);

        if (digit > max || sum > (max - digit) / base)
            return -ERANGE;
        sum = sum * base + digit;
    }
    if (at == *cursor)
        return -EINVAL;
    *cursor = at;
    *value = sum;
    return 0;
}

int word_unit(const char *unit)
{
    if (unit[0] == '\0')
        return 0;
    if (unit[1] != '\0')
        return -EINVAL;
    switch (unit[0]) {
    case 'K':
        return 10;
    case 'M':
        return 20;
    case 'G':
        return 30;
    default:
        return -EINVAL;
    }
}

int word_number(const char *word, unsigned base, uint64_t min, uint64_t max,
                uint64_t *value)
{
    uint64_t number;
    int error = word_digits(&word, base, max, &number);

    if (error != 0)
        return error;
    if (*word != '\0')
        return -EINVAL;
    if (number < min)
        return -ERANGE;
    *value = number;
    return 0;
}

int word_choice(const char *word, const char *const *names, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (names[i] != NULL && strcmp(word, names[i]) == 0)
            return (int)i;
    return -EINVAL;
}

const char *words_skip_file_name(const char *line)
{
    const char *at = line;
    bool slash = false;

    while (is_blank(*at))
        at++;
    for (; *at != '\0' && !is_blank(*at); at++) {
        if (*at == '=')
            return line;
        slash |= *at == '/';
    }
    return slash ? at : line;
}

void word_copy(char *to, size_t size, const char *text)
{
    size_t length = strnlen(text, size - 1);

    memcpy(to, text, length);
    to[length] = '\0';
}
