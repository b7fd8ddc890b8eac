/* SPDX-License-Identifier: BSD-2-Clause */
/* Instructions that nobody uses on device registers. */
#include "tests/guests/hostile/hostile.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/paging.h"
#include "tests/guests/lib/trap.h"
#include "tests/guests/lib/util.h"

#define VERSION 0x50014u

/* Fifteen bytes; sixteen are too many. */
CODE(mov_15, ".byte 0x3E,0x3E,0x3E,0x3E,0x3E,0x3E,0x3E,0x3E,0x3E,0x3E,"
             "0x3E,0x3E,0x3E,0x8B,0x06");
CODE(mov_16, ".byte 0x3E,0x3E,0x3E,0x3E,0x3E,0x3E,0x3E,0x3E,0x3E,0x3E,"
             "0x3E,0x3E,0x3E,0x3E,0x8B,0x06");
CODE(mov_sib, "movl $0, %ecx\n\tmovl 0(%esi, %ecx, 8), %eax");
CODE(mov_16bit, ".byte 0x66\n\tmovl (%esi), %eax");
CODE(alu, "xorl %eax, %eax\n\taddl (%esi), %eax");
CODE(test_it, "testl $0x10, (%esi)\n\tsetnz %al\n\tmovzbl %al, %eax");
CODE(zero_extend, "movzbl 2(%esi), %eax");

CODE(movs, "cld\n\trep movsl");
CODE(movs_down, "std\n\trep movsl");
CODE(stos, "rep stosl");
CODE(stos_down, "std\n\trep stosb");
CODE(scas, "repne scasl");
CODE(cmps, "repe cmpsb");
CODE(lods, "rep lodsl");
CODE(xchg, "xchgl %eax, (%esi)");
CODE(lock_or, "lock orl $1, (%esi)");
CODE(push_it, "pushl (%esi)\n\tpopl %eax");
CODE(pop_it, "pushl %eax\n\tpopl (%esi)");
CODE(stack_there, "movl %esi, %esp\n\tpushl %eax");
CODE(call_it, "call *(%esi)");
CODE(x87, "fldl (%esi)");
CODE(sse, "movl %cr4, %eax\n\torl $0x200, %eax\n\tmovl %eax, %cr4\n\t"
          "movups (%esi), %xmm0");
CODE(segment, "ldsl (%esi), %eax");
CODE(bts, "btsl $1, (%esi)");
CODE(flush, "clflush (%esi)");
CODE(invlpg_it, "invlpg (%esi)");
CODE(sgdt_it, "sgdt (%esi)");
CODE(cmpxchg8, "cmpxchg8b (%esi)");
CODE(fetch_it, "jmp *%esi");
CODE(enter_it, "leal 4(%esi), %ebp\n\tmovl %ebp, %esp\n\tenter $16, $4");
CODE(fxsave_it, "fxsave (%esi)");

static struct try on(uint32_t address)
{
    return (struct try){
        .ecx = 4, .esi = address, .edi = address, .ebx = 0x100000};
}

static void forms(void)
{
    const uint8_t *good[] = {mov_15, mov_sib, mov_16bit, alu};
    const uint32_t wanted[] = {VERSION, VERSION, VERSION & 0xFFFF, VERSION};
    uint32_t at = LAPIC_BASE + APIC_VERSION;
    struct try t;

    for (uint32_t i = 0; i < COUNT(good); i++) {
        t = on(at);
        must("exception", try_kernel(&t, good[i]), TRAP_NONE);
        must("the version", t.eax, wanted[i]);
    }
    t = on(at);
    must("too long", try_kernel(&t, mov_16), TRAP_GP);
    must("test", try_kernel(&t, test_it), TRAP_NONE);
    must("tested", t.eax, 1);
    must("zero extended", try_kernel(&t, zero_extend), TRAP_NONE);
    must("its value", t.eax, 5);
    must("invlpg", try_kernel(&t, invlpg_it), TRAP_NONE);
}

/* The instruction ends with its page; the next one is absent, and then is one
 * that the processor may not fetch from. */
static void page_end(void)
{
    static const uint8_t mov[] = {0x8B, 0x06, 0xC3};
    uint8_t *page = spare_page(0);
    struct try t;
    uint32_t code;

    paging_on();
    window_map(2, 0);
    code = window_map(1, (uint32_t)page | PTE_PRESENT | PTE_WRITE);
    memcpy(page + 4093, mov, 3);
    t = on(LAPIC_BASE + APIC_VERSION);
    must("whole", try_kernel(&t, (const void *)(code + 4093)), TRAP_NONE);
    must("its value", t.eax, VERSION);
    memcpy(page + 4095, mov, 1);
    t = on(LAPIC_BASE + APIC_VERSION);
    must("half", try_kernel(&t, (const void *)(code + 4095)), TRAP_PF);
    must("cr2", read_cr2(), code + 4096);
    window_map(2, (uint32_t)(page + 4096) | PTE_PRESENT);
    memcpy(page + 4096, mov + 1, 2);
    t = on(LAPIC_BASE + APIC_VERSION);
    must("both", try_kernel(&t, (const void *)(code + 4095)), TRAP_NONE);
    must("value of both", t.eax, VERSION);
    paging_off();
}

/* An access of which a part is memory and the rest registers. */
static uint32_t straddling(void)
{
    uint8_t *page = spare_page(0);

    paging_on();
    window_map(2, LAPIC_BASE | PTE_PRESENT | PTE_WRITE);
    return window_map(1, (uint32_t)page | PTE_PRESENT | PTE_WRITE) + 4094;
}

static void straddling_read(void)
{
    mmio_read(straddling());
}

static void straddling_write(void)
{
    mmio_write(straddling(), 0xFFFFFFFFu);
}

#define DEED(code)                              \
    static void do_##code(void)                 \
    {                                           \
        struct try t = on(IOAPIC_BASE);         \
        uint32_t caught = try_kernel(&t, code); \
                                                \
        must(#code, caught, TRAP_NONE);         \
    }
#define ROW(code)                       \
    {                                   \
        "mmio-" #code, do_##code, "ept" \
    }

DEED(movs)
DEED(stos)
DEED(stos_down)
DEED(scas)
DEED(cmps)
DEED(lods)
DEED(xchg)
DEED(lock_or)
DEED(push_it)
DEED(pop_it)
DEED(stack_there)
DEED(call_it)
DEED(x87)
DEED(sse)
DEED(segment)
DEED(bts)
DEED(flush)
DEED(sgdt_it)
DEED(cmpxchg8)
DEED(fetch_it)
DEED(enter_it)
DEED(fxsave_it)

/* From memory into device registers, downwards. */
static void do_movs_down(void)
{
    struct try t = {.ecx = 2000, .esi = 0x104000, .edi = LAPIC_BASE + 4092};

    try_kernel(&t, movs_down);
}

/* Absent memory, up into device registers. */
static void do_movs_up(void)
{
    struct try t = {
        .ecx = 2000, .esi = LAPIC_BASE - 4000, .edi = (uint32_t)spare_page(0)};

    try_kernel(&t, movs);
}

static const struct deed deeds[] = {
    {"mmio-forms", forms, NULL},
    {"mmio-page-end", page_end, NULL},
    {"mmio-straddling-read", straddling_read, "ept"},
    {"mmio-straddling-write", straddling_write, "ept"},
    ROW(movs),
    ROW(movs_down),
    ROW(movs_up),
    ROW(stos),
    ROW(stos_down),
    ROW(scas),
    ROW(cmps),
    ROW(lods),
    ROW(xchg),
    ROW(lock_or),
    ROW(push_it),
    ROW(pop_it),
    ROW(stack_there),
    ROW(call_it),
    ROW(x87),
    ROW(sse),
    ROW(segment),
    ROW(bts),
    ROW(flush),
    ROW(sgdt_it),
    ROW(cmpxchg8),
    ROW(fetch_it),
    ROW(enter_it),
    ROW(fxsave_it),
};

ATTEMPT(mmio, deeds);
