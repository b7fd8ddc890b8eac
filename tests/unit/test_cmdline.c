/* sources: kernel/cmdline.c kernel/module_*.c kernel/words.c kernel/config.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86_64/cpu_backend.h"
#include "kernel/cmdline.h"
#include "kernel/errno.h"
#include "kernel/words.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct vm_config vms[VM_LINES_MAX];
static unsigned vm_count;
static struct config_error list[16];
static struct config_errors errors;

const char *fault_kind_name(enum fault_kind kind)
{
    static const char *const names[FAULT_KINDS] = {
        "none", "mce",   "ept",  "misconfig", "triple", "entry",
        "exit", "panic", "root", "copy",      "restore"};

    return names[kind];
}

static int parse_lines(const char *const *lines, unsigned count)
{
    memset(vms, 0xEE, sizeof(vms));
    memset(list, 0, sizeof(list));
    errors = (struct config_errors){.list = list, .max = COUNT(list)};
    vm_count = 99;
    return config_parse(lines, count, vms, &vm_count, &errors);
}

#define PARSE(...)                                  \
    parse_lines((const char *const[]){__VA_ARGS__}, \
                COUNT(((const char *const[]){__VA_ARGS__})))

static void assert_error(unsigned index, unsigned line, const char *word,
                         const char *why)
{
    assert_true(index < errors.count);
    assert_int_equal(list[index].line, line);
    assert_string_equal(list[index].word, word);
    if (strstr(list[index].why, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", list[index].why, why);
}

static void parse_boot(const char *line, struct boot_config *boot)
{
    memset(boot, 0xEE, sizeof(*boot));
    memset(list, 0, sizeof(list));
    errors = (struct config_errors){.list = list, .max = COUNT(list)};
    boot_line_parse(line, boot, &errors);
}

static void assert_serial(const struct serial_word *word,
                          enum serial_choice choice, enum uart_kind kind,
                          uint64_t address)
{
    assert_int_equal(word->choice, choice);
    assert_int_equal(word->place.kind, kind);
    assert_int_equal(word->place.address, address);
}

static void boot_defaults(void **state)
{
    static const char *const lines[] = {"", "   ", "/boot/bulkhead.elf"};
    struct boot_config boot;

    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        parse_boot(lines[i], &boot);
        assert_int_equal(errors.count, 0);
        assert_int_equal(boot.loglevel, LOG_INFO);
        assert_int_equal(boot.slice_ms, 5);
        assert_serial(&boot.com1, SERIAL_USUAL, UART_PORT, 0x3F8);
        assert_serial(&boot.com2, SERIAL_USUAL, UART_PORT, 0x2F8);
        assert_int_equal(boot.baud, 115200);
        assert_int_equal(boot.screen, SCREEN_AUTO);
        assert_int_equal(boot.console, CONSOLE_MIXED);
        assert_int_equal(boot.when_done, WHEN_DONE_STAY);
        assert_int_equal(boot.on_panic, ON_PANIC_HALT);
        assert_string_equal(boot.force_missing, "");
        assert_int_equal(boot.dirty, DIRTY_NONE);
        assert_string_equal(boot.console_vm, "");
    }
}

static void boot_all_words(void **state)
{
    struct boot_config boot;

    (void)state;
    parse_boot("loglevel=debug slice=20 com1=off com2=0xe0B8 console=beta "
               "when-done=debug-exit on-panic=reboot force-missing=ept "
               "baud=9600 screen=off dirty=bits",
               &boot);
    assert_int_equal(errors.count, 0);
    assert_int_equal(boot.dirty, DIRTY_BITS);
    assert_int_equal(boot.loglevel, LOG_DEBUG);
    assert_int_equal(boot.slice_ms, 20);
    assert_serial(&boot.com1, SERIAL_OFF, UART_NONE, 0);
    assert_serial(&boot.com2, SERIAL_PLACE, UART_PORT, 0xE0B8);
    assert_int_equal(boot.baud, 9600);
    assert_int_equal(boot.screen, SCREEN_OFF);
    assert_int_equal(boot.console, CONSOLE_VM);
    assert_string_equal(boot.console_vm, "beta");
    assert_int_equal(boot.when_done, WHEN_DONE_DEBUG_EXIT);
    assert_int_equal(boot.on_panic, ON_PANIC_REBOOT);
    assert_string_equal(boot.force_missing, "ept");
}

static void boot_places_of_serial_lines(void **state)
{
    struct boot_config boot;

    (void)state;
    parse_boot("com1=mmio:fedc9000 com2=mmio32:0x91a340000", &boot);
    assert_int_equal(errors.count, 0);
    assert_serial(&boot.com1, SERIAL_PLACE, UART_MMIO, 0xFEDC9000);
    assert_serial(&boot.com2, SERIAL_PLACE, UART_MMIO32, 0x91A340000);
    parse_boot("com1=pci com2=3f8", &boot);
    assert_int_equal(errors.count, 0);
    assert_serial(&boot.com1, SERIAL_PCI, UART_NONE, 0);
    assert_serial(&boot.com2, SERIAL_PLACE, UART_PORT, 0x3F8);
    /* A bad word leaves what was there. */
    parse_boot("com1=mmio:what", &boot);
    assert_serial(&boot.com1, SERIAL_USUAL, UART_PORT, 0x3F8);
}

static void boot_bad_words(void **state)
{
    static const char *const bad[] = {"what",
                                      "loglevel=loud",
                                      "loglevel=",
                                      "slice=0",
                                      "slice=1001",
                                      "slice=5x",
                                      "com1=xyz",
                                      "com2=10000",
                                      "console=",
                                      "when-done=never",
                                      "on-panic=pray",
                                      "force-missing=",
                                      "dirty=clean",
                                      "slice",
                                      "Slice=5",
                                      "com1=0",
                                      "com1=mmio:",
                                      "com2=mmio64:1",
                                      "com1=pci0",
                                      "com1=mmio32:xyz",
                                      "com1=mmio:10000000000000",
                                      "baud=115201",
                                      "baud=7000",
                                      "baud=600",
                                      "baud=",
                                      "screen=maybe"};
    struct boot_config boot;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        char line[80];

        snprintf(line, sizeof(line), "loglevel=warn %s slice=7", bad[i]);
        parse_boot(line, &boot);
        assert_int_equal(errors.count, 1);
        assert_error(0, 0, bad[i], "");
        assert_int_equal(boot.loglevel, LOG_WARN);
        assert_int_equal(boot.slice_ms, 7);
    }
}

static void boot_long_word(void **state)
{
    struct boot_config boot;
    char line[400];

    (void)state;
    memset(line, 'a', sizeof(line));
    memcpy(line + sizeof(line) - 9, " slice=9", 9);
    parse_boot(line, &boot);
    assert_int_equal(errors.count, 1);
    assert_int_equal(strlen(list[0].word), sizeof(list[0].word) - 1);
    assert_int_equal(boot.slice_ms, 9);
}

static void vm_defaults(void **state)
{
    static const enum action mce[] = {ACTION_HEAL, ACTION_RESTORE,
                                      ACTION_RESTART, ACTION_HALT};
    static const enum action other[] = {ACTION_RESTORE, ACTION_RESTART,
                                        ACTION_HALT, ACTION_NONE};

    (void)state;
    assert_int_equal(PARSE("vm=alpha mem=256M"), 0);
    assert_int_equal(vm_count, 1);
    assert_string_equal(vms[0].name, "alpha");
    assert_true(vms[0].memory == 256ULL << 20);
    assert_int_equal(vms[0].vcpus, 1);
    assert_true(vms[0].cpus == 0);
    assert_int_equal(vms[0].snapshot, SNAPSHOT_MANUAL);
    assert_int_equal(vms[0].verify, VERIFY_RESTORE);
    assert_int_equal(vms[0].budget, 5);
    assert_int_equal(vms[0].budget_ms, 60000);
    assert_false(vms[0].kvm_signature);
    assert_false(vms[0].start_paused);
    assert_int_equal(vms[0].line, 1);
    assert_int_equal(vms[0].image, 0);
    assert_int_equal(vms[0].module_count, 0);
    assert_string_equal(vms[0].cmdline, "");
    assert_memory_equal(vms[0].on[FAULT_MCE], mce, sizeof(mce));
    for (int kind = FAULT_EPT; kind < FAULT_KINDS; kind++)
        assert_memory_equal(vms[0].on[kind], kind == FAULT_COPY ? mce : other,
                            sizeof(other));
    assert_int_equal(vms[0].scrub_ms, 0);
}

static void vm_all_words(void **state)
{
    static const enum action ept[] = {ACTION_RESTORE, ACTION_NONE, ACTION_NONE,
                                      ACTION_NONE};
    static const enum action root[] = {ACTION_LOG, ACTION_HEAL, ACTION_PRESERVE,
                                       ACTION_HALT};

    (void)state;
    assert_int_equal(
        PARSE("/boot/vmlinuz vm=a-b_9 mem=64G vcpus=1 cpus=0,2-3,63 "
              "snapshot=every:1000 verify=full budget=0/1 on=ept:restore "
              "on=root:log,heal,preserve,halt hv=kvm start=paused --  "
              "console=ttyS0 -- init=/x "),
        0);
    assert_string_equal(vms[0].name, "a-b_9");
    assert_true(vms[0].memory == 64ULL << 30);
    assert_true(vms[0].cpus == (1ULL << 63 | 0xD));
    assert_int_equal(vms[0].snapshot, SNAPSHOT_EVERY);
    assert_int_equal(vms[0].snapshot_ms, 1000);
    assert_int_equal(vms[0].verify, VERIFY_FULL);
    assert_int_equal(vms[0].budget, 0);
    assert_int_equal(vms[0].budget_ms, 1);
    assert_memory_equal(vms[0].on[FAULT_EPT], ept, sizeof(ept));
    assert_memory_equal(vms[0].on[FAULT_ROOT], root, sizeof(root));
    assert_int_equal(vms[0].on[FAULT_MCE][0], ACTION_HEAL);
    assert_true(vms[0].kvm_signature);
    assert_true(vms[0].start_paused);
    assert_string_equal(vms[0].cmdline, "console=ttyS0 -- init=/x");
}

static void the_scrubber_runs_where_nothing_else_checks(void **state)
{
    (void)state;
    assert_int_equal(PARSE("vm=a mem=2M verify=scrub",
                           "vm=b mem=2M scrub=100 verify=scrub",
                           "vm=c mem=2M scrub=86400000"),
                     0);
    assert_int_equal(vms[0].scrub_ms, SCRUB_DEFAULT_MS);
    assert_int_equal(vms[1].scrub_ms, 100);
    assert_int_equal(vms[2].scrub_ms, 86400000);
    assert_int_equal(vms[2].verify, VERIFY_RESTORE);
}

static void more_values(void **state)
{
    (void)state;
    assert_int_equal(PARSE("vm=a mem=2048K snapshot=off verify=scrub hv=none",
                           "vm=b mem=1G snapshot=once:250 cpus=5",
                           "vm=c mem=2M snapshot=manual verify=restore"),
                     0);
    assert_true(vms[0].memory == 2 << 20);
    assert_int_equal(vms[0].snapshot, SNAPSHOT_OFF);
    assert_int_equal(vms[0].verify, VERIFY_SCRUB);
    assert_true(vms[1].memory == 1 << 30);
    assert_int_equal(vms[1].snapshot, SNAPSHOT_ONCE);
    assert_int_equal(vms[1].snapshot_ms, 250);
    assert_true(vms[1].cpus == 1 << 5);
    assert_int_equal(vms[2].line, 3);
    assert_int_equal(vms[2].image, 2);
}

static void bad_words_refuse_one_vm(void **state)
{
    static const char *const bad[] = {
        "mem=",
        "mem=256",
        "mem=256m",
        "mem=256MB",
        "mem=1M",
        "mem=3M",
        "mem=0M",
        "mem=66G",
        "mem=64G1",
        "mem=-2M",
        "mem=18446744073709551616K",
        "mem=17592186044417G",
        "mem=99999999999999999999999G",
        "vcpus=0",
        "vcpus=2",
        "vcpus=",
        "cpus=",
        "cpus=64",
        "cpus=3-2",
        "cpus=1,",
        "cpus=1-",
        "cpus=a",
        "cpus=0-99999999999999999999",
        "snapshot=on",
        "snapshot=once",
        "snapshot=once:",
        "snapshot=every:0",
        "snapshot=every:86400001",
        "snapshot=every:1s",
        "verify=none",
        "budget=5",
        "budget=/5",
        "budget=5/",
        "budget=5/0",
        "budget=5/4294967296",
        "on=",
        "on=mce",
        "on=mce:",
        "on=mce:heal,",
        "on=mce:heal,,halt",
        "on=mce:none",
        "on=mce:fly",
        "on=mce:healhalt",
        "on=mc:heal",
        "on=none:heal",
        "on=restore:heal",
        "on=ept:log,log,log,log,log",
        "scrub=",
        "scrub=99",
        "scrub=86400001",
        "scrub=5s",
        "hv=xen",
        "start=now",
        "what",
        "what=ever",
        "kernel-of=",
        "kernel-of=UP",
        "initrd-of=a.b",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        char line[120];

        snprintf(line, sizeof(line), "vm=bad mem=4M %s", bad[i]);
        assert_int_equal(PARSE("vm=one mem=2M", line, "vm=two mem=2M"),
                         -EINVAL);
        assert_int_equal(errors.count, 1);
        assert_error(0, 2, bad[i], "");
        assert_true(strlen(list[0].why) > 0);
        assert_int_equal(vm_count, 2);
        assert_string_equal(vms[0].name, "one");
        assert_string_equal(vms[1].name, "two");
        assert_int_equal(vms[1].line, 3);
    }
}

static void bad_names(void **state)
{
    static const char *const bad[] = {
        "vm=",        "vm=Alpha", "vm=a.b",     "vm=sixteen-letters-",
        "vm=monitor", "vm=mixed", "vm=\"a b\"", "vm=\xC3\xA4"};

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        char line[120];

        snprintf(line, sizeof(line), "%s mem=4M", bad[i]);
        assert_int_equal(PARSE(line, "vm=ok mem=2M"), -EINVAL);
        assert_int_equal(errors.count, 1);
        assert_int_equal(list[0].line, 1);
        assert_int_equal(vm_count, 1);
        assert_string_equal(vms[0].name, "ok");
    }
}

static void missing_words(void **state)
{
    (void)state;
    assert_int_equal(PARSE("mem=2M", "", "vm=nomem vcpus=1", "vm=ok mem=2M"),
                     -EINVAL);
    assert_int_equal(errors.count, 3);
    assert_error(0, 1, "vm=", "missing");
    assert_error(1, 2, "vm=", "missing");
    assert_error(2, 3, "mem=", "missing");
    assert_int_equal(vm_count, 1);
}

static void second_of_one_name_is_refused(void **state)
{
    (void)state;
    assert_int_equal(PARSE("vm=a mem=2M -- first", "vm=a initrd",
                           "vm=a mem=4M -- second", "vm=a initrd"),
                     -EINVAL);
    assert_int_equal(errors.count, 1);
    assert_error(0, 3, "a", "earlier VM");
    assert_int_equal(vm_count, 1);
    assert_string_equal(vms[0].cmdline, "first");
    assert_int_equal(vms[0].module_count, 1);
    assert_int_equal(vms[0].modules[0], 1);
}

static void modules(void **state)
{
    (void)state;
    assert_int_equal(PARSE("vm=l mem=64M -- quiet", "vm=m mem=64M -- x",
                           "vm=l initrd", "vm=m module -- one two",
                           "vm=m module"),
                     0);
    assert_int_equal(vm_count, 2);
    assert_int_equal(vms[0].module_count, 1);
    assert_int_equal(vms[0].modules[0], 2);
    assert_int_equal(vms[1].module_count, 2);
    assert_int_equal(vms[1].modules[0], 3);
    assert_int_equal(vms[1].modules[1], 4);
    assert_string_equal(vms[1].module_cmdline[0], "one two");
    assert_string_equal(vms[1].module_cmdline[1], "");
}

static void bad_module_lines(void **state)
{
    (void)state;
    assert_int_equal(PARSE("vm=late initrd", "vm=late mem=2M"), -EINVAL);
    assert_error(0, 1, "late", "no earlier line");
    assert_int_equal(vm_count, 1);

    assert_int_equal(PARSE("vm=a mem=2M", "vm=a initrd mem=4M"), -EINVAL);
    assert_error(0, 2, "mem=4M", "first line");
    assert_int_equal(vm_count, 0);

    assert_int_equal(PARSE("vm=a mem=2M", "vm=a initrd -- x"), -EINVAL);
    assert_error(0, 2, "--", "no command line");
    assert_int_equal(vm_count, 0);

    assert_int_equal(PARSE("vm=a mem=2M", "vm=a initrd module"), -EINVAL);
    assert_int_equal(vm_count, 0);

    assert_int_equal(PARSE("vm=a mem=2M", "vm=a initrd initrd-of=a"), -EINVAL);
    assert_int_equal(vm_count, 0);

    assert_int_equal(PARSE("vm=a mem=2M", "vm=a initrd oops"), -EINVAL);
    assert_int_equal(vm_count, 0);
}

static void too_many_modules(void **state)
{
    const char *lines[VM_MODULES_MAX + 2] = {"vm=a mem=2M"};

    (void)state;
    for (size_t i = 1; i < COUNT(lines); i++)
        lines[i] = "vm=a module";
    assert_int_equal(parse_lines(lines, VM_MODULES_MAX + 1), 0);
    assert_int_equal(vms[0].module_count, VM_MODULES_MAX);
    assert_int_equal(parse_lines(lines, VM_MODULES_MAX + 2), -EINVAL);
    assert_error(0, VM_MODULES_MAX + 2, "a", "8 modules");
    assert_int_equal(vm_count, 0);
}

static void too_many_vms(void **state)
{
    static const char *const lines[] = {
        "vm=a mem=2M", "vm=b mem=2M", "vm=c mem=2M", "vm=d mem=2M",
        "vm=e mem=2M", "vm=f mem=2M", "vm=g mem=2M", "vm=h mem=2M",
        "vm=i mem=2M", "vm=h initrd", "vm=i initrd"};

    (void)state;
    assert_int_equal(parse_lines(lines, 8), 0);
    assert_int_equal(vm_count, 8);
    assert_int_equal(parse_lines(lines, COUNT(lines)), -EINVAL);
    assert_int_equal(vm_count, 8);
    assert_int_equal(vms[7].module_count, 1);
    assert_int_equal(errors.count, 1);
    assert_error(0, 9, "i", "too many");
}

/* Refused ones count for nothing. */
static void bad_lines_take_no_place(void **state)
{
    const char *lines[VM_LINES_MAX];

    (void)state;
    for (unsigned i = 0; i < VM_LINES_MAX - 1; i++) {
        lines[i] = "vm=a mem=1M";
    }
    lines[VM_LINES_MAX - 1] = "vm=b mem=2M";
    assert_int_equal(parse_lines(lines, VM_LINES_MAX), -EINVAL);
    assert_int_equal(vm_count, 1);
    assert_string_equal(vms[0].name, "b");
}

static void borrowed_images(void **state)
{
    (void)state;
    assert_int_equal(PARSE("vm=b mem=2M kernel-of=a initrd-of=a -- b",
                           "vm=a mem=2M bad -- a", "vm=a initrd",
                           "vm=c mem=2M kernel-of=a initrd -- c",
                           "vm=d mem=2M initrd-of=a", "vm=d initrd"),
                     -EINVAL);
    assert_int_equal(errors.count, 1); /* a is refused; its files are there */
    assert_int_equal(vm_count, 3);
    assert_string_equal(vms[0].name, "b");
    assert_string_equal(vms[0].cmdline, "b");
    assert_int_equal(vms[0].image, 1);
    assert_int_equal(vms[0].module_count, 1);
    assert_int_equal(vms[0].modules[0], 2);
    assert_string_equal(vms[1].cmdline, "c");
    assert_int_equal(vms[1].image, 1);
    assert_int_equal(vms[1].modules[0], 3);
    assert_int_equal(vms[2].image, 4);
    assert_int_equal(vms[2].module_count, 2);
    assert_int_equal(vms[2].modules[0], 5);
    assert_int_equal(vms[2].modules[1], 2);
}

static void bad_borrowing(void **state)
{
    (void)state;
    assert_int_equal(PARSE("vm=a mem=2M kernel-of=nobody"), -EINVAL);
    assert_error(0, 1, "nobody", "not the name");
    assert_int_equal(vm_count, 0);

    assert_int_equal(PARSE("vm=a mem=2M kernel-of=a"), -EINVAL);
    assert_error(0, 1, "a", "borrows it too");

    assert_int_equal(PARSE("vm=a mem=2M kernel-of=b", "vm=b mem=2M kernel-of=c",
                           "vm=c mem=2M"),
                     -EINVAL);
    assert_error(0, 1, "b", "borrows it too");
    assert_int_equal(vm_count, 2);

    assert_int_equal(PARSE("vm=a mem=2M", "vm=b mem=2M initrd-of=a"), -EINVAL);
    assert_error(0, 2, "a", "has no initrd");
    assert_int_equal(vm_count, 1);
}

static void borrowed_modules_are_counted(void **state)
{
    const char *lines[VM_MODULES_MAX + 3] = {"vm=a mem=2M"};

    (void)state;
    for (size_t i = 1; i <= VM_MODULES_MAX; i++)
        lines[i] = "vm=a module";
    lines[VM_MODULES_MAX + 1] = "vm=b mem=2M initrd-of=a";
    lines[VM_MODULES_MAX + 2] = "vm=b module";
    assert_int_equal(parse_lines(lines, VM_MODULES_MAX + 2), 0);
    assert_int_equal(vms[1].module_count, VM_MODULES_MAX);
    assert_int_equal(parse_lines(lines, VM_MODULES_MAX + 3), -EINVAL);
    assert_int_equal(vm_count, 1);
}

/* As GRUB 2.06 passes: --  a=b\c 'd' "e" "two words" \x41 */
static void grub_quoting(void **state)
{
    (void)state;
    assert_int_equal(PARSE("\"vm=a\" mem=2M -- a=b\\\\c \\'d\\' \\\"e f\\\" "
                           "\"two words\" \\x41"),
                     0);
    assert_string_equal(vms[0].name, "a");
    assert_string_equal(vms[0].cmdline,
                        "a=b\\c 'd' \"e f\" \"two words\" \\x41");
    assert_int_equal(PARSE("vm=a mem=2M \"what is\\\"it\\\\\""), -EINVAL);
    assert_error(0, 1, "what is\"it\\", "not known");
    assert_int_equal(PARSE("vm=a \"mem=2M"), 0); /* the end closes a quote */
    assert_int_equal(PARSE("vm=a mem=2M\\"), -EINVAL);
}

static void long_command_lines(void **state)
{
    char line[VM_CMDLINE_SIZE + 64];
    int start = snprintf(line, sizeof(line), "vm=a mem=2M -- ");

    (void)state;
    memset(line + start, 'x', VM_CMDLINE_SIZE);
    line[start + VM_CMDLINE_SIZE - 1] = '\0';
    assert_int_equal(PARSE(line), 0);
    assert_int_equal(strlen(vms[0].cmdline), VM_CMDLINE_SIZE - 1);
    line[start + VM_CMDLINE_SIZE - 1] = 'x';
    line[start + VM_CMDLINE_SIZE] = '\0';
    assert_int_equal(PARSE(line), -EINVAL);
    assert_error(0, 1, "--", "too long");
    assert_int_equal(vm_count, 0);

    start = snprintf(line, sizeof(line), "vm=a module -- ");
    memset(line + start, 'x', 64);
    line[start + 63] = '\0';
    assert_int_equal(PARSE("vm=a mem=2M", line), 0);
    line[start + 63] = 'x';
    line[start + 64] = '\0';
    assert_int_equal(PARSE("vm=a mem=2M", line), -EINVAL);
    assert_error(0, 2, "--", "too long");

    start = snprintf(line, sizeof(line), "vm=a mem=2M ");
    memset(line + start, 'x', 300);
    line[start + 300] = '\0';
    assert_int_equal(PARSE(line), -EINVAL);
    assert_int_equal(errors.count, 1);
}

static void errors_beyond_the_list_are_counted(void **state)
{
    const char *lines[40];

    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++)
        lines[i] = "oops";
    assert_int_equal(parse_lines(lines, COUNT(lines)), -EINVAL);
    assert_int_equal(errors.count, 40);
    assert_int_equal(vm_count, 0);
}

/* Random lines out of pieces that mean something: nothing may crash, and a
 * VM that is let through must be a valid one. */
static void random_lines(void **state)
{
    static const char *const pieces[] = {"vm=a ",
                                         "vm=b ",
                                         "mem=2M ",
                                         "mem=",
                                         "on=mce:",
                                         "heal",
                                         ",",
                                         "restore ",
                                         "initrd ",
                                         "--",
                                         " ",
                                         "\"",
                                         "\\",
                                         "module ",
                                         "kernel-of=a ",
                                         "=",
                                         "initrd-of=b ",
                                         "cpus=",
                                         "0-63 ",
                                         "\\\"",
                                         "1",
                                         "/",
                                         "snapshot=",
                                         "once:"};
    char text[4][200];
    const char *lines[4];

    (void)state;
    srand(1);
    for (int round = 0; round < 20000; round++) {
        for (int i = 0; i < 4; i++) {
            int length = rand() % 12;

            text[i][0] = '\0';
            for (int j = 0; j < length; j++)
                strcat(text[i], pieces[(size_t)rand() % COUNT(pieces)]);
            lines[i] = text[i];
        }
        parse_lines(lines, 4);
        for (unsigned i = 0; i < vm_count; i++) {
            assert_true(vms[i].name[0] == 'a' || vms[i].name[0] == 'b');
            assert_true(vms[i].memory >= VM_MEMORY_STEP);
            assert_true(vms[i].image < 4);
            assert_true(vms[i].module_count <= VM_MODULES_MAX);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boot_defaults),
        cmocka_unit_test(boot_all_words),
        cmocka_unit_test(boot_places_of_serial_lines),
        cmocka_unit_test(boot_bad_words),
        cmocka_unit_test(boot_long_word),
        cmocka_unit_test(vm_defaults),
        cmocka_unit_test(vm_all_words),
        cmocka_unit_test(the_scrubber_runs_where_nothing_else_checks),
        cmocka_unit_test(more_values),
        cmocka_unit_test(bad_words_refuse_one_vm),
        cmocka_unit_test(bad_names),
        cmocka_unit_test(missing_words),
        cmocka_unit_test(second_of_one_name_is_refused),
        cmocka_unit_test(modules),
        cmocka_unit_test(bad_module_lines),
        cmocka_unit_test(too_many_modules),
        cmocka_unit_test(too_many_vms),
        cmocka_unit_test(bad_lines_take_no_place),
        cmocka_unit_test(borrowed_images),
        cmocka_unit_test(bad_borrowing),
        cmocka_unit_test(borrowed_modules_are_counted),
        cmocka_unit_test(grub_quoting),
        cmocka_unit_test(long_command_lines),
        cmocka_unit_test(errors_beyond_the_list_are_counted),
        cmocka_unit_test(random_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
