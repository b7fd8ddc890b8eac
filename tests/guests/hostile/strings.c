/* SPDX-License-Identifier: BSD-2-Clause */
/* INS and OUTS: counts, segments and buffers that nobody means well with. */
#include "tests/guests/hostile/hostile.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/paging.h"
#include "tests/guests/lib/trap.h"

#define DELAY  0x80u /* a port without a device */
#define PF     TRAP_PF
#define VECTOR 0x40u

CODE(rep_outsb, "rep outsb");
CODE(rep_outsl_down, "std\n\trep outsl");
CODE(rep_insb, "rep insb");
CODE(rep_insl, "rep insl");
CODE(insw_once, "insw");
CODE(outs_16, ".byte 0x67\n\trep outsb");
CODE(outs_null, "xorl %eax, %eax\n\tmovl %eax, %fs\n\t"
                ".byte 0x64\n\toutsb");
CODE(ins_null, "xorl %eax, %eax\n\tmovl %eax, %es\n\tinsb");
CODE(outs_segment, "movl %eax, %fs\n\t.byte 0x64\n\trep outsb");
CODE(ins_segment, "movl %eax, %es\n\trep insb");
CODE(outs_code, ".byte 0x2E\n\toutsb");
CODE(outs_long, ".byte 0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,"
                "0x66,0x66,0x66,0x66,0x6E");

static struct try port(uint32_t count, uint32_t address)
{
    return (struct try){
        .ecx = count, .edx = DELAY, .esi = address, .edi = address};
}

static void counts(void)
{
    struct try t = port(0, HOLE);

    must("outs of nothing", try_kernel(&t, rep_outsb), TRAP_NONE);
    must("esi of nothing", t.esi, HOLE);
    t = port(5000, 0x100000);
    must("outs of 5000", try_kernel(&t, rep_outsb), TRAP_NONE);
    must("esi of 5000", t.esi, 0x100000 + 5000);
    must("ecx of 5000", t.ecx, 0);
    t = port(700, (uint32_t)spare_page(1));
    must("outs down", try_kernel(&t, rep_outsl_down), TRAP_NONE);
    must("esi down", t.esi, (uint32_t)spare_page(1) - 2800);
    t = port(9, 0xFFFFFFFC);
    must("outs round the end", try_kernel(&t, rep_outsb), TRAP_NONE);
    must("esi round the end", t.esi, 5);
    t = port(0x10000 + 20, 0x10000 + 0xFFF0);
    must("16-bit addresses", try_kernel(&t, outs_16), TRAP_NONE);
    must("esi of 16 bits", t.esi, 0x10000 + 4);
    must("ecx of 16 bits", t.ecx, 0x10000);
}

static void results(void)
{
    uint8_t *page = spare_page(0);
    struct try t = port(100, (uint32_t)page);

    page[100] = 0x77;
    must("ins", try_kernel(&t, rep_insb), TRAP_NONE);
    must("ins, the last", page[99], 0xFF);
    must("ins, beyond", page[100], 0x77);
    t = port(64, HOLE);
    must("outs from a hole", try_kernel(&t, rep_outsb), TRAP_NONE);
    t = port(1, 0x100000);
    must("15 bytes of OUTS", try_kernel(&t, outs_long), TRAP_NONE);
    must("outs from code", try_kernel(&t, outs_code), TRAP_NONE);
}

/* Data that is read-only, short, or expands downwards. */
static void segments(void)
{
    struct try t = port(1, 0x100000);

    must("outs, null", try_kernel(&t, outs_null), TRAP_GP);
    must("ins, null", try_kernel(&t, ins_null), TRAP_GP);
    gdt_set(SELECTOR_FREE, (uint32_t)spare_page(0), 0xFF, 0x93, 4);
    t = port(300, 0);
    t.eax = SELECTOR_FREE;
    must("outs beyond the limit", try_kernel(&t, outs_segment), TRAP_GP);
    must("esi at the limit", t.esi, 256);
    must("ecx at the limit", t.ecx, 44);
    t = port(300, 0);
    t.eax = SELECTOR_FREE;
    must("ins beyond the limit", try_kernel(&t, ins_segment), TRAP_GP);
    must("edi at the limit", t.edi, 256);
    gdt_set(SELECTOR_FREE, (uint32_t)spare_page(0), 0xFF, 0x91, 4);
    t = port(1, 0);
    t.eax = SELECTOR_FREE;
    must("ins into read-only", try_kernel(&t, ins_segment), TRAP_GP);
    gdt_set(SELECTOR_FREE, (uint32_t)spare_page(0), 0xFF, 0x97, 4);
    t = port(1, 0x100);
    t.eax = SELECTOR_FREE;
    must("expanding down", try_kernel(&t, outs_segment), TRAP_NONE);
    t = port(1, 0xFF);
    t.eax = SELECTOR_FREE;
    must("below its limit", try_kernel(&t, outs_segment), TRAP_GP);
    gdt_set(SELECTOR_FREE, 0, 0xFFFFF, 0x99, FLAGS_32);
    t = port(1, 0x100000);
    t.eax = SELECTOR_FREE;
    must("execute-only", try_kernel(&t, outs_segment), TRAP_GP);
}

static void pages(void)
{
    uint32_t page = (uint32_t)spare_page(0), at, next;
    struct try t;

    paging_on();
    at = window_map(1, page | PTE_PRESENT | PTE_WRITE);
    next = window_map(2, 0);
    t = port(4096, at + 4000);
    must("outs into an absent page", try_kernel(&t, rep_outsb), PF);
    must("its address", read_cr2(), next);
    must("its error", t.error, 0);
    must("esi there", t.esi, next);
    t = port(2, next - 6);
    must("ins across the edge", try_kernel(&t, rep_insl), PF);
    must("its address, written", read_cr2(), next);
    must("its error, written", t.error, 2);
    must("ecx at the edge", t.ecx, 1);
    t = port(1, next - 1);
    must("insw across the edge", try_kernel(&t, insw_once), PF);
    window_map(2, page | PTE_PRESENT);
    t = port(1, next);
    must("ins into read-only", try_kernel(&t, rep_insb), PF);
    must("its error, protected", t.error, 3);
    paging_off();
}

/* A string without end lets interrupts in. */
static void interrupted(void)
{
    uint32_t esi = 0, ecx = ~0u, taken;

    count_vector(VECTOR);
    apic_timer(VECTOR, 20000, false);
    cpu_sti();
    __asm__ volatile("1: movl $0x10000, %%ecx\n\t"
                     "rep outsb\n\t"
                     "cmpl $0, counted\n\tje 1b"
                     : "+S"(esi), "+c"(ecx)
                     : "d"(DELAY)
                     : "memory", "cc");
    cpu_cli();
    taken = counted;
    apic_timer(0, 0, false);
    must("interrupts taken", taken, 1);
}

/* The destination is the table that maps the destination, which so becomes
 * the end of the address space. */
static void ins_own_table(void)
{
    uint32_t at;
    struct try t;

    paging_on();
    at = window_map(1, (uint32_t)paging_window(0) | PTE_PRESENT | PTE_WRITE);
    t = port(64, at);
    try_kernel(&t, rep_insl);
}

static void ins_hole(void)
{
    struct try t = port(4, HOLE);

    try_kernel(&t, rep_insb);
}

static void ins_end(void)
{
    struct try t = port(64, machine_ram_end() - 5);

    try_kernel(&t, rep_insl);
}

static void outs_device(void)
{
    struct try t = port(4, LAPIC_BASE);

    try_kernel(&t, rep_outsb);
}

static void ins_device(void)
{
    struct try t = port(4, IOAPIC_BASE);

    try_kernel(&t, rep_insb);
}

static void all_of_memory(void)
{
    for (;;) {
        struct try t = port(~0u, HOLE);

        try_kernel(&t, rep_outsb);
    }
}

static const struct deed deeds[] = {
    {"string-counts", counts, NULL},
    {"string-results", results, NULL},
    {"string-segments", segments, NULL},
    {"string-pages", pages, NULL},
    {"string-interrupted", interrupted, NULL},
    {"ins-own-table", ins_own_table, "ept"},
    {"ins-hole", ins_hole, "ept"},
    {"ins-end", ins_end, "ept"},
    {"outs-device", outs_device, "ept"},
    {"ins-device", ins_device, "ept"},
    {"outs-all", all_of_memory, ENDLESS},
};

ATTEMPT(strings, deeds);
