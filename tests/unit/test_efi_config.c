/* SPDX-License-Identifier: BSD-2-Clause */
/* sources: boot/efi/config.c boot/efi/words.c kernel/config.c kernel/words.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "boot/efi/config.h"
#include "boot/efi/words.h"
#include "kernel/errno.h"

#define KERNEL "multiboot2 /b.elf\n"

static struct efi_config config;
static struct config_error list[EFI_ERRORS_MAX];
static struct config_errors errors;

/* From a buffer of just this size, so that a byte too far is seen. */
static int parse_bytes(const char *text, size_t size)
{
    char *copy = malloc(size ? size : 1);
    int status;

    memcpy(copy, text, size);
    errors = (struct config_errors){list, EFI_ERRORS_MAX, 0};
    status = efi_config_parse(copy, size, &config, &errors);
    free(copy);
    assert_int_equal(status, errors.count ? -EINVAL : 0);
    return status;
}

static int parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static void the_lines_of_the_design(void **state)
{
    (void)state;
    assert_int_equal(
        parse("# guests\n"
              "\n"
              "multiboot2 /boot/bulkhead.elf loglevel=info\n"
              "  module2 --nounzip /boot/vmlinuz vm=alpha mem=256M -- "
              "console=ttyS0 quiet   # the kernel\n"
              "\tmodule2\t/boot/initrd.img\tvm=alpha initrd\r\n"
              "module2 /boot/empty"),
        0);
    assert_string_equal(config.kernel.path, "/boot/bulkhead.elf");
    assert_string_equal(config.kernel.words, "loglevel=info");
    assert_int_equal(config.kernel.number, 3);
    assert_int_equal(config.module_count, 3);
    assert_string_equal(config.modules[0].path, "/boot/vmlinuz");
    assert_string_equal(config.modules[0].words,
                        "vm=alpha mem=256M -- console=ttyS0 quiet");
    assert_int_equal(config.modules[0].number, 4);
    assert_string_equal(config.modules[1].path, "/boot/initrd.img");
    assert_string_equal(config.modules[1].words, "vm=alpha initrd");
    assert_string_equal(config.modules[2].path, "/boot/empty");
    assert_string_equal(config.modules[2].words, "");
}

/* What is written, and what GRUB 2.06 passes on for it. */
static const struct {
    const char *written, *passed;
} quotes[] = {
    {"a=b", "a=b"},
    {"'a b'", "\"a b\""},
    {"\"a b\"", "\"a b\""},
    {"x='a b'c", "\"x=a bc\""},
    {"a\\ b", "\"a b\""},
    {"it\\'s", "it\\'s"},
    {"\"it's\"", "it\\'s"},
    {"'say \"x\"'", "\"say \\\"x\\\"\""},
    {"'a\\b'", "a\\\\b"},
    {"\"a\\\\b\"", "a\\\\b"},
    {"\"a\\b\"", "a\\\\b"},
    {"\"a\\$b\\\"\"", "a$b\\\""},
    {"'$a;b|c&d<e>f{g}'", "$a;b|c&d<e>f{g}"},
    {"\\;\\$", ";$"},
    {"'\\x41'", "\\x41"},
    {"'\\xg1'", "\\\\xg1"},
    {"a#b", "a#b"},
    {"'#a'", "#a"},
    {"'' a", " a"},
    {"a '' b", "a  b"},
    {"a\\\nb", "ab"},
    {"a \\\n b", "a b"},
    {"a \\\r\n b", "a b"},
    {"\"a\\\nb\"", "ab"},
    {"a\t b", "a b"},
    {"'a\tb'", "a\tb"},
    {"\xc3\xa4", "\xc3\xa4"},
};

static void words_are_passed_on_as_grub_does_it(void **state)
{
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof(quotes) / sizeof(quotes[0]); i++) {
        snprintf(text, sizeof(text), "multiboot2 /b %s\nmodule2 /m %s\n",
                 quotes[i].written, quotes[i].written);
        assert_int_equal(parse(text), 0);
        assert_string_equal(config.kernel.words, quotes[i].passed);
        assert_int_equal(config.module_count, 1);
        assert_string_equal(config.modules[0].words, quotes[i].passed);
    }
}

static void line_numbers_count_joined_lines(void **state)
{
    (void)state;
    assert_int_equal(parse("# one\\\nmultiboot2 /b a\\\nb\\\n c\nmodule2 /m\n"),
                     0);
    assert_int_equal(config.kernel.number, 2);
    assert_string_equal(config.kernel.words, "ab c");
    assert_int_equal(config.modules[0].number, 5);
}

static const struct {
    const char *text;
    unsigned line;
    const char *word, *why;
} mistakes[] = {
    {"", 0, "multiboot2", "is missing"},
    {"# nothing\n\n", 0, "multiboot2", "is missing"},
    {"set timeout=5\n" KERNEL, 1, "set", "not known here"},
    {KERNEL "boot\n", 2, "boot", "not known here"},
    {"multiboot /b.elf\n" KERNEL, 1, "multiboot", "not known here"},
    {KERNEL "multiboot2 /c.elf\n", 2, "multiboot2", "twice"},
    {"module2 /m\n" KERNEL, 1, "module2", "too early"},
    {KERNEL "module2\n", 2, "module2", "needs a path"},
    {"multiboot2 --nounzip\n", 1, "multiboot2", "needs a path"},
    {KERNEL "\nmodule2 boot/m\n", 3, "boot/m", "is no path"},
    {KERNEL "module2 (hd0,gpt1)/m\n", 2, "(hd0,gpt1)/m", "is no path"},
    {KERNEL "module2 /\xc3\xa4\n", 2, "/\xc3\xa4", "not ASCII"},
    {KERNEL "module2 --unzip /m\n", 2, "--unzip", "only --nounzip"},
    {KERNEL "module2 /m 'vm=a\nmodule2 /n\n", 2, "vm=a", "not closed"},
    {KERNEL "module2 /m \"vm=a\n", 2, "vm=a", "not closed"},
    {KERNEL "module2 /m a;b\n", 2, "a;", "means something to GRUB"},
    {KERNEL "module2 /m a{b}\n", 2, "a{", "means something to GRUB"},
    {KERNEL "module2 $root/m\n", 2, "$", "means something to GRUB"},
    {KERNEL "module2 /m \"$x\"\n", 2, "$", "a variable"},
    {KERNEL "module2 /m a\\", 2, "a", "nothing follows"},
    {"multi'boot2", 1, "multiboot2", "not closed"},
};

static void mistakes_are_told_with_line_and_word(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        parse(mistakes[i].text);
        assert_int_equal(errors.count, 1);
        assert_int_equal(list[0].line, mistakes[i].line);
        assert_string_equal(list[0].word, mistakes[i].word);
        assert_non_null(strstr(list[0].why, mistakes[i].why));
        assert_true(strlen(list[0].why) < sizeof(list[0].why) - 1);
    }
}

static void every_mistake_of_a_file_is_told(void **state)
{
    char text[64 * 20] = "";

    (void)state;
    parse("x\n" KERNEL "y\nmodule2 z\n\nmodule2 /fine\n");
    assert_int_equal(errors.count, 3);
    assert_int_equal(list[0].line, 1);
    assert_int_equal(list[1].line, 3);
    assert_int_equal(list[2].line, 4);
    assert_int_equal(config.module_count, 2);
    for (unsigned i = 0; i < 20; i++) {
        strcat(text, "x\n");
    }
    parse(text); /* more than the list holds */
    assert_int_equal(errors.count, 20);
}

static void what_is_no_text_is_refused(void **state)
{
    const struct {
        const char *text;
        size_t size;
        const char *why;
    } rows[] = {
        {"\xff\xfem\0u\0", 6, "UTF-16"},
        {"\xfe\xff\0m\0u", 6, "UTF-16"},
        {KERNEL "\0", sizeof(KERNEL), "plain text"},
        {"\x7f"
         "ELF",
         4, "plain text"},
        {KERNEL "\x1b[m", sizeof(KERNEL) + 2, "plain text"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        parse_bytes(rows[i].text, rows[i].size);
        assert_int_equal(errors.count, 1);
        assert_int_equal(list[0].line, 0);
        assert_non_null(strstr(list[0].why, rows[i].why));
    }
    assert_int_equal(parse("\xef\xbb\xbf" KERNEL), 0); /* UTF-8, marked */
    assert_string_equal(config.kernel.path, "/b.elf");
}

/* A kernel's line of which the words have this length. */
static int parse_words_of(size_t length)
{
    static char text[2 * BOOT_LINE_SIZE];

    memcpy(text, "multiboot2 /b ", 14);
    for (size_t i = 0; i < length; i++) {
        text[14 + i] = i % 100 == 50 ? ' ' : 'a';
    }
    text[14 + length] = '\0';
    return parse(text);
}

static void long_lines_are_refused_not_cut(void **state)
{
    char text[BOOT_LINE_SIZE * 2];

    (void)state;
    assert_int_equal(parse_words_of(BOOT_LINE_SIZE - 1), 0);
    assert_int_equal(strlen(config.kernel.words), BOOT_LINE_SIZE - 1);
    parse_words_of(BOOT_LINE_SIZE);
    assert_int_equal(errors.count, 1);
    assert_non_null(strstr(list[0].why, "too long"));

    memset(text, 'a', sizeof(text));
    memcpy(text, KERNEL "module2 /", strlen(KERNEL "module2 /"));
    text[strlen(KERNEL "module2 ") + EFI_PATH_SIZE - 1] = '\0';
    assert_int_equal(parse(text), 0);
    assert_int_equal(strlen(config.modules[0].path), EFI_PATH_SIZE - 1);
    text[strlen(text)] = 'a';
    text[strlen(KERNEL "module2 ") + EFI_PATH_SIZE] = '\0';
    parse(text);
    assert_int_equal(errors.count, 1);
    memset(text + strlen(text), 'a', 1);
    text[sizeof(text) - 1] = '\0';
    parse(text);
    assert_int_equal(errors.count, 1);
    assert_non_null(strstr(list[0].why, "too long"));
}

static void one_module_too_many(void **state)
{
    char text[4096] = KERNEL;

    (void)state;
    for (unsigned i = 0; i < EFI_MODULES_MAX; i++) {
        strcat(text, "module2 /m\n");
    }
    assert_int_equal(parse(text), 0);
    assert_int_equal(config.module_count, EFI_MODULES_MAX);
    strcat(text, "module2 /m\nmodule2 /m\n");
    parse(text);
    assert_int_equal(errors.count, 2);
    assert_int_equal(list[0].line, EFI_MODULES_MAX + 2);
    assert_int_equal(config.module_count, EFI_MODULES_MAX);
}

/* Whatever the bytes are: it ends, stays inside them, and an error is told or
 * the result is in order. */
static void any_bytes_are_survived(void **state)
{
    static const char letters[] = "multiboot2 module2 /a'\"\\\\\n\n#$ --nounzip"
                                  "\r\t;x41";
    uint32_t random = 1;

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        char text[160] = KERNEL;
        size_t size = strlen(KERNEL);
        const size_t end = size + round % 120;

        while (size < end) {
            random = random * 1664525 + 1013904223;
            text[size++] = round % 3
                               ? letters[random / 65536 % (sizeof(letters) - 1)]
                               : (char)(random >> 24);
        }
        if (!parse_bytes(text, size)) {
            assert_true(config.module_count <= EFI_MODULES_MAX);
            for (unsigned i = 0; i < config.module_count; i++) {
                assert_int_equal(config.modules[i].path[0], '/');
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lines_of_the_design),
        cmocka_unit_test(words_are_passed_on_as_grub_does_it),
        cmocka_unit_test(line_numbers_count_joined_lines),
        cmocka_unit_test(mistakes_are_told_with_line_and_word),
        cmocka_unit_test(every_mistake_of_a_file_is_told),
        cmocka_unit_test(what_is_no_text_is_refused),
        cmocka_unit_test(long_lines_are_refused_not_cut),
        cmocka_unit_test(one_module_too_many),
        cmocka_unit_test(any_bytes_are_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
