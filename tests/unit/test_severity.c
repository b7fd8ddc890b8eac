/* SPDX-License-Identifier: BSD-2-Clause */
/* sources: arch/x86_64/mca/severity.c */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "arch/x86_64/mca/bits.h"
#include "arch/x86_64/mca/severity.h"

#define VAL   (1ull << 63)
#define OVER  (1ull << 62)
#define UC    (1ull << 61)
#define EN    (1ull << 60)
#define MISCV (1ull << 59)
#define ADDRV (1ull << 58)
#define PCC   (1ull << 57)
#define S     (1ull << 56)
#define AR    (1ull << 55)

#define RIPV  1u
#define EIPV  2u
#define MCIP  4u
#define SER   (1ull << 24)

#define DATA  0x134u
#define INSTR 0x150u
#define SRAR  (VAL | UC | EN | MISCV | ADDRV | S | AR)

/* What circumstances a case may have. */
#define EXC   1u /* in an exception */
#define FIX   2u /* the root RIP has a fix-up */
#define NOSER 4u /* MCG_CAP without SER_P */

struct example {
    uint64_t status;
    uint64_t mcg;
    unsigned flags;
    enum fault_context context;
    enum fault_severity severity;
    unsigned row; /* in the order of fault-tolerance.md */
    bool restartable;
};

#define G         CONTEXT_GUEST
#define V         CONTEXT_SERVING
#define C         CONTEXT_CORE

#define NONE      SEVERITY_NONE
#define CORRECTED SEVERITY_CORRECTED
#define DEFERRED  SEVERITY_DEFERRED
#define OPTIONAL  SEVERITY_OPTIONAL
#define ACTION    SEVERITY_ACTION
#define FATAL     SEVERITY_FATAL

#define RM        (RIPV | MCIP)
#define EM        (EIPV | MCIP)
#define REM       (RIPV | EIPV | MCIP)

static const struct example examples[] = {
    {0, REM, EXC, G, NONE, 0, true},
    {~VAL, REM, EXC, C, NONE, 0, true},
    {VAL | UC | PCC, REM, EXC, G, NONE, 1, true},
    {VAL | PCC, 0, 0, C, FATAL, 2, true}, /* EN counts in exceptions only */
    {0xBF2000008000017A, 5, EXC, G, FATAL, 2, true},
    {0xBF2000008000017A, 5, EXC | NOSER, C, FATAL, 2, true},
    {VAL | EN, RIPV, EXC, G, FATAL, 3, true},
    {SRAR | DATA, RIPV | EIPV, EXC, G, FATAL, 3, true},
    {VAL | EN, MCIP, EXC, G, FATAL, 4, false},
    {VAL | EN | UC | S, EM, EXC, C, FATAL, 5, false},
    {SRAR | DATA, EM, EXC | FIX, C, FATAL, 5, false},
    {VAL | EN, EM, EXC, C, FATAL, 5, false},
    {VAL | EN, REM, EXC, C, CORRECTED, 6, true},
    {VAL | EN, EM, EXC, G, CORRECTED, 6, false},
    {VAL | EN, EM, EXC, V, CORRECTED, 6, false}, /* the service is lost */
    {VAL, 0, 0, C, CORRECTED, 6, true},
    {VAL, 0, NOSER, C, CORRECTED, 6, true},
    {VAL | OVER | S | AR | DATA, 0, 0, C, CORRECTED, 6, true},
    {0xBD000000004000CF, RM, EXC, G, OPTIONAL, 7, true},
    {0xBD000000004000C0, RM, EXC, C, OPTIONAL, 7, true},
    {0xBD000000004010C0, RM, EXC, V, OPTIONAL, 7, true}, /* filtered */
    {VAL | UC | 0xC5, 0, 0, C, OPTIONAL, 7, true},       /* by a CMCI */
    {0xBD2000008000017A, 5, EXC, G, OPTIONAL, 8, true},
    {0xBD2000008000017A, EM, EXC, G, OPTIONAL, 8, false},
    {0xBD2000008000017A, 5, EXC, C, OPTIONAL, 8, true},
    {OVER | 0xBD2000008000017A, 5, EXC, V, OPTIONAL, 8, true},
    {0xBC20000080000136, 0, 0, C, DEFERRED, 9, true},
    {0xBC20000080000136, RM, EXC, G, DEFERRED, 9, true},
    {OVER | 0xBC20000080000136, 0, 0, G, DEFERRED, 9, true},
    {VAL | UC | AR, 0, 0, C, FATAL, 10, true},
    {VAL | EN | UC | AR | DATA, REM, EXC, G, FATAL, 10, true},
    {VAL | EN | OVER | UC | AR, REM, EXC, G, DEFERRED, 11, true},
    {OVER | SRAR | DATA, REM, EXC, G, FATAL, 12, true},
    {OVER | SRAR | DATA, REM, EXC | FIX, V, FATAL, 12, true},
    {SRAR | DATA, RM, EXC, G, DEFERRED, 13, true},
    {SRAR | INSTR, RM, EXC, C, DEFERRED, 13, true},
    {SRAR | DATA, RM, EXC | FIX, V, DEFERRED, 13, true},
    {SRAR | DATA, REM, EXC | FIX, V, ACTION, 14, true},
    {SRAR | DATA, REM, EXC | FIX, C, ACTION, 14, true},
    {SRAR | DATA, EM, EXC | FIX, V, ACTION, 14, false},
    {(SRAR & ~ADDRV) | DATA, REM, EXC | FIX, C, ACTION, 14, true},
    {SRAR | DATA, REM, EXC, G, ACTION, 15, true},
    {SRAR | DATA, EM, EXC, G, ACTION, 15, false}, /* as QEMU builds it */
    {SRAR | DATA, EM, EXC | FIX, G, ACTION, 15, false},
    {(SRAR & ~ADDRV) | DATA, RM, EXC, G, ACTION, 15, true},
    {SRAR | DATA | 0x1000, REM, EXC, G, ACTION, 15, true},
    {SRAR | DATA, RM, 0, G, ACTION, 15, true},
    {SRAR | INSTR, EM, EXC, G, ACTION, 16, false},
    {SRAR | DATA, REM, EXC, V, ACTION, 17, false},
    {(SRAR & ~ADDRV) | DATA, RM, EXC | FIX, V, ACTION, 17, false},
    {SRAR | DATA, EM, EXC, V, ACTION, 17, false},
    {SRAR | INSTR, EM, EXC, V, ACTION, 18, false},
    {SRAR | INSTR, REM, EXC, V, ACTION, 18, false},
    {SRAR | INSTR, REM, EXC | FIX, V, ACTION, 18, false},
    {SRAR | DATA, REM, EXC, C, FATAL, 19, true},
    {SRAR | INSTR, REM, EXC, C, FATAL, 20, true},
    {SRAR | INSTR, REM, EXC | FIX, C, FATAL, 20, true},
    {SRAR | 0x135, REM, EXC, G, FATAL, 21, true},
    {SRAR | 0xC0, REM, EXC, G, FATAL, 21, true},
    {SRAR | 0x135, REM, EXC | FIX, C, FATAL, 21, true},
    {VAL | EN | UC | S | 0x135, REM, EXC, G, CORRECTED, 22, true},
    {VAL | EN | UC | S, EM, EXC, V, CORRECTED, 22, false},
    {VAL | EN | UC | S | OVER | 0x135, REM, EXC, G, FATAL, 23, true},
    {VAL | EN | UC | OVER, REM, EXC | NOSER, G, FATAL, 23, true},
    {SRAR | DATA, REM, EXC | NOSER, G, FATAL, 24, true},
    {SRAR | DATA, REM, EXC | NOSER | FIX, V, FATAL, 24, true},
    {0xBD2000008000017A, 5, EXC | NOSER, G, FATAL, 24, true},
    {0xBC20000080000136, 0, NOSER, C, FATAL, 24, true},
};

#define EXAMPLES (sizeof(examples) / sizeof(examples[0]))

static struct mca_record record_of(const struct example *example)
{
    return (struct mca_record){
        .status = example->status,
        .mcg_status = example->mcg,
        .mcg_cap = 10 | (example->flags & NOSER ? 0 : SER),
        .in_exception = example->flags & EXC,
        .fixup = example->flags & FIX,
        .context = example->context,
    };
}

static void test_examples(void **state)
{
    unsigned hits[64] = {0};

    (void)state;
    assert_true(mca_severity_rows() < 64);
    for (unsigned i = 0; i < EXAMPLES; i++) {
        struct mca_record record = record_of(&examples[i]);
        unsigned row = 99;
        enum fault_severity severity = mca_severity(&record, &row);
        struct fault fault = {.vm = 7};

        if (row != examples[i].row || severity != examples[i].severity)
            fail_msg("example %u: severity %d by row %u (%s), not %d by %u", i,
                     severity, row, mca_severity_row_name(row),
                     examples[i].severity, examples[i].row);
        assert_int_equal(mca_severity(&record, NULL), severity);
        mca_to_fault(&record, &fault);
        assert_int_equal(fault.severity, severity);
        if (fault.restartable != examples[i].restartable)
            fail_msg("example %u: restartable %d", i, fault.restartable);
        hits[row]++;
    }
    for (unsigned i = 0; i < mca_severity_rows(); i++)
        if (!hits[i])
            fail_msg("row %u (%s) was never hit", i, mca_severity_row_name(i));
    assert_int_equal(mca_severity_rows(), 25);
}

static const uint64_t codes[] = {
    0, DATA, INSTR, 0xC0, 0xCF, 0x17A, DATA | 1u << 12, 0x136, 0xFFFF};

/* One combination of all inputs; n counts through them. */
static struct mca_record combination(unsigned n)
{
    struct mca_record record = {0};

    record.status = (uint64_t)(n & 0x1ff) << 55;
    record.mcg_status = n >> 9 & 7;
    record.in_exception = n >> 12 & 1;
    record.fixup = n >> 13 & 1;
    record.mcg_cap = n >> 14 & 1 ? SER : 0;
    record.context = (n >> 15) % 3;
    record.status |= codes[(n >> 15) / 3];
    return record;
}

#define COMBINATIONS ((3u * sizeof(codes) / sizeof(codes[0])) << 15)

/* What must hold whatever the order of the rows. */
static void check_invariants(const struct mca_record *record)
{
    enum fault_severity severity = mca_severity(record, NULL);
    bool uc = record->status & UC;
    bool seen = !record->in_exception || (record->status & EN);

    if (!(record->status & VAL)) {
        assert_int_equal(severity, SEVERITY_NONE);
        return;
    }
    if (!seen)
        assert_int_equal(severity, SEVERITY_NONE);
    else
        assert_int_not_equal(severity, SEVERITY_NONE);
    if (seen && uc && !(record->mcg_cap & SER))
        assert_int_equal(severity, SEVERITY_FATAL);
    if (seen && (record->status & PCC))
        assert_int_equal(severity, SEVERITY_FATAL);
    if (!uc)
        assert_true(severity <= CORRECTED || severity == FATAL);
    if (severity == ACTION)
        assert_true((record->status & (S | AR)) == (S | AR));
    if (severity == ACTION && record->context == C)
        assert_true(record->fixup);
    if (severity != FATAL && severity != NONE && record->context == C &&
        record->in_exception)
        assert_true(record->mcg_status & RIPV);
}

static void test_invariants(void **state)
{
    (void)state;
    for (unsigned n = 0; n < COMBINATIONS; n++) {
        struct mca_record record = combination(n);

        check_invariants(&record);
    }
}

static void test_names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < mca_severity_rows(); i++)
        assert_true(mca_severity_row_name(i)[0] > ' ');
    assert_string_equal(mca_severity_row_name(mca_severity_rows()), "?");
    assert_string_equal(mca_severity_row_name(UINT32_MAX), "?");
}

static const struct mca_record good = {
    .mcg_cap = SER | 10,
    .status = SRAR | DATA,
    .address = 0x123456789abcull,
    .misc = 2u << 6 | 0xC,
};

static void test_address(void **state)
{
    struct mca_record record = good;
    uint64_t address = 0;
    uint8_t lsb = 0;

    (void)state;
    assert_true(mca_address(&record, &address, &lsb));
    assert_true(address == 0x123456789000ull && lsb == 12);
    record.misc = 0x86; /* the write-back vector */
    assert_true(mca_address(&record, &address, &lsb));
    assert_true(address == 0x123456789a80ull && lsb == 6);
    record.misc = 0x80;
    assert_true(mca_address(&record, &address, &lsb));
    assert_true(address == 0x123456789abcull && lsb == 0);
    record.misc = ~0x1ffull | 2u << 6 | 51;
    record.address = UINT64_MAX;
    assert_true(mca_address(&record, &address, &lsb));
    assert_true(address == 1ull << 51 && lsb == 51);
}

static void check_no_address(const struct mca_record *record)
{
    struct fault fault = {.has_address = true, .address = 1, .lsb = 1};
    uint64_t address = 77;
    uint8_t lsb = 77;

    assert_false(mca_address(record, &address, &lsb));
    assert_true(address == 77 && lsb == 77);
    mca_to_fault(record, &fault);
    assert_false(fault.has_address);
    assert_true(fault.address == 0 && fault.lsb == FAULT_NO_LSB);
}

static void test_no_address(void **state)
{
    static const uint64_t needed[] = {VAL, ADDRV, MISCV};
    struct mca_record record;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        record = good;
        record.status &= ~needed[i];
        check_no_address(&record);
    }
    for (unsigned mode = 0; mode < 8; mode++) {
        record = good;
        record.misc = mode << 6 | 12;
        if (mode != 2)
            check_no_address(&record);
    }
    for (unsigned lsb = 52; lsb < 64; lsb++) {
        record = good;
        record.misc = 2u << 6 | lsb;
        check_no_address(&record);
    }
    record = good;
    record.mcg_cap = 10;
    check_no_address(&record);
}

static void test_to_fault(void **state)
{
    struct mca_record record = good;
    struct fault fault = {
        .vm = 3, .vcpu = 1, .cpu = 2, .injected = true, .rip = 9, .tsc = 8};

    (void)state;
    record.in_exception = true;
    record.mcg_status = REM;
    mca_to_fault(&record, &fault);
    assert_int_equal(fault.kind, FAULT_MCE);
    assert_int_equal(fault.severity, ACTION);
    assert_int_equal(fault.context, G);
    assert_true(fault.has_address && fault.restartable);
    assert_true(fault.address == 0x123456789000ull && fault.lsb == 12);
    assert_true(fault.detail == good.status && fault.info == REM);
    assert_true(fault.vm == 3 && fault.vcpu == 1 && fault.cpu == 2 &&
                fault.injected && fault.rip == 9 && fault.tsc == 8);
}

/* The header's constants against the figures of the manual. */
static void test_bits(void **state)
{
    (void)state;
    assert_true(MCI_STATUS_VAL == VAL && MCI_STATUS_OVER == OVER &&
                MCI_STATUS_UC == UC && MCI_STATUS_EN == EN &&
                MCI_STATUS_MISCV == MISCV && MCI_STATUS_ADDRV == ADDRV &&
                MCI_STATUS_PCC == PCC && MCI_STATUS_S == S &&
                MCI_STATUS_AR == AR);
    assert_true(MCI_STATUS_MSCOD == 0xffff0000 && MCI_STATUS_MCACOD == 0xffff);
    assert_true(MCG_STATUS_RIPV == 1 && MCG_STATUS_EIPV == 2 &&
                MCG_STATUS_MCIP == 4 && MCG_STATUS_LMCE_S == 8);
    assert_true(MCG_CAP_COUNT == 0xff && MCG_CAP_CTL_P == 0x100 &&
                MCG_CAP_CMCI_P == 0x400 && MCG_CAP_SER_P == 0x1000000 &&
                MCG_CAP_LMCE_P == 0x8000000);
    assert_true(MCI_MISC_LSB == 0x3f && MCI_MISC_MODE == 0x1c0 &&
                MCI_MISC_MODE_PHYS == 0x80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),   cmocka_unit_test(test_invariants),
        cmocka_unit_test(test_names),      cmocka_unit_test(test_address),
        cmocka_unit_test(test_no_address), cmocka_unit_test(test_to_fault),
        cmocka_unit_test(test_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
