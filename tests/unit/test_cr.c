/* sources: vmm/exits.c vmm/raise.c vmm/msr*.c vmm/pv_eoi.c vmm/cr.c vmm/linear.c vmm/walk.c vmm/mmio.c vmm/operand.c vmm/decode.c vmm/insn.c vmm/io*.c vmm/call.c vmm/apic_exit.c vmm/platform*.c vmm/cpuid*.c vmm/devices/lapic*.c vmm/devices/ioapic.c vmm/devices/uart16550.c vmm/devices/cmos.c vmm/devices/power.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/exit_rig.h"

static enum exit_result access_cr(unsigned cr, int access, unsigned reg)
{
    rig.access = (struct exit_cr){
        .cr = (uint8_t)cr, .access = access, .gpr = (uint8_t)reg};
    return exit_handle(&rig.guest, vcpu, EXIT_CR);
}

static enum exit_result write_cr(unsigned cr, uint64_t value)
{
    gpr[GPR_RBX] = value;
    return access_cr(cr, CR_WRITE, GPR_RBX);
}

/* Refused, and nothing has changed. */
static void refuse_cr(unsigned cr, uint64_t value)
{
    uint64_t before[5], efer = rig.efer;

    memcpy(before, rig.cr, sizeof(before));
    expect_gp(write_cr(cr, value));
    assert_memory_equal(before, rig.cr, sizeof(before));
    assert_int_equal(rig.efer, efer);
    assert_int_equal(rig.pdpte[0], 0);
}

static void test_cr0(void **state)
{
    uint64_t cr0 = rig.cr[0];

    (void)state;
    assert_int_equal(write_cr(0, cr0 | CR0_WP | CR0_AM | CR0_CD), EXIT_ADVANCE);
    assert_int_equal(rig.cr[0], cr0 | CR0_WP | CR0_AM | CR0_CD);
    assert_int_equal(write_cr(0, CR0_PE), EXIT_ADVANCE);
    assert_int_equal(rig.cr[0], CR0_PE | CR0_ET);
    assert_int_equal(write_cr(0, cr0 | 0x1ffaffc0), EXIT_ADVANCE);
    assert_int_equal(rig.cr[0], cr0); /* reserved bits stay 0 */
    refuse_cr(0, cr0 | CR0_NW);
    refuse_cr(0, (cr0 & ~CR0_PE) | CR0_PG);
}

/* Outside of 64-bit mode the upper half of the register does not count. */
static void test_width(void **state)
{
    (void)state;
    assert_int_equal(write_cr(0, 0x12345678ull << 32 | CR0_PE), EXIT_ADVANCE);
    assert_int_equal(write_cr(4, UINT64_MAX << 32 | CR4_PSE), EXIT_ADVANCE);
    assert_int_equal(rig.cr[4], CR4_PSE);
    rig_long_mode();
    refuse_cr(0, rig.cr[0] | 1ull << 32);
    refuse_cr(4, rig.cr[4] | 1ull << 32);
    rig.segment[SEG_CS].access = CODE_32; /* compatibility mode */
    assert_int_equal(write_cr(0, 1ull << 32 | rig.cr[0]), EXIT_ADVANCE);
}

static void test_clts_lmsw(void **state)
{
    (void)state;
    rig.cr[0] |= CR0_TS;
    assert_int_equal(access_cr(0, CR_CLTS, 0), EXIT_ADVANCE);
    assert_int_equal(rig.cr[0] & CR0_TS, 0);
    rig.access = (struct exit_cr){.access = CR_LMSW, .lmsw = 0xfffe};
    assert_int_equal(exit_handle(&rig.guest, vcpu, EXIT_CR), EXIT_ADVANCE);
    assert_int_equal(rig.cr[0],
                     CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE);
    rig.access.lmsw = 0;
    assert_int_equal(exit_handle(&rig.guest, vcpu, EXIT_CR), EXIT_ADVANCE);
    assert_int_equal(rig.cr[0], CR0_PE | CR0_ET | CR0_NE);
    rig.cr[0] &= ~CR0_PE;
    rig.access.lmsw = 1;
    assert_int_equal(exit_handle(&rig.guest, vcpu, EXIT_CR), EXIT_ADVANCE);
    assert_true(rig.cr[0] & CR0_PE);
}

static void test_reads(void **state)
{
    (void)state;
    rig.cr[3] = 0x5000;
    assert_int_equal(access_cr(3, CR_READ, GPR_R9), EXIT_ADVANCE);
    assert_int_equal(gpr[GPR_R9], 0x5000);
    assert_int_equal(access_cr(0, CR_READ, GPR_RSP), EXIT_ADVANCE);
    assert_int_equal(rig.rsp, rig.cr[0]);
    rig.rsp = 0x6000;
    assert_int_equal(access_cr(3, CR_WRITE, GPR_RSP), EXIT_ADVANCE);
    assert_int_equal(rig.cr[3], 0x6000);
}

static void test_cr8(void **state)
{
    (void)state;
    assert_int_equal(write_cr(8, 9), EXIT_ADVANCE);
    assert_int_equal(lapic_reg(&vcpu->lapic, LAPIC_TPR), 0x90);
    assert_true(vcpu->look & LOOK_EVENTS);
    assert_int_equal(access_cr(8, CR_READ, GPR_RDX), EXIT_ADVANCE);
    assert_int_equal(gpr[GPR_RDX], 9);
    refuse_cr(8, 16);
}

static void test_other_numbers(void **state)
{
    (void)state;
    for (unsigned cr = 0; cr < 16; cr++) {
        if (cr == 0 || cr == 3 || cr == 4 || cr == 8)
            continue;
        assert_int_equal(write_cr(cr, 0), EXIT_RESUME);
        expect_event(VECTOR_UD, false, 0);
        vcpu->arch.event.valid = false;
    }
}

static void test_cr4(void **state)
{
    (void)state;
    assert_int_equal(write_cr(4, CR4_PSE | CR4_MCE), EXIT_ADVANCE);
    assert_int_equal(rig.cr[4], CR4_PSE | CR4_MCE);
    for (unsigned i = 0; i < 32; i++) {
        if (!(rig.guest.cpuid.cr4 >> i & 1))
            refuse_cr(4, 1ull << i);
    }
    rig.guest.cpuid.cr4 |= CR4_PCIDE;
    refuse_cr(4, CR4_PCIDE); /* not in long mode */
    rig_long_mode();
    refuse_cr(4, 0);
    rig.cr[3] = 0x8001;
    refuse_cr(4, CR4_PAE | CR4_PCIDE);
    rig.cr[3] = 0x8000;
    assert_int_equal(write_cr(4, CR4_PAE | CR4_PCIDE), EXIT_ADVANCE);
    refuse_cr(0, rig.cr[0] & ~CR0_PG);
}

static void test_cr3(void **state)
{
    (void)state;
    assert_int_equal(write_cr(3, 0xffffffff), EXIT_ADVANCE);
    assert_int_equal(rig.cr[3], 0xffffffff);
    rig_long_mode();
    refuse_cr(3, 1ull << 39);
    refuse_cr(3, 1ull << 63);
    rig.cr[4] |= CR4_PCIDE;
    assert_int_equal(write_cr(3, 1ull << 63 | 0x8123), EXIT_ADVANCE);
    assert_int_equal(rig.cr[3], 0x8123);
    refuse_cr(3, 3ull << 62);
}

static void test_into_long_mode(void **state)
{
    (void)state;
    rig.efer = EFER_LME;
    refuse_cr(0, rig.cr[0] | CR0_PG); /* without PAE */
    rig.cr[4] = CR4_PAE;
    rig.segment[SEG_TR].access = 0x83;
    refuse_cr(0, rig.cr[0] | CR0_PG); /* a 16-bit TSS */
    rig.segment[SEG_TR].access = 0x8b;
    rig.segment[SEG_CS].access = CODE_64;
    refuse_cr(0, rig.cr[0] | CR0_PG); /* CS.L */
    rig.segment[SEG_CS].access = CODE_32;
    assert_int_equal(write_cr(0, rig.cr[0] | CR0_PG), EXIT_ADVANCE);
    assert_int_equal(rig.efer, EFER_LME | EFER_LMA);
    assert_int_equal(write_cr(0, rig.cr[0] & ~CR0_PG), EXIT_ADVANCE);
    assert_int_equal(rig.efer, EFER_LME);
    rig_long_mode();
    refuse_cr(0, rig.cr[0] & ~CR0_PG); /* from 64-bit mode */
}

static void put_pdptes(uint64_t first, uint64_t last)
{
    uint64_t entries[4] = {first, 0, 0x2, last};

    memcpy(rig.ram + 0x3020, entries, sizeof(entries));
}

static void test_pdptes(void **state)
{
    (void)state;
    rig.cr[3] = 0x303f;
    rig.cr[4] = CR4_PAE;
    put_pdptes(0x4001, 0x7000005001);
    assert_int_equal(write_cr(0, rig.cr[0] | CR0_PG), EXIT_ADVANCE);
    assert_int_equal(rig.pdpte[0], 0x4001);
    assert_int_equal(rig.pdpte[3], 0x7000005001);
    rig.pdpte[0] = 0;
    assert_int_equal(write_cr(0, rig.cr[0] | CR0_WP), EXIT_ADVANCE);
    assert_int_equal(rig.pdpte[0], 0); /* WP reloads nothing */
    assert_int_equal(write_cr(4, CR4_PAE | CR4_PGE), EXIT_ADVANCE);
    assert_int_equal(rig.pdpte[0], 0x4001);
    put_pdptes(0x6001, 0);
    assert_int_equal(write_cr(3, rig.cr[3]), EXIT_ADVANCE);
    assert_int_equal(rig.pdpte[0], 0x6001);
    put_pdptes(0x9001, 0);
    assert_int_equal(write_cr(0, rig.cr[0] | CR0_CD), EXIT_ADVANCE);
    assert_int_equal(rig.pdpte[0], 0x9001);
}

static void test_bad_pdptes(void **state)
{
    static const uint64_t bad[] = {0x4003, 0x4005,         0x4021,
                                   0x4101, 1ull << 39 | 1, 1ull << 63 | 1};

    (void)state;
    rig.cr[3] = 0x3020;
    rig.cr[4] = CR4_PAE;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        put_pdptes(0x4001, bad[i]);
        refuse_cr(0, rig.cr[0] | CR0_PG);
    }
    rig.cr[3] = 0xfffff000; /* no memory there: ones */
    refuse_cr(0, rig.cr[0] | CR0_PG);
    rig.cr[0] |= CR0_PG;
    refuse_cr(3, RAM_SIZE);
    refuse_cr(4, CR4_PAE | CR4_PSE);
}

/* Any bits in any order: done, or #GP; and the state stays one that a
 * processor could have. */
static void test_hostile(void **state)
{
    static const unsigned numbers[] = {0, 3, 4, 8};
    uint64_t seed = 777;

    (void)state;
    rig.guest.cpuid.cr4 |= CR4_PCIDE;
    for (unsigned i = 0; i < 400000; i++) {
        uint64_t r = next_random(&seed), value = next_random(&seed);
        unsigned cr = numbers[r % 4];
        enum exit_result result;

        if (r >> 8 & 1)
            value = cr == 0 ? rig.cr[0] ^ 1ull << value % 33
                            : rig.cr[cr % 5] ^ 1ull << value % 24;
        if (r >> 9 & 1)
            rig.segment[SEG_CS].access = r >> 10 & 1 ? CODE_64 : CODE_32;
        result = write_cr(cr, value);
        if (result != EXIT_ADVANCE)
            expect_gp(result);
        if (!(rig.cr[0] & CR0_PG) && r % 31 == 0)
            rig.efer ^= EFER_LME;
        assert_true(!(rig.cr[0] & CR0_PG) || (rig.cr[0] & CR0_PE));
        assert_true(!(rig.cr[0] & CR0_NW) || (rig.cr[0] & CR0_CD));
        assert_int_equal(!!(rig.efer & EFER_LMA),
                         (rig.cr[0] & CR0_PG) && (rig.efer & EFER_LME));
        assert_true(!(rig.efer & EFER_LMA) || (rig.cr[4] & CR4_PAE));
        assert_int_equal(rig.cr[4] & ~rig.guest.cpuid.cr4, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_cr0, rig_setup),
        cmocka_unit_test_setup(test_width, rig_setup),
        cmocka_unit_test_setup(test_clts_lmsw, rig_setup),
        cmocka_unit_test_setup(test_reads, rig_setup),
        cmocka_unit_test_setup(test_cr8, rig_setup),
        cmocka_unit_test_setup(test_other_numbers, rig_setup),
        cmocka_unit_test_setup(test_cr4, rig_setup),
        cmocka_unit_test_setup(test_cr3, rig_setup),
        cmocka_unit_test_setup(test_into_long_mode, rig_setup),
        cmocka_unit_test_setup(test_pdptes, rig_setup),
        cmocka_unit_test_setup(test_bad_pdptes, rig_setup),
        cmocka_unit_test_setup(test_hostile, rig_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
