/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loads a guest: puts its kernel, modules and boot information into its RAM
 * and says in which state its first vCPU starts. Images come from outside:
 * every field is checked before it is used.
 *
 * The loader's own data, all where no image may go:
 *
 *   0x00500  GDT (64-bit protocol)
 *   0x06000  setup_data with the random seed (64-bit protocol)
 *   0x07000  boot_params, or the Multiboot information
 *   0x08000  Multiboot: command line and module strings
 *   0x09000  identity page tables of the first 4 GiB (64-bit protocol)
 *   0x0F000  Linux's command line
 *   0xFFFF0  in ROM: code that resets the machine, for a jump to the BIOS
 */
#ifndef VMM_LOAD_H
#define VMM_LOAD_H

#include <stdint.h>

/* Where guest RAM lies. */
#define LOAD_LOW_END     0x9FC00ULL     /* RAM from 0 to here: conventional */
#define LOAD_HIGH        0x100000ULL    /* and from here on */
#define LOAD_HOLE        0xC0000000ULL  /* RAM below 4 GiB ends here at most */
#define LOAD_ABOVE_4G    0x100000000ULL /* and goes on here */
#define LOAD_IMAGES      0x10000ULL     /* images are loaded from here on */
#define LOAD_SEED_SIZE   32

#define LOAD_MODULES_MAX 32

/* The guest's RAM, all zero at first; ROM from 0xA0000 to 0xFFFFF is writable
 * through it too. write() returns 0 or -EFAULT. */
struct guest_writer {
    void *context;
    uint64_t memory; /* bytes: as one piece from 0 up to LOAD_HOLE, the rest
                        from LOAD_ABOVE_4G */
    int (*write)(void *context, uint64_t gpa, const void *data, uint64_t size);
};

struct image {
    const void *data;
    uint64_t size; /* bytes; 0: data is not looked at */
};

enum load_kind {
    LOAD_LINUX64,     /* 64-bit mode, paging on; 64-bit boot protocol */
    LOAD_MULTIBOOT32, /* 32-bit protected mode, paging off; Multiboot 1 */
};

/* The first vCPU's registers; those that are not named are 0. Interrupts are
 * off. Segments are flat: for LOAD_LINUX64 CS 0x10 is a 64-bit code segment
 * and DS, ES, SS 0x18 data; for LOAD_MULTIBOOT32 CS and DS to SS are 32-bit,
 * and there is no GDT. */
struct load_result {
    enum load_kind kind;
    uint64_t entry; /* RIP */
    uint64_t rsi;   /* LOAD_LINUX64: boot_params */
    uint64_t cr3;   /* LOAD_LINUX64: 4-level identity map of 4 GiB */
    uint64_t gdt;   /* LOAD_LINUX64: base */
    uint16_t gdt_limit;
    uint32_t eax;   /* LOAD_MULTIBOOT32: 0x2BADB002 */
    uint32_t ebx;   /* LOAD_MULTIBOOT32: the information structure */
    char error[96]; /* after an error: what is wrong with which field */
};

#define LOAD_CS 0x10
#define LOAD_DS 0x18

/*
 * Loads kernel, a bzImage (64-bit boot protocol, 2.12 or later) or a Multiboot
 * 1 image (ELF32, or the address fields of its header), with n modules. To
 * Linux the modules are one initrd, each part aligned to 4 bytes; to a
 * Multiboot kernel they are its modules, module_strings[] their strings.
 * Linux is told of the ACPI root pointer at ACPI_RSDP (vmm/acpi_tables.h); seed
 * goes into its random pool.
 *
 * Returns 0; -EINVAL when an image is malformed or does not fit, -EOPNOTSUPP
 * when it is of a kind that is not supported, -EFAULT when guest memory cannot
 * be written. out->error then says why.
 */
int load_guest(const struct image *kernel, const struct image *modules,
               const char *const *module_strings, unsigned n,
               const char *cmdline, const uint8_t seed[LOAD_SEED_SIZE],
               const struct guest_writer *w, struct load_result *out);

#endif
