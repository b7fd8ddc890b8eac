/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/cmdline.h"

#include "arch/x86_64/cpu_backend.h"
#include "kernel/errno.h"
#include "kernel/string.h"
#include "kernel/words.h"

#define WORD_SIZE    128
#define COM1_PORT    0x3F8 /* where a PC has them */
#define COM2_PORT    0x2F8
#define PORT_MAX     0xFFF8 /* a UART has eight registers */
#define MMIO_MAX     0xFFFFFFFFFF000
#define SERIAL_RULE  "must be PORT, mmio:ADDRESS or mmio32:..., pci or off"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int set_loglevel(struct boot_config *boot, const char *value)
{
    static const char *const names[] = {
        [LOG_ERROR] = "error",
        [LOG_WARN] = "warn",
        [LOG_INFO] = "info",
        [LOG_DEBUG] = "debug",
    };
    int level = word_choice(value, names, COUNT(names));

    if (level < 0)
        return level;
    boot->loglevel = (enum log_level)level;
    return 0;
}

static int set_slice(struct boot_config *boot, const char *value)
{
    uint64_t ms;
    int error = word_number(value, 10, 1, 1000, &ms);

    if (error == 0)
        boot->slice_ms = (uint32_t)ms;
    return error;
}

/* A place for a UART, with what its address is behind. */
static int set_place(struct uart_place *place, const char *value)
{
    static const struct {
        const char *before;
        enum uart_kind kind;
        uint64_t max;
    } kinds[] = {
        {"mmio32:", UART_MMIO32, MMIO_MAX},
        {"mmio:", UART_MMIO, MMIO_MAX},
        {"", UART_PORT, PORT_MAX},
    };
    unsigned i = 0;

    while (strncmp(value, kinds[i].before, strlen(kinds[i].before)) != 0)
        i++;
    value += strlen(kinds[i].before);
    if (strncmp(value, "0x", 2) == 0)
        value += 2;
    place->kind = kinds[i].kind;
    return word_number(value, 16, 1, kinds[i].max, &place->address);
}

static int set_serial(struct serial_word *line, const char *value)
{
    struct serial_word set = {.choice = SERIAL_PLACE};
    int error = 0;

    if (strcmp(value, "off") == 0)
        set.choice = SERIAL_OFF;
    else if (strcmp(value, "pci") == 0)
        set.choice = SERIAL_PCI;
    else
        error = set_place(&set.place, value);
    if (error == 0)
        *line = set;
    return error;
}

static int set_com1(struct boot_config *boot, const char *value)
{
    return set_serial(&boot->com1, value);
}

static int set_com2(struct boot_config *boot, const char *value)
{
    return set_serial(&boot->com2, value);
}

/* What the UART's divisor can make of its clock. */
static int set_baud(struct boot_config *boot, const char *value)
{
    uint64_t baud;
    int error = word_number(value, 10, 1200, UART_BAUD_MAX, &baud);

    if (error == 0 && UART_BAUD_MAX % baud != 0)
        error = -EINVAL;
    if (error == 0)
        boot->baud = (uint32_t)baud;
    return error;
}

static int set_screen(struct boot_config *boot, const char *value)
{
    static const char *const names[] = {
        [SCREEN_AUTO] = "auto",
        [SCREEN_ON] = "on",
        [SCREEN_OFF] = "off",
    };
    int index = word_choice(value, names, COUNT(names));

    if (index < 0)
        return index;
    boot->screen = (enum screen_use)index;
    return 0;
}

static int set_console(struct boot_config *boot, const char *value)
{
    if (*value == '\0' || strlen(value) >= sizeof(boot->console_vm))
        return -EINVAL;
    boot->console_vm[0] = '\0';
    if (strcmp(value, "mixed") == 0) {
        boot->console = CONSOLE_MIXED;
    } else if (strcmp(value, "monitor") == 0) {
        boot->console = CONSOLE_MONITOR;
    } else {
        boot->console = CONSOLE_VM;
        word_copy(boot->console_vm, sizeof(boot->console_vm), value);
    }
    return 0;
}

static int set_when_done(struct boot_config *boot, const char *value)
{
    static const char *const names[] = {
        [WHEN_DONE_STAY] = "stay",
        [WHEN_DONE_POWEROFF] = "poweroff",
        [WHEN_DONE_DEBUG_EXIT] = "debug-exit",
    };
    int index = word_choice(value, names, COUNT(names));

    if (index < 0)
        return index;
    boot->when_done = (enum when_done)index;
    return 0;
}

static int set_on_panic(struct boot_config *boot, const char *value)
{
    static const char *const names[] = {
        [ON_PANIC_HALT] = "halt",
        [ON_PANIC_REBOOT] = "reboot",
    };
    int index = word_choice(value, names, COUNT(names));

    if (index < 0)
        return index;
    boot->on_panic = (enum on_panic)index;
    return 0;
}

static int set_dirty(struct boot_config *boot, const char *value)
{
    static const char *const names[] = {
        [DIRTY_NONE] = "best",
        [DIRTY_LOG] = "pml",
        [DIRTY_BITS] = "bits",
        [DIRTY_WRITE] = "protect",
    };
    int index = word_choice(value, names, COUNT(names));

    if (index < 0)
        return index;
    boot->dirty = (unsigned)index;
    return 0;
}

static int set_force_missing(struct boot_config *boot, const char *value)
{
    if (*value == '\0' || strlen(value) >= sizeof(boot->force_missing))
        return -EINVAL;
    word_copy(boot->force_missing, sizeof(boot->force_missing), value);
    return 0;
}

static const struct {
    const char *key;
    int (*set)(struct boot_config *boot, const char *value);
    const char *rule; /* what a bad value should have been */
} settings[] = {
    {"loglevel", set_loglevel, "must be error, warn, info or debug"},
    {"slice", set_slice, "must be a number of ms from 1 to 1000"},
    {"com1", set_com1, SERIAL_RULE},
    {"com2", set_com2, SERIAL_RULE},
    {"baud", set_baud, "must be 1200 to 115200 and divide 115200"},
    {"screen", set_screen, "must be auto, on or off"},
    {"console", set_console, "must be mixed, monitor or a VM's name"},
    {"when-done", set_when_done, "must be stay, poweroff or debug-exit"},
    {"on-panic", set_on_panic, "must be halt or reboot"},
    {"dirty", set_dirty, "must be best, pml, bits or protect"},
    {"force-missing", set_force_missing, "must be a word of 1 to 31 letters"},
};

static void parse_word(const char *word, struct boot_config *boot,
                       struct config_errors *errors)
{
    const char *value;

    for (unsigned i = 0; i < COUNT(settings); i++) {
        if (!word_has_key(word, settings[i].key, &value))
            continue;
        if (settings[i].set(boot, value) != 0)
            config_report(errors, 0, word, settings[i].rule);
        return;
    }
    config_report(errors, 0, word, "is not known and is ignored");
}

void boot_line_parse(const char *line, struct boot_config *boot,
                     struct config_errors *errors)
{
    char word[WORD_SIZE];
    int status;

    memset(boot, 0, sizeof(*boot));
    boot->loglevel = LOG_INFO;
    boot->slice_ms = 5;
    boot->com1.place = (struct uart_place){UART_PORT, COM1_PORT};
    boot->com2.place = (struct uart_place){UART_PORT, COM2_PORT};
    boot->baud = UART_BAUD_MAX;
    line = words_skip_file_name(line);
    while ((status = word_next(&line, word, sizeof(word))) != 0) {
        if (status < 0)
            config_report(errors, 0, word, "is too long and is ignored");
        else
            parse_word(word, boot, errors);
    }
}
