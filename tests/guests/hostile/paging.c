/* SPDX-License-Identifier: BSD-2-Clause */
/* Page tables that loop, that lie where no memory is, that change. */
#include "tests/guests/hostile/hostile.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/paging.h"
#include "tests/guests/lib/trap.h"

#define TABLE    (PTE_PRESENT | PTE_WRITE)
#define RESERVED (1ull << 50)
#define CR4_PAE_ (1u << 5)
#define SELF     0x1FFull /* the entry that points to its own table */

CODE(load, "movl (%eax), %eax");
CODE(store, "movl %ecx, (%eax)");
CODE(load_cr3, "movl %eax, %cr3");
CODE(load_cr0, "movl %eax, %cr0");

static uint64_t a[512] __attribute__((aligned(4096)));
static uint64_t b[512] __attribute__((aligned(4096)));

static uint32_t at(const void *table)
{
    return (uint32_t)table;
}

/* One table that is its own at every level; and two that are each other's. */
static void loops(void)
{
    struct try64 t = {0};
    uint64_t deep = OWN_LINEAR | SELF << 30 | SELF << 21 | SELF << 12;

    a[SELF] = at(a) | TABLE;
    long_own(at(a) | TABLE);
    t.rax = deep | SELF << 3;
    must("reading itself", try_long(&t, load), TRAP_NONE);
    must("its own entry", t.rax & 0xFFFFF000u, at(a));
    /* The entry that leads here changes under the store. */
    t = (struct try64){.rax = deep | SELF << 3};
    must("cutting the branch", try_long(&t, store), TRAP_NONE);
    t = (struct try64){.rax = deep};
    must("after it", try_long(&t, load), TRAP_PF);
    a[SELF] = at(b) | TABLE;
    b[SELF] = at(a) | TABLE;
    t = (struct try64){.rax = deep};
    must("in a ring", try_long(&t, load), TRAP_NONE);
}

static void reserved(void)
{
    struct try64 t = {.rax = OWN_LINEAR};

    long_own(at(a) | TABLE | RESERVED);
    must("in the first", try_long(&t, load), TRAP_PF);
    must("its error", t.error, 9);
    must("its address", t.cr2, OWN_LINEAR);
    a[0] = at(b) | TABLE | RESERVED;
    long_own(at(a) | TABLE);
    t = (struct try64){.rax = OWN_LINEAR};
    must("in the second", try_long(&t, load), TRAP_PF);
    must("its error", t.error, 9);
    a[0] = 0x2000 | TABLE | PTE_LARGE; /* 1 GiB, but unaligned */
    t = (struct try64){.rax = OWN_LINEAR};
    must("unaligned", try_long(&t, load), TRAP_PF);
    must("non-canonical", (t.rax = NON_CANONICAL, try_long(&t, load)), TRAP_GP);
}

/* PAE's four pointers are looked at when CR3 or CR0 is written. */
static void pointers(void)
{
    uint32_t cr4 = read_cr4();
    struct try t = {.eax = at(a)};

    for (uint32_t i = 0; i < 4; i++)
        a[i] = (uint64_t)i << 30 | 0;
    a[0] = at(b) | PTE_PRESENT;
    b[0] = 0 | TABLE | PTE_LARGE;
    b[1] = 0x200000 | TABLE | PTE_LARGE;
    write_cr4(cr4 | CR4_PAE_);
    write_cr3(at(a));
    a[2] = PTE_PRESENT | 6; /* reserved bits */
    t.eax = read_cr0() | CR0_PG;
    must("CR0.PG over bad pointers", try_kernel(&t, load_cr0), TRAP_GP);
    must("paging", read_cr0() & CR0_PG, 0);
    a[2] = 0;
    t.eax = read_cr0() | CR0_PG;
    must("CR0.PG", try_kernel(&t, load_cr0), TRAP_NONE);
    a[3] = PTE_PRESENT | RESERVED;
    t.eax = at(a);
    must("CR3 over bad pointers", try_kernel(&t, load_cr3), TRAP_GP);
    a[3] = 0;
    t.eax = at(a);
    must("CR3", try_kernel(&t, load_cr3), TRAP_NONE);
    t.eax = 0xC0000000u;
    must("an absent pointer", try_kernel(&t, load), TRAP_PF);
    write_cr0(read_cr0() & ~CR0_PG);
    write_cr4(cr4);
}

static void pae_hole(void)
{
    write_cr4(read_cr4() | CR4_PAE_);
    write_cr3(HOLE);
    must("pointers of ones",
         try_kernel(&(struct try){.eax = read_cr0() | CR0_PG}, load_cr0),
         TRAP_GP);
    write_cr3(IOAPIC_BASE);
    must("pointers among registers",
         try_kernel(&(struct try){.eax = read_cr0() | CR0_PG}, load_cr0),
         TRAP_GP);
    write_cr3(0);
    write_cr4(read_cr4() & ~CR4_PAE_);
}

/* Whoever serves the device walks tables that the processor has cached
 * otherwise: both answers are right. */
static void changed(void)
{
    struct try t = {0};
    uint32_t page, caught;

    paging_on();
    page = window_map(1, LAPIC_BASE | TABLE);
    t.eax = page + APIC_VERSION;
    must("mapped", try_kernel(&t, load), TRAP_NONE);
    must("its version", t.eax & 0xFF, 0x14);
    *paging_window(1) = 0; /* not flushed */
    t.eax = page + APIC_VERSION;
    caught = try_kernel(&t, load);
    must("either", caught == TRAP_PF || (t.eax & 0xFF) == 0x14, 1);
    paging_off();
}

static const struct deed deeds[] = {
    {"table-loops", loops, NULL},     {"table-reserved", reserved, NULL},
    {"pae-pointers", pointers, NULL}, {"pae-hole", pae_hole, NULL},
    {"table-changed", changed, NULL},
};

ATTEMPT(paging, deeds);

static void cr3_hole(void)
{
    paging_on();
    write_cr3(HOLE);
    invlpg(0);
    mmio_read(0x1000);
}

static void cr3_device(void)
{
    paging_on();
    write_cr3(LAPIC_BASE);
    mmio_read(0x1000);
}

static void directory_device(void)
{
    struct try64 t = {.rax = OWN_LINEAR};

    long_own(IOAPIC_BASE | TABLE);
    try_long(&t, load);
}

/* Tables beyond what the guest's processor can address. */
static void directory_beyond(void)
{
    struct try64 t = {.rax = OWN_LINEAR};

    long_own(0x8000000000ull | TABLE);
    try_long(&t, load);
}

/* Tables of ones, in which no accessed bit can be set. */
static void directory_hole(void)
{
    struct try64 t = {.rax = OWN_LINEAR};

    long_own(HOLE | TABLE);
    try_long(&t, load);
}

/* Where the handler of the page fault is not mapped either. */
static void handler_unmapped(void)
{
    paging_on();
    *idt_gate(TRAP_PF) = SELECTOR_CODE << 16 | ((WINDOW + 0x3000) & 0xFFFF);
    idt_gate(TRAP_PF)[1] = (WINDOW & 0xFFFF0000u) | 0x8E00;
    window_map(3, 0);
    mmio_read(WINDOW + 0x3000);
}

static void tables_wild(void)
{
    paging_on();
    mmio_write(read_cr3(), 0); /* our own code is in the first entry */
    write_cr3(read_cr3());
    mmio_read(0x1000);
}

static const struct deed walks[] = {
    {"cr3-hole", cr3_hole, "ept"},
    {"cr3-device", cr3_device, "ept"},
    {"directory-device", directory_device, "ept"},
    {"directory-beyond", directory_beyond, "ept"},
    {"directory-hole", directory_hole, "ept"},
    {"handler-unmapped", handler_unmapped, "triple"},
    {"tables-gone", tables_wild, "triple"},
};

ATTEMPT(walks, walks);
