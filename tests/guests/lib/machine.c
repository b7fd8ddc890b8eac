/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/lib/machine.h"

#include "tests/guests/lib/console.h"
#include "tests/guests/lib/trap.h"
#include "tests/guests/lib/util.h"

#define LOADER_MAGIC    0x2BADB002u
#define INFO_MEMORY     (1u << 0)
#define INFO_CMDLINE    (1u << 2)
#define INFO_MMAP       (1u << 6)

#define CMDLINE_SIZE    512u
#define MEMORY_MAP_SIZE 512u

#define SLEEP_CONTROL   0x600u
#define SLEEP_S5        (0x20u | 5u << 2)

struct multiboot_info {
    uint32_t flags, mem_lower, mem_upper, boot_device, cmdline;
    uint32_t mods_count, mods_addr, syms[4], mmap_length, mmap_addr;
};

static bool hosted;
static uint32_t ram_end = 16u << 20;
static char cmdline[CMDLINE_SIZE];
static uint8_t memory_map[MEMORY_MAP_SIZE];
static uint32_t memory_map_length;

/* The 8259 pair of a bare machine would raise vectors 8 and up. */
static void mask_pic(void)
{
    outb(0x21, 0xFF);
    outb(0xA1, 0xFF);
}

/* Copied, since the loader's own may lie in memory that is ours to use. */
static void take_info(const struct multiboot_info *m)
{
    if ((m->flags & INFO_MEMORY) != 0)
        ram_end = (1u << 20) + (m->mem_upper << 10);
    if ((m->flags & INFO_CMDLINE) != 0) {
        const char *from = (const char *)m->cmdline;

        for (uint32_t i = 0; i < CMDLINE_SIZE - 1 && from[i] != 0; i++)
            cmdline[i] = from[i];
    }
    if ((m->flags & INFO_MMAP) != 0 && m->mmap_length <= MEMORY_MAP_SIZE) {
        memory_map_length = m->mmap_length;
        memcpy(memory_map, (const void *)m->mmap_addr, memory_map_length);
    }
}

void guest_start(uint32_t magic, uint32_t info)
{
    hosted = inl(PORT_SIGNATURE) == SIGNATURE;
    console_init();
    trap_init();
    if (magic == LOADER_MAGIC)
        take_info((const struct multiboot_info *)info);
    if (!hosted)
        mask_pic();
    guest_main();
    machine_off();
}

bool machine_hosted(void)
{
    return hosted;
}

uint32_t machine_ram_end(void)
{
    return ram_end;
}

const uint8_t *machine_memory_map(uint32_t *length)
{
    *length = memory_map_length;
    return memory_map_length == 0 ? NULL : memory_map;
}

_Noreturn void machine_off(void)
{
    console_flush();
    if (hosted) {
        outb(SLEEP_CONTROL, SLEEP_S5);
    } else {
        outb(0x8900, 'D');    /* Bochs: to its debugger */
        outw(0x604, 0x2000);  /* QEMU's PC */
        outw(0xB004, 0x2000); /* Bochs' PC */
    }
    for (;;)
        __asm__ volatile("cli\n\thlt");
}

static bool is_end(char c)
{
    return c == 0 || c == ' ' || c == '=';
}

/* What follows word on the command line, or a null pointer. */
static const char *find(const char *word)
{
    for (const char *at = cmdline; *at != 0; at++) {
        uint32_t n = 0;

        if (at != cmdline && at[-1] != ' ')
            continue;
        while (word[n] != 0 && word[n] == at[n])
            n++;
        if (word[n] == 0 && is_end(at[n]))
            return at + n;
    }
    return NULL;
}

bool option(const char *word)
{
    return find(word) != NULL;
}

static uint32_t digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (uint32_t)(c - 'a') + 10;
    return 99;
}

uint32_t option_number(const char *word, uint32_t otherwise)
{
    const char *at = find(word);
    uint32_t base = 10, value = 0;

    if (at == NULL || *at != '=')
        return otherwise;
    at++;
    if (at[0] == '0' && at[1] == 'x') {
        base = 16;
        at += 2;
    }
    for (; digit_of(*at) < base; at++)
        value = value * base + digit_of(*at);
    return value;
}

bool option_lists(const char *word, const char *item)
{
    const char *at = find(word);

    if (at == NULL || *at != '=')
        return true;
    while (*at == '=' || *at == ',') {
        uint32_t n = 0;

        at++;
        while (item[n] != 0 && item[n] == at[n])
            n++;
        if (item[n] == 0 && (is_end(at[n]) || at[n] == ','))
            return true;
        while (!is_end(*at) && *at != ',')
            at++;
    }
    return false;
}
