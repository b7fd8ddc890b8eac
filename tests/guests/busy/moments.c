/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Moments at which a processor owes something: an interrupt that an STI or
 * MOV SS holds back, a debug trap that waits, an NMI within an NMI, an event
 * on its way to a stack. Each must come, once, and not too early. Loops are
 * such that a good part of all instructions are in the moment.
 */
#include "tests/guests/busy/busy.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/trap.h"
#include "tests/guests/lib/util.h"

#define TRAP_NMI    2u
#define GATE        0x55u
#define HELD_BACK   0x52u
#define TURNS       100u
#define STACKS      12u
#define STACK_BYTES 4096u
#define TOUCHED     40u /* pages, TOUCHES of them in a round */
#define TOUCHES     4u
#define UD2_BYTES   2u

static volatile uint32_t nmis, nmis_to_nest, gates, undefineds, arrived;
static volatile uint32_t value_then, nothing;
static volatile uint32_t *touched = &nothing;
static volatile uint32_t touched_pages[TOUCHED][STACK_BYTES / 4]
    __attribute__((aligned(4096)));
static uint8_t stacks[STACKS][STACK_BYTES] __attribute__((aligned(4096)));

static void send_nmi(void)
{
    apic_write(APIC_ICR_HIGH, apic_id() << 24);
    apic_write(APIC_ICR_LOW, APIC_ICR_NMI);
}

/* One that is sent in here waits until the IRET. */
static void on_nmi(struct trap_frame *frame)
{
    uint32_t before = ++nmis;

    (void)frame;
    if (nmis_to_nest > 0) {
        nmis_to_nest--;
        send_nmi();
    }
    soak_point();
    for (uint32_t i = 0; i < TURNS; i++)
        cpu_pause();
    if (nmis != before)
        nmis += 1000;
}

static void on_gate(struct trap_frame *frame)
{
    (void)frame;
    gates++;
}

static void on_undefined(struct trap_frame *frame)
{
    frame->eip += UD2_BYTES;
    undefineds++;
}

static void on_held_back(struct trap_frame *frame)
{
    (void)frame;
    arrived++;
    value_then = *touched;
    apic_eoi();
}

void busy_moments_start(void)
{
    trap_set(TRAP_NMI, on_nmi);
    trap_set(GATE, on_gate);
    trap_set(TRAP_UD, on_undefined);
    trap_set(HELD_BACK, on_held_back);
}

/* Bochs 2.7 keeps NMIs blocked over an entry that says that they are not,
 * until the next IRET: hence the gate. */
bool busy_nmi(uint32_t round)
{
    uint32_t before = nmis, nested = round % 3;

    nmis_to_nest = nested;
    send_nmi();
    for (uint32_t i = 0; i < TURNS && nmis < before + 1 + nested; i++)
        __asm__ volatile("int $0x55" : : : "memory");
    return nmis == before + 1 + nested && nmis_to_nest == 0;
}

/* A write to a page that was not written to since a snapshot may exit, and
 * then does so while STI, or MOV SS after it, holds an interrupt back: this
 * comes after the write. */
static bool touch_after_sti(uint32_t i)
{
    volatile uint32_t *page = touched_pages[i % TOUCHED];
    uint32_t before = arrived, value = *page;

    touched = page;
    apic_self_ipi(HELD_BACK);
    if (i % 2 == 0)
        __asm__ volatile("sti\n\tincl %0\n\tnop\n\tcli"
                         : "+m"(*page)
                         :
                         : "memory", "cc");
    else
        __asm__ volatile("movl %%ss, %%eax\n\tsti\n\tmovl %%eax, %%ss\n\t"
                         "incl %0\n\tnop\n\tcli"
                         : "+m"(*page)
                         :
                         : "eax", "memory", "cc");
    return arrived == before + 1 && value_then == value + 1;
}

/* STI and CLI one after the other let no interrupt in. */
bool busy_sti(uint32_t round)
{
    uint32_t before = arrived;
    bool early, good;

    cpu_cli();
    apic_self_ipi(HELD_BACK);
    for (uint32_t i = 0; i < TURNS; i++)
        __asm__ volatile("sti\n\tcli\n\tsti\n\tcli\n\tsti\n\tcli\n\t"
                         "sti\n\tcli\n\tsti\n\tcli\n\tsti\n\tcli"
                         :
                         :
                         : "memory");
    early = arrived != before;
    __asm__ volatile("sti\n\tnop" : : : "memory");
    for (uint32_t i = 0; i < TURNS && arrived == before; i++)
        cpu_pause();
    good = !early && arrived == before + 1;
    cpu_cli();
    for (uint32_t i = 0; i < TOUCHES; i++)
        good = touch_after_sti(round * TOUCHES + i) && good;
    cpu_sti();
    return good;
}

/* The same with MOV SS: of it and the write there is one trap. */
static bool touch_stepping(uint32_t round)
{
    uint32_t before = busy_steps();
    volatile uint32_t *page = (volatile uint32_t *)stacks[round % STACKS];
    uint32_t value = *page;

    __asm__ volatile("movl %%ss, %%eax\n\t"
                     "pushfl\n\torl $0x100, (%%esp)\n\tpopfl\n\t"
                     "movl %%eax, %%ss\n\tincl (%0)\n\t"
                     "pushfl\n\tandl $~0x100, (%%esp)\n\tpopfl"
                     :
                     : "r"(page)
                     : "eax", "memory", "cc");
    return busy_steps() - before == 1 + 3 && *page == value + 1;
}

/* MOV SS holds a single-step trap back until the next instruction is done:
 * of the two there is one trap. */
bool busy_mov_ss(uint32_t round)
{
    uint32_t before = busy_steps(), count = 0;

    __asm__ volatile("movl %%ss, %%eax\n\t"
                     "pushfl\n\torl $0x100, (%%esp)\n\tpopfl\n\t"
                     ".rept 24\n\tmovl %%eax, %%ss\n\tincl %0\n\t.endr\n\t"
                     "pushfl\n\tandl $~0x100, (%%esp)\n\tpopfl"
                     : "+r"(count)
                     :
                     : "eax", "memory", "cc");
    return count == 24 && busy_steps() - before == 24 + 3 &&
           touch_stepping(round + 1);
}

/* Events whose frames go to stacks that were not touched for long. */
bool busy_stacks(uint32_t round)
{
    uint32_t gate = gates, undefined = undefineds;

    for (uint32_t i = 0; i < STACKS; i++) {
        uint8_t *top = stacks[(round + i) % STACKS] + STACK_BYTES;

        __asm__ volatile("movl %%esp, %%edi\n\tmovl %0, %%esp\n\t"
                         "int $0x55\n\tud2\n\tmovl %%edi, %%esp"
                         :
                         : "r"(top)
                         : "edi", "memory", "cc");
    }
    return gates == gate + STACKS && undefineds == undefined + STACKS;
}
