/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/efi/config.h"

#include <stdbool.h>

#include "boot/efi/words.h"
#include "kernel/errno.h"
#include "kernel/string.h"

struct parser {
    struct efi_reader reader;
    struct efi_config *config;
    struct config_errors *errors;
    unsigned line; /* where the current line begins */
    char word[BOOT_LINE_SIZE];
};

static void report(struct parser *parser, const char *why)
{
    config_report(parser->errors, parser->line, parser->word, why);
}

/* Reads a word; false, and an error is told, if it is bad. At the line's end
 * the word is empty and *more false. */
static bool next(struct parser *parser, bool *more)
{
    const char *why = NULL;
    enum efi_token token = efi_word_next(&parser->reader, parser->word,
                                         sizeof(parser->word), &why);

    if (token == EFI_BAD) {
        report(parser, why);
    }
    *more = token == EFI_WORD;
    return token != EFI_BAD;
}

static bool is_ascii(const char *text)
{
    while (*text > 0) {
        text++;
    }
    return !*text;
}

static bool check_path(struct parser *parser)
{
    if (parser->word[0] == '-') {
        report(parser, "is not known here (only --nounzip): remove it");
    } else if (parser->word[0] != '/') {
        report(parser, "is no path: write /FOLDER/FILE, a file of the "
                       "partition that this loader is on");
    } else if (strlen(parser->word) >= EFI_PATH_SIZE) {
        report(parser, "is too long for a path (255 characters)");
    } else if (!is_ascii(parser->word)) {
        report(parser, "has letters that are not ASCII: rename the file");
    } else {
        return true;
    }
    return false;
}

/* The options, which are ignored, and the path. */
static bool read_path(struct parser *parser, const char *command,
                      struct efi_line *line)
{
    bool more;

    do {
        if (!next(parser, &more)) {
            return false;
        }
    } while (more && !strcmp(parser->word, "--nounzip"));
    if (!more) {
        config_report(parser->errors, parser->line, command,
                      "needs a path behind it: write /FOLDER/FILE");
        return false;
    }
    if (!check_path(parser)) {
        return false;
    }
    memcpy(line->path, parser->word, strlen(parser->word) + 1);
    return true;
}

static bool read_words(struct parser *parser, struct efi_line *line)
{
    unsigned count = 0;
    bool more;

    line->words[0] = '\0';
    while (next(parser, &more)) {
        if (!more) {
            return true;
        }
        if (efi_word_append(line->words, sizeof(line->words), &count,
                            parser->word)) {
            report(parser, "the line is too long from here on (1279 "
                           "characters)");
            return false;
        }
    }
    return false;
}

static struct efi_line *line_for_kernel(struct parser *parser)
{
    if (parser->config->kernel.number) {
        report(parser, "stands there twice: keep one of the lines");
        return NULL;
    }
    return &parser->config->kernel;
}

static struct efi_line *line_for_module(struct parser *parser)
{
    struct efi_config *config = parser->config;

    if (!config->kernel.number) {
        report(parser, "comes too early: the multiboot2 line has to be first");
    } else if (config->module_count == EFI_MODULES_MAX) {
        report(parser, "is one too many: there can be 32 modules");
    } else {
        return &config->modules[config->module_count++];
    }
    return NULL;
}

static void parse_line(struct parser *parser)
{
    static const char kernel[] = "multiboot2", module[] = "module2";
    const char *command = kernel;
    struct efi_line *line;
    bool more;

    parser->line = parser->reader.line;
    if (!next(parser, &more) || !more) {
        return;
    }
    if (!strcmp(parser->word, kernel)) {
        line = line_for_kernel(parser);
    } else if (!strcmp(parser->word, module)) {
        command = module;
        line = line_for_module(parser);
    } else {
        report(parser, "is not known here: only multiboot2 and module2 lines "
                       "are; remove it");
        return;
    }
    if (line) {
        line->number = parser->line;
        if (read_path(parser, command, line)) {
            read_words(parser, line);
        }
    }
}

/* Text that an editor saved as something else. */
static const char *why_no_text(const char *text, size_t size)
{
    if (size >= 2 &&
        (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2))) {
        return "is UTF-16: save the file as plain text (UTF-8)";
    }
    for (size_t i = 0; i < size; i++) {
        if ((text[i] >= 0 && text[i] < ' ' && !strchr("\t\r\n", text[i])) ||
            text[i] == '\0' || text[i] == 0x7f) {
            return "is not plain text: it has control characters in it";
        }
    }
    return NULL;
}

int efi_config_parse(const char *text, size_t size, struct efi_config *config,
                     struct config_errors *errors)
{
    const unsigned before = errors->count;
    const char *why = why_no_text(text, size);
    struct parser parser = {{text, text + size, 1}, config, errors, 0, ""};

    memset(config, 0, sizeof(*config));
    if (why) {
        config_report(errors, 0, "the file", why);
        return -EINVAL;
    }
    if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
        parser.reader.at += 3; /* an editor's mark of UTF-8 */
    }
    while (parser.reader.at != parser.reader.end) {
        parse_line(&parser);
        efi_line_skip(&parser.reader);
    }
    if (errors->count == before && !config->kernel.number) {
        config_report(errors, 0, "multiboot2",
                      "is missing: write multiboot2 /boot/bulkhead.elf");
    }
    return errors->count == before ? 0 : -EINVAL;
}
