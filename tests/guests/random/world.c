/* SPDX-License-Identifier: BSD-2-Clause */
/* Where random code lives: descriptor tables and address spaces. */
#include "tests/guests/random/random.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/util.h"

#define PAGE           4096u
#define ENTRIES        512u
#define LOW_TABLES     (RAM_SIZE >> 21)

#define P              0x1u
#define W              0x2u
#define U              0x4u
#define LARGE          0x80u
#define UNCACHED       0x18u
#define NX             (1ull << 63)

#define GATE_SYSTEM    0x8E00u /* interrupt gate; by INT n only from ring 0 */
#define GATE_USER      0xEE00u
#define BITMAP_OFFSET  104u
#define MSR_DEBUGCTL   0x1D9u
#define X2APIC_ENABLED 0xC00u

typedef uint64_t table[ENTRIES] __attribute__((aligned(PAGE)));

table safe_pml4, wild_pml4;
static table safe_pdpt, wild_pdpt, safe_pd[2], wild_pd[3];
static table wild_low[LOW_TABLES], window, hole, ioapic, lapic;

static struct {
    uint32_t low, high, upper, zero;
} idt[256] __attribute__((aligned(16)));

static uint8_t task[BITMAP_OFFSET + 8192 + 1] __attribute__((aligned(16)));
static uint64_t gdt[GDT_LAST / 8] __attribute__((aligned(16)));

struct pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

struct pointer gdt_pointer, idt_pointer;

static uint64_t descriptor(uint32_t base, uint32_t limit, uint32_t access)
{
    return (uint64_t)(base & 0xFF000000u) << 32 |
           (uint64_t)(access & 0xF0FFu) << 40 |
           (uint64_t)(base & 0xFFFFFFu) << 16 |
           (uint64_t)(limit & 0xF0000u) << 32 | (limit & 0xFFFFu);
}

/* Accessed bits are set: the tables cannot be written while random code runs.
 */
static void make_gdt(void)
{
    gdt[1] = descriptor(0, 0xFFFFF, 0xC09B);
    gdt[2] = descriptor(0, 0xFFFFF, 0xC093);
    gdt[3] = descriptor(0, 0xFFFFF, 0xA09B);
    gdt[4] = descriptor((uint32_t)task, sizeof(task) - 1, 0x0089);
    gdt[6] = descriptor(0, 0xFFFFF, 0xC0FB);
    gdt[7] = descriptor(0, 0xFFFFF, 0xC0F3);
    gdt[8] = descriptor(0, 0xFFFFF, 0xA0FB);
    gdt[9] = descriptor(CODE_BASE, 0xFFFF, 0x009B);
    gdt[10] = descriptor(DATA_BASE, 0xFFFF, 0x0093);
    gdt[11] = descriptor(CODE_BASE, 0xFFFF, 0x00FB);
    gdt[12] = descriptor(DATA_BASE, 0x0FFF, 0x40F7); /* expands downwards */
    gdt[13] = descriptor(DATA_BASE, 0xFFFF, 0x0073); /* not present */
    gdt[14] = descriptor(DATA_BASE, 0xFFFF, 0x00F1); /* read-only */
    gdt[15] = descriptor(0, 0xFFFFF, 0xC09F);        /* conforming code */
    /* A call gate to INT3 in ring 0, and a local descriptor table. */
    gdt[16] = (uint64_t)((uint32_t)random_entries >> 16) << 48 | 0xECull << 40 |
              CODE_64 << 16 | ((uint32_t)random_entries & 0xFFFFu);
    gdt[18] = descriptor(DATA_BASE, 0xFFF, 0x0082);
    gdt[20] = descriptor(0, 0xFFFFF, 0xE09B); /* L and D: reserved */
    gdt_pointer = (struct pointer){sizeof(gdt) - 1, (uint32_t)gdt};
}

static void put64(uint8_t *at, uint32_t value)
{
    memcpy(at, &value, sizeof(value));
}

/* All stacks are one; an open I/O bitmap. */
static void make_task(void)
{
    uint16_t bitmap = BITMAP_OFFSET;

    for (uint32_t i = 4; i < 92; i += 8)
        put64(task + i, STACK_BASE + PAGE);
    memcpy(task + 102, &bitmap, sizeof(bitmap));
    task[sizeof(task) - 1] = 0xFF;
}

static void make_idt(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t entry = (uint32_t)random_entries + 16 * i;
        uint32_t type = i == 3 || i == 4 || i >= 0x80 ? GATE_USER : GATE_SYSTEM;

        idt[i].low = (uint32_t)CODE_64 << 16 | (entry & 0xFFFFu);
        idt[i].high = (entry & 0xFFFF0000u) | type | 1; /* IST 1 */
    }
    idt_pointer = (struct pointer){sizeof(idt) - 1, (uint32_t)idt};
}

static uint64_t point(const void *to, uint32_t bits)
{
    return (uint32_t)to | bits;
}

static uint64_t wild_page(uint32_t gpa)
{
    if (gpa >= (uint32_t)image_start && gpa < (uint32_t)image_end)
        return gpa | P;
    if (gpa == STACK_BASE)
        return gpa | P | W;
    if (gpa >= DATA_BASE && gpa < DATA_BASE + DATA_SIZE / 2)
        return gpa | P | W | U;
    if (gpa >= DATA_BASE && gpa < DATA_BASE + DATA_SIZE)
        return gpa | P | W | U | NX;
    if (gpa >= CODE_BASE && gpa < CODE_BASE + CODE_SIZE)
        return gpa | P | W | U;
    return gpa < CODE_BASE ? gpa | P | W | U | NX : 0;
}

static void make_safe(void)
{
    safe_pml4[0] = point(safe_pdpt, P | W);
    safe_pdpt[0] = point(safe_pd[0], P | W);
    safe_pdpt[3] = point(safe_pd[1], P | W);
    for (uint32_t i = 0; i < LOW_TABLES; i++)
        safe_pd[0][i] = (uint64_t)i << 21 | LARGE | P | W;
    safe_pd[1][(LAPIC_BASE >> 21) % ENTRIES] = point(lapic, P | W);
}

static void make_wild(void)
{
    wild_pml4[0] = wild_pml4[256] = point(wild_pdpt, P | W | U);
    wild_pdpt[0] = point(wild_pd[0], P | W | U);
    wild_pdpt[1] = point(wild_pd[1], P | W | U);
    wild_pdpt[3] = point(wild_pd[2], P | W | U);
    for (uint32_t i = 0; i < RAM_SIZE / PAGE; i++)
        wild_low[i / ENTRIES][i % ENTRIES] = wild_page(i * PAGE);
    for (uint32_t i = 0; i < LOW_TABLES; i++)
        wild_pd[0][i] = point(wild_low[i], P | W | U);
    wild_pd[1][0] = point(window, P | W | U);
    hole[0] = HOLE_BASE | P | W | U;
    ioapic[0] = IOAPIC_BASE | UNCACHED | P | W | U;
    lapic[0] = LAPIC_BASE | UNCACHED | P | W | U;
    wild_pd[2][(HOLE_BASE >> 21) % ENTRIES] = point(hole, P | W | U);
    wild_pd[2][(IOAPIC_BASE >> 21) % ENTRIES] = point(ioapic, P | W | U);
    wild_pd[2][(LAPIC_BASE >> 21) % ENTRIES] = point(lapic, P | W | U);
}

/* Random code that got itself into real mode, or out of paging, ends here:
 * MOV AL, 1; MOV DX, 0x505; MOV AL, 1; OUT DX, AL with 16-bit operands, and
 * without the second MOV with 32 bits. That tells of a panic. */
static void make_trap(void)
{
    static const uint32_t trap[] = {0x05BA01B0, 0xEE01B005};

    for (uint32_t at = 0; at < (uint32_t)image_start; at += sizeof(trap))
        memcpy((void *)at, trap, sizeof(trap));
}

void world_make(void)
{
    make_trap();
    make_gdt();
    make_task();
    make_idt();
    make_safe();
    make_wild();
}

/* An entry of the window: mostly our pages, with any rights; else nothing
 * that makes sense. */
static uint64_t random_entry(uint32_t *state)
{
    uint32_t r = prng_next(state);
    uint64_t page = CODE_BASE + (r >> 8) % (CODE_SIZE + DATA_SIZE);
    uint64_t bits = prng_next(state) & 0x1FFu;

    if ((r & 0x3FF) == 0)
        page = (uint64_t)prng_next(state) << (r >> 30) * 8;
    else if ((r & 0x3FF) == 1)
        page = IOAPIC_BASE;
    if ((r & 0x3000) == 0)
        bits |= (uint64_t)prng_next(state) << 32;
    else
        bits |= P | ((r & 0xC000) ? W | U : 0) | ((r >> 16 & 7) ? 0 : NX);
    return (page & ~0xFFFull) | bits;
}

void world_fill(uint32_t *state)
{
    for (uint32_t i = 0; i < CODE_SIZE / 4; i++)
        ((uint32_t *)CODE_BASE)[i] = 0xCCCCCCCC;
    for (uint32_t i = 0; i < DATA_SIZE / 64; i++)
        ((uint32_t *)DATA_BASE)[i * 16] = prng_next(state);
    for (uint32_t i = 0; i < 64; i++)
        window[i] = random_entry(state);
}

void apic_arm(void)
{
    mmio_write(LAPIC_BASE + APIC_SVR, 0x100 | APIC_SPURIOUS);
    mmio_write(LAPIC_BASE + APIC_TPR, 0);
    mmio_write(LAPIC_BASE + APIC_DIVIDE, 0xB);
    mmio_write(LAPIC_BASE + APIC_LVT_TIMER, TICK_VECTOR);
    mmio_write(LAPIC_BASE + APIC_INITIAL, TICK_COUNT);
}

/* An interrupt of the highest vectors in service would keep the tick out. */
static void apic_mend(void)
{
    uint64_t base = rdmsr(MSR_APIC_BASE);

    if ((base & X2APIC_ENABLED) != 0x800) {
        wrmsr(MSR_APIC_BASE, LAPIC_BASE | (base & 0x100));
        wrmsr(MSR_APIC_BASE, LAPIC_BASE | (base & 0x100) | 0x800);
    }
    if (mmio_read(LAPIC_BASE + APIC_ISR + 0x70) != 0)
        mmio_write(LAPIC_BASE + APIC_EOI, 0);
    apic_arm();
}

void world_rearm(bool apic)
{
    if (read_dr7() != WANTED_DR7)
        write_dr7(WANTED_DR7);
    if (rdmsr(MSR_EFER) != WANTED_EFER)
        wrmsr(MSR_EFER, WANTED_EFER);
    wrmsr(MSR_DEBUGCTL, 0);
    if (apic)
        apic_mend();
}
