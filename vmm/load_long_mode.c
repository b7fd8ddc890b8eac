/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest that starts in 64-bit mode finds: GDT and page tables. */
#include "vmm/load_parts.h"

#define GDT_ADDRESS         0x500
#define PAGE_TABLES_ADDRESS 0x9000

#define PAGE_SIZE           4096ULL

/* Writes count table entries from gpa on: target, target + step, ... */
static int write_entries(const struct load *load, uint64_t gpa, unsigned count,
                         uint64_t target, uint64_t step)
{
    uint64_t entries[64];
    int error = 0;

    while (count > 0 && error == 0) {
        unsigned part = count < 64 ? count : 64;

        for (unsigned i = 0; i < part; i++, target += step)
            entries[i] = target;
        error = load_write(load, gpa, entries, part * sizeof(entries[0]));
        gpa += part * sizeof(entries[0]);
        count -= part;
    }
    return error;
}

/* PML4, PDPT, then four page directories with 2 MiB pages. */
static int write_page_tables(const struct load *load)
{
    const uint64_t present_writable = 0x3;
    const uint64_t large = 0x80;
    const uint64_t pdpt = PAGE_TABLES_ADDRESS + PAGE_SIZE;
    const uint64_t directories = pdpt + PAGE_SIZE;
    int error =
        write_entries(load, PAGE_TABLES_ADDRESS, 1, pdpt | present_writable, 0);

    if (error == 0)
        error = write_entries(load, pdpt, 4, directories | present_writable,
                              PAGE_SIZE);
    if (error == 0)
        error = write_entries(load, directories, 4 * 512,
                              large | present_writable, 0x200000);
    return error;
}

/* Flat, accessed, at the selectors that the protocol names. */
static const uint64_t gdt[] = {
    [LOAD_CS / 8] = 0x00AF9B000000FFFF,
    [LOAD_DS / 8] = 0x00CF93000000FFFF,
};

int long_mode_load(const struct load *load)
{
    int error = load_write(load, GDT_ADDRESS, gdt, sizeof(gdt));

    if (error == 0)
        error = write_page_tables(load);
    if (error != 0)
        return error;
    load->out->cr3 = PAGE_TABLES_ADDRESS;
    load->out->gdt = GDT_ADDRESS;
    load->out->gdt_limit = sizeof(gdt) - 1;
    return 0;
}
