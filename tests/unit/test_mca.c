/* SPDX-License-Identifier: BSD-2-Clause */
/* sources: arch/x86_64/mca/mca.c arch/x86_64/mca/bank.c */
/* sources: arch/x86_64/mca/enable.c arch/x86_64/mca/overlay.c */
/* sources: arch/x86_64/mca/severity.c arch/x86_64/exception.c kernel/fault.c */
/* Machine checks, and what interrupts them, on a processor whose MSRs are an
 * array. What happens is told by a list of steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <asm/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/descriptors.h"
#include "arch/x86_64/exception.h"
#include "arch/x86_64/interrupt.h"
#include "arch/x86_64/mca/bits.h"
#include "arch/x86_64/mca/mca.h"
#include "arch/x86_64/mca/overlay.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/percpu.h"
#include "kernel/fault.h"
#include "kernel/log.h"
#include "kernel/panic.h"

/* Code addresses that the sources name: two bytes each, apart. */
asm(".data\n"
    ".globl idle_begin, idle_end, vm_entry_begin, vm_entry_end\n"
    ".globl vm_entry_abort, vm_entry_abort_mce, cpu_abandoned\n"
    ".globl text_start, text_end, fixup_start, fixup_end\n"
    "idle_begin: .skip 2\n"
    "idle_end: .skip 2\n"
    "vm_entry_begin: .skip 8\n"
    "vm_entry_end: .skip 2\n"
    "vm_entry_abort: .skip 2\n"
    "vm_entry_abort_mce: .skip 2\n"
    "cpu_abandoned: .skip 2\n"
    "text_start: text_end: fixup_start: fixup_end: .skip 16\n"
    ".text\n");
extern const char cpu_abandoned[];

#define BANKS     10 /* that MCG_CAP promises */
#define ABSENT    4  /* the bank that is not there all the same */
#define STATUS(n) (MSR_MC0_STATUS + 4u * (n))
/* tests/unit/test_severity.c has the rows. */
#define SRAR   0xbd80000000000134
#define MISC   0x8c
#define FRAME  0x1234000
#define STRUCK (MCG_STATUS_MCIP | MCG_STATUS_RIPV | MCG_STATUS_EIPV)

uint32_t cpu_count = 1;

static struct percpu percpu;
static uint64_t msrs[0x1000];
static unsigned faults_of_msrs, nmis_sent, eois;
static uint32_t nmi_at; /* an NMI strikes when this MSR is written */
static bool never_ends, stop;
static jmp_buf out;
static char steps[4096];
static const char elsewhere[2]; /* an address of no meaning */

static void step(const char *what)
{
    strcat(strcat(steps, steps[0] ? " " : ""), what);
}

static bool is_absent(uint32_t msr)
{
    return msr >= MSR_MC0_CTL && (msr - MSR_MC0_CTL) / 4 % BANKS == ABSENT;
}

int msr_read(uint32_t msr, uint64_t *value)
{
    assert_in_range(msr, 1, 0xfff);
    if (is_absent(msr)) {
        faults_of_msrs++;
        return -1;
    }
    *value = msrs[msr];
    return 0;
}

static bool says_late(void)
{
    return never_ends;
}

static struct exception_frame at(const void *rip, uint64_t vector)
{
    return (struct exception_frame){.vector = vector, .rip = (uint64_t)rip};
}

/* The interrupted code goes on, or never does. */
static void strike_nmi(void)
{
    struct exception_frame frame = at(elsewhere, VECTOR_NMI);

    exception_entry(&frame);
    if (frame.rip == (uint64_t)cpu_abandoned) {
        longjmp(out, 1);
    }
}

int msr_write(uint32_t msr, uint64_t value)
{
    if (is_absent(msr)) {
        faults_of_msrs++;
        return -1;
    }
    if (msr == nmi_at) {
        nmi_at = 0;
        strike_nmi();
    }
    if (msr == MSR_MCG_STATUS) {
        step(fault_waiting() ? "posted MCIP" : "MCIP");
    } else if (msr == STATUS(2)) {
        step(fault_waiting() ? "posted bank" : "bank");
    }
    msrs[msr] = value;
    return 0;
}

void apic_end_of_interrupt(void)
{
    eois++;
}

void apic_send_nmi_to_others(void)
{
    step(fault_waiting() ? "posted NMI" : "NMI");
    nmis_sent++;
}

void interrupt_dispatch(uint8_t vector)
{
    (void)vector;
}

void log_line(enum log_level level, const char *format, ...)
{
    (void)level;
    (void)format;
}

bool panic_elsewhere(void)
{
    return stop;
}

void panic_at(const struct exception_frame *frame, const char *format, ...)
{
    (void)frame;
    (void)format;
    longjmp(out, 2);
}

/* ---- a processor, and an error in its bank 2 ---- */

static int set_up(void **state)
{
    struct fault fault;

    (void)state;
    percpu =
        (struct percpu){.self = &percpu, .served_vm = 1, .abandon_rsp = 0x7000};
    if (syscall(SYS_arch_prctl, ARCH_SET_GS, &percpu)) {
        return -1;
    }
    while (fault_take(&fault)) {
    }
    memset(msrs, 0, sizeof(msrs));
    steps[0] = '\0';
    nmi_at = 0;
    never_ends = stop = false;
    nmi_register(says_late);
    msrs[MSR_MCG_CAP] = BANKS | MCG_CAP_SER_P;
    mca_msr_find(msrs[MSR_MCG_CAP]);
    faults_of_msrs = nmis_sent = eois = 0;
    return 0;
}

static void break_memory(void)
{
    msrs[MSR_MCG_STATUS] = STRUCK;
    msrs[STATUS(2)] = SRAR;
    msrs[STATUS(2) + 1] = FRAME;
    msrs[STATUS(2) + 2] = MISC;
}

static void take_one(enum fault_kind kind)
{
    struct fault fault;

    assert_true(fault_take(&fault));
    assert_int_equal(fault.kind, kind);
    if (kind == FAULT_MCE) {
        assert_true(fault.has_address);
        assert_int_equal(fault.address, FRAME);
    }
}

static void assert_nothing_posted(void)
{
    assert_false(fault_waiting());
}

/* ---- banks ---- */

/* An MSR that is not there costs an exception, in the midst of a recovery:
 * it is found once, and left alone. */
static void only_banks_that_are_there_are_read(void **state)
{
    (void)state;
    mca_msr_find(msrs[MSR_MCG_CAP]);
    assert_int_equal(faults_of_msrs, 1);
    break_memory();
    mca_guest_exit(0);
    take_one(FAULT_MCE);
    assert_int_equal(faults_of_msrs, 1);
    assert_int_equal(mca_msr_read(STATUS(ABSENT)), 0);
    mca_msr_write(STATUS(ABSENT), 0);
    assert_int_equal(mca_msr_read(STATUS(MCA_BANKS_MAX)), 0);
    assert_int_equal(faults_of_msrs, 1);
}

/* All that it has, though: the last one, too; and none beyond MCG_CAP. */
static void all_banks_that_are_there_are_read(void **state)
{
    (void)state;
    for (unsigned bank = 0; bank < BANKS; bank++) {
        msrs[STATUS(bank)] = 0x1000 + bank;
    }
    msrs[STATUS(BANKS)] = 0x1000 + BANKS;
    for (unsigned bank = 0; bank < BANKS; bank++) {
        assert_int_equal(mca_msr_read(STATUS(bank)),
                         bank == ABSENT ? 0 : 0x1000 + bank);
    }
    assert_int_equal(mca_msr_read(STATUS(BANKS)), 0);
}

/* ---- the order of things ---- */

/* A second machine check before its end is a shutdown: nothing is left to be
 * done when MCIP goes. */
static void mcip_is_cleared_last(void **state)
{
    struct exception_frame frame = at(elsewhere, VECTOR_MC);

    (void)state;
    break_memory();
    mca_guest_exit(0);
    assert_string_equal(steps, "posted bank posted MCIP");
    take_one(FAULT_MCE);

    steps[0] = '\0';
    break_memory();
    exception_entry(&frame);
    assert_string_equal(steps, "posted bank posted MCIP");
    assert_int_equal(msrs[MSR_MCG_STATUS], 0);
    assert_int_equal(frame.rip, (uint64_t)cpu_abandoned);
    assert_int_equal(frame.rsp, 0x7000);
    take_one(FAULT_MCE);
}

/* The CPU that runs guests may sleep: whoever has read a bank wakes it, when
 * there is something for it to find. */
static void a_cpu_without_guests_wakes_the_others(void **state)
{
    struct exception_frame frame = at(idle_begin, VECTOR_MC);

    (void)state;
    cpu_count = 2;
    percpu.index = 1;
    percpu.served_vm = FAULT_NO_VM;
    mca_msr_find(msrs[MSR_MCG_CAP]);
    break_memory();
    msrs[STATUS(2)] = 0xbd2000008000017a; /* SRAO: it can go on itself */
    exception_entry(&frame);
    assert_string_equal(steps, "posted bank posted NMI posted MCIP");
    assert_int_equal(nmis_sent, 1);
    take_one(FAULT_MCE);

    steps[0] = '\0';
    msrs[MSR_MCG_STATUS] = STRUCK; /* another has read it: no storm of NMIs */
    if (!setjmp(out)) {
        exception_entry(&frame);
    }
    assert_string_equal(steps, "MCIP");
    cpu_count = 1;
}

/* It may have been about to sleep, over what the NMI is there to tell. */
static void an_nmi_ends_a_sleep(void **state)
{
    struct exception_frame frame = at(idle_begin, VECTOR_NMI);

    (void)state;
    exception_entry(&frame);
    assert_int_equal(frame.rip, (uint64_t)idle_end);
    frame = at(idle_begin + 1, VECTOR_NMI); /* STI done, HLT not begun */
    exception_entry(&frame);
    assert_int_equal(frame.rip, (uint64_t)idle_end);
    frame = at(idle_end, VECTOR_NMI);
    exception_entry(&frame);
    assert_int_equal(frame.rip, (uint64_t)idle_end);
    frame = at(elsewhere, VECTOR_NMI);
    exception_entry(&frame);
    assert_int_equal(frame.rip, (uint64_t)elsewhere);
    assert_int_equal(percpu.nmis, 4);
}

/* ---- the entry window ---- */

/* Whatever strikes from the last check on makes the entry come back. */
static void an_entry_is_called_off(void **state)
{
    struct exception_frame frame;

    (void)state;
    for (const char *rip = vm_entry_begin; rip < vm_entry_end; rip++) {
        frame = at(rip, VECTOR_NMI);
        exception_entry(&frame);
        assert_int_equal(frame.rip, (uint64_t)vm_entry_abort);

        break_memory();
        frame = at(rip, VECTOR_MC);
        exception_entry(&frame);
        assert_int_equal(frame.rip, (uint64_t)vm_entry_abort_mce);
        take_one(FAULT_MCE);

        break_memory();
        msrs[STATUS(2)] = 0xbd2000008000017a; /* nothing has to be done */
        frame = at(rip, VECTOR_MC);
        exception_entry(&frame);
        assert_int_equal(frame.rip, (uint64_t)vm_entry_abort);
        take_one(FAULT_MCE);
    }
    frame = at(vm_entry_end, VECTOR_NMI);
    exception_entry(&frame);
    assert_int_equal(frame.rip, (uint64_t)vm_entry_end);
}

/* Late or not: the window is no place to be abandoned in. */
static void a_late_entry_is_called_off(void **state)
{
    struct exception_frame frame = at(vm_entry_begin, VECTOR_NMI);

    (void)state;
    never_ends = true;
    exception_entry(&frame);
    assert_int_equal(frame.rip, (uint64_t)vm_entry_abort);
    assert_nothing_posted();
}

/* ---- what interrupts the handler ---- */

/* The watchdog strikes at that write, and never lets go. Which way out. */
static int cut_off_at(uint32_t msr, bool exit)
{
    struct exception_frame frame = at(elsewhere, VECTOR_MC);
    int way;

    never_ends = true;
    break_memory();
    nmi_at = msr;
    way = setjmp(out);
    if (way) {
        return way;
    }
    if (exit) {
        mca_guest_exit(0);
    } else {
        exception_entry(&frame);
    }
    return 0;
}

/* The handler never comes to its last act: another machine check would shut
 * the machine down. */
static void abandoned_in_the_handler_mcip_is_cleared(void **state)
{
    (void)state;
    for (unsigned exit = 0; exit < 2; exit++) {
        assert_int_equal(cut_off_at(STATUS(2), exit), 1);
        assert_int_equal(msrs[MSR_MCG_STATUS], 0);
        take_one(FAULT_MCE);
        take_one(FAULT_ROOT);
        assert_int_equal(eois, exit + 1);
    }
}

/* MCG_STATUS is written by nobody who has no part in it: a machine check may
 * be on its way. */
static void abandoned_elsewhere_mcip_is_left_alone(void **state)
{
    struct exception_frame frame = at(elsewhere, VECTOR_NMI);

    (void)state;
    break_memory();
    mca_guest_exit(0);
    take_one(FAULT_MCE);
    msrs[MSR_MCG_STATUS] = MCG_STATUS_MCIP;
    never_ends = true;
    exception_entry(&frame);
    assert_int_equal(frame.rip, (uint64_t)cpu_abandoned);
    assert_int_equal(msrs[MSR_MCG_STATUS], MCG_STATUS_MCIP);
    take_one(FAULT_ROOT);
}

/* An NMI that is not a strike lets it go on. */
static void an_nmi_in_the_handler_does_no_harm(void **state)
{
    struct exception_frame frame = at(elsewhere, VECTOR_MC);

    (void)state;
    break_memory();
    nmi_at = STATUS(2);
    exception_entry(&frame);
    assert_int_equal(percpu.nmis, 1);
    assert_string_equal(steps, "posted bank posted MCIP");
    take_one(FAULT_MCE);
    assert_nothing_posted();
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_banks_that_are_there_are_read),
        TEST(all_banks_that_are_there_are_read),
        TEST(mcip_is_cleared_last),
        TEST(a_cpu_without_guests_wakes_the_others),
        TEST(an_nmi_ends_a_sleep),
        TEST(an_entry_is_called_off),
        TEST(a_late_entry_is_called_off),
        TEST(abandoned_in_the_handler_mcip_is_cleared),
        TEST(abandoned_elsewhere_mcip_is_left_alone),
        TEST(an_nmi_in_the_handler_does_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
