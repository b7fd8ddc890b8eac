/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A loader between GRUB and Bulkhead, which leaves the processor as other
 * firmware does: tools/run --elf build/guests/chain.elf -- build/bulkhead.elf.
 * The word chain=NAME of the boot line says how; it is blanked.
 */
#include <stdint.h>

#define APIC_BASE       0x1bu
#define APIC_ENABLED    (1u << 11)
#define APIC_X2         (1u << 10)
#define CR0_NE          (1u << 5)
#define CR4_VMXE        (1u << 13)

#define FEATURE_CONTROL 0x3au
#define LOCKED          1u /* and VMXON not allowed */
#define VMX_BASIC       0x480u

#define MODULE          3
#define COMMAND_LINE    1
#define NO_TAG          0xffff

struct tag {
    uint32_t type, size;
    char data[];
};

/* The Multiboot1 header of an image that is no ELF32 file (0.6.96, 3.1.3). */
struct header {
    uint32_t magic, flags, checksum;
    uint32_t header, load, load_end, bss_end, entry;
};

_Noreturn void chain_jump(uint32_t entry, const void *information);
void chain(const uint32_t *loader);

static uint32_t information[16384] __attribute__((aligned(8)));

static void write_apic_base(uint32_t clear, uint32_t set)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(APIC_BASE));
    __asm__ volatile("wrmsr" ::"a"((low & ~clear) | set), "d"(high),
                     "c"(APIC_BASE));
}

static void set_vmxe(void)
{
    uint32_t cr4;

    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" ::"r"(cr4 | CR4_VMXE));
}

/* Into VMX operation, as Bochs allows with paging off. */
static void switch_vmx_on(void)
{
    static uint32_t region[1024] __attribute__((aligned(4096)));
    const uint64_t address = (uint32_t)region;
    uint32_t cr0, high;

    set_vmxe();
    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("mov %0, %%cr0" ::"r"(cr0 | CR0_NE));
    __asm__ volatile("rdmsr" : "=a"(region[0]), "=d"(high) : "c"(VMX_BASIC));
    __asm__ volatile("vmxon %0" ::"m"(address) : "cc", "memory");
}

static void lock_vmx_off(void)
{
    __asm__ volatile("wrmsr" ::"a"(LOCKED), "d"(0), "c"(FEATURE_CONTROL));
}

static int starts_with(const char *text, const char *with)
{
    while (*with && *text == *with) {
        text++;
        with++;
    }
    return !*with;
}

static void leave_behind(const char *what)
{
    if (starts_with(what, "x2apic")) {
        write_apic_base(0, APIC_ENABLED | APIC_X2);
    } else if (starts_with(what, "noapic")) {
        write_apic_base(APIC_ENABLED, 0);
    } else if (starts_with(what, "vmxe")) {
        set_vmxe();
    } else if (starts_with(what, "vmxon")) {
        switch_vmx_on();
    } else if (starts_with(what, "locked")) {
        lock_vmx_off();
    }
}

static void obey(char *line)
{
    for (; *line; line++) {
        if (starts_with(line, "chain=")) {
            leave_behind(line + 6);
            while (*line && *line != ' ') {
                *line++ = ' ';
            }
            return;
        }
    }
}

/* Puts the image where its header says; where it starts, or 0. */
static uint32_t load(char *file, uint32_t size)
{
    for (uint32_t at = 0; at + sizeof(struct header) <= size && at < 8192;
         at += 4) {
        const struct header from = *(const struct header *)(file + at);
        char *to = (char *)from.load;
        const char *source = file + at - (from.header - from.load);
        uint32_t count = from.load_end - from.load;

        if (from.magic != 0x1badb002 ||
            from.magic + from.flags + from.checksum) {
            continue;
        }
        /* Downward if the two overlap so. */
        for (uint32_t i = 0; i < count; i++) {
            uint32_t k = to > source ? count - 1 - i : i;

            ((volatile char *)to)[k] = source[k];
        }
        for (uint32_t k = count; k < from.bss_end - from.load; k++) {
            ((volatile char *)to)[k] = 0;
        }
        return from.entry;
    }
    return 0;
}

void chain(const uint32_t *loader)
{
    char *at = (char *)information + 8;
    uint32_t entry = 0;

    for (uint32_t i = 0; i < loader[0] / 4 && i < 16384; i++) {
        information[i] = loader[i];
    }
    while (((struct tag *)at)->type) {
        struct tag *tag = (struct tag *)at;
        const uint32_t *module = (const uint32_t *)tag->data;

        if (tag->type == COMMAND_LINE) {
            obey(tag->data);
        } else if (tag->type == MODULE && !entry) {
            tag->type = NO_TAG;
            entry = load((char *)module[0], module[1] - module[0]);
        }
        at += (tag->size + 7) & ~7u;
    }
    if (entry) {
        chain_jump(entry, information);
    }
}
