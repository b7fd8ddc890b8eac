/* sources: vmm/exits.c vmm/raise.c vmm/msr*.c vmm/pv_eoi.c vmm/cr.c vmm/linear.c vmm/walk.c vmm/mmio.c vmm/operand.c vmm/decode.c vmm/insn.c vmm/io*.c vmm/call.c vmm/apic_exit.c vmm/platform*.c vmm/cpuid*.c vmm/devices/lapic*.c vmm/devices/ioapic.c vmm/devices/uart16550.c vmm/devices/cmos.c vmm/devices/power.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/exit_rig.h"

#define NON_CANONICAL 0x0000800000000000ull
#define KERNEL        0xffff800000001000ull

static enum exit_result read_msr(uint32_t msr)
{
    gpr[GPR_RCX] = 0xdead00000000ull << 16 | msr;
    gpr[GPR_RAX] = gpr[GPR_RDX] = UINT64_MAX;
    return exit_handle(&rig.guest, vcpu, EXIT_RDMSR);
}

static enum exit_result write_msr(uint32_t msr, uint64_t value)
{
    gpr[GPR_RCX] = msr;
    gpr[GPR_RAX] = 0xabcdull << 48 | (uint32_t)value;
    gpr[GPR_RDX] = 0xabcdull << 48 | value >> 32;
    return exit_handle(&rig.guest, vcpu, EXIT_WRMSR);
}

static void expect_msr(uint32_t msr, uint64_t value)
{
    assert_int_equal(read_msr(msr), EXIT_ADVANCE);
    assert_int_equal(gpr[GPR_RDX] >> 32 | gpr[GPR_RAX] >> 32, 0);
    assert_int_equal(gpr[GPR_RDX] << 32 | gpr[GPR_RAX], value);
}

static void expect_kept(uint32_t msr, uint64_t value)
{
    assert_int_equal(write_msr(msr, value), EXIT_ADVANCE);
    expect_msr(msr, value);
}

static void test_constants(void **state)
{
    (void)state;
    expect_msr(MSR_APIC_BASE, 0xfee00900);
    expect_msr(MSR_FEATURE_CONTROL, 1);
    expect_msr(MSR_MISC_ENABLE, 0x1801);
    expect_msr(MSR_UCODE_REV, 1ull << 32);
    expect_msr(MSR_MTRRCAP, 0x400);
    expect_msr(MSR_MTRR_DEF_TYPE, 0x806);
    expect_msr(MSR_TSC_ADJUST, 0);
    expect_msr(MSR_TSC_DEADLINE, 0);
    assert_int_equal(write_msr(MSR_UCODE_REV, 0), EXIT_ADVANCE);
    expect_msr(MSR_UCODE_REV, 1ull << 32);
    assert_int_equal(write_msr(MSR_MISC_ENABLE, 0x1800), EXIT_ADVANCE);
    expect_msr(MSR_MISC_ENABLE, 0x1801);
}

static void test_kept(void **state)
{
    (void)state;
    expect_kept(MSR_STAR, UINT64_MAX);
    expect_kept(MSR_LSTAR, KERNEL);
    expect_kept(MSR_CSTAR, KERNEL);
    expect_kept(MSR_FMASK, 0x47700);
    expect_kept(MSR_FS_BASE, 0x00007fffffffffffull);
    expect_kept(MSR_GS_BASE, 0xffff800000000000ull);
    expect_kept(MSR_KERNEL_GS_BASE, KERNEL);
    expect_kept(MSR_SYSENTER_CS, 0x10);
    expect_kept(MSR_SYSENTER_ESP, KERNEL);
    expect_kept(MSR_SYSENTER_EIP, KERNEL);
    expect_kept(MSR_PAT, 0x0007010600070106ull);
    expect_kept(MSR_TSC_AUX, 0xffffffff);
    expect_kept(MSR_DEBUGCTL, 2);
    expect_kept(MSR_MTRR_DEF_TYPE, 0xc00);
    expect_kept(MSR_EFER, EFER_SCE | EFER_NXE);
}

static void test_bad_values(void **state)
{
    static const struct {
        uint32_t msr;
        uint64_t value;
    } rows[] = {
        {MSR_LSTAR, NON_CANONICAL},
        {MSR_CSTAR, NON_CANONICAL},
        {MSR_FS_BASE, NON_CANONICAL},
        {MSR_GS_BASE, 0xffff7fffffffffffull},
        {MSR_KERNEL_GS_BASE, 1ull << 63},
        {MSR_SYSENTER_ESP, NON_CANONICAL},
        {MSR_SYSENTER_EIP, NON_CANONICAL},
        {MSR_FMASK, 1ull << 32},
        {MSR_TSC_AUX, 1ull << 32},
        {MSR_PAT, 2},
        {MSR_PAT, 3ull << 56},
        {MSR_PAT, 8ull << 8},
        {MSR_DEBUGCTL, 1},
        {MSR_DEBUGCTL, 1ull << 6},
        {MSR_DEBUGCTL, 1ull << 63},
        {MSR_EFER, 1ull << 9},
        {MSR_EFER, 1ull << 63},
        {MSR_APIC_BASE, 0xfee00901},
        {MSR_APIC_BASE, 0xfee00500},
        {MSR_APIC_BASE, 0xfec00900},
        {MSR_FEATURE_CONTROL, 1},
        {MSR_FEATURE_CONTROL, 5},
        {MSR_MTRRCAP, 0x400},
        {MSR_MTRR_DEF_TYPE, 0x807},
        {MSR_MTRR_DEF_TYPE, 0x1806},
        {MSR_MTRR_DEF_TYPE, 0x802},
        {MSR_MISC_ENABLE, 0},
        {MSR_MISC_ENABLE, 0x401801},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_gp(write_msr(rows[i].msr, rows[i].value));
    assert_int_equal(rig.kept_count, 0);
}

static void test_efer(void **state)
{
    (void)state;
    rig_long_mode();
    expect_gp(write_msr(MSR_EFER, EFER_NXE));
    assert_int_equal(write_msr(MSR_EFER, EFER_LME | EFER_SCE), EXIT_ADVANCE);
    assert_int_equal(rig.efer, EFER_LME | EFER_LMA | EFER_SCE);
    rig.cr[0] &= ~CR0_PG;
    rig.efer = EFER_LME;
    assert_int_equal(write_msr(MSR_EFER, EFER_LMA), EXIT_ADVANCE);
    assert_int_equal(rig.efer, 0);
    rig.guest.cpuid.long_mode = rig.guest.cpuid.nx = false;
    expect_gp(write_msr(MSR_EFER, EFER_LME));
    expect_gp(write_msr(MSR_EFER, EFER_NXE));
    assert_int_equal(write_msr(MSR_EFER, 0), EXIT_ADVANCE);
}

static void test_tsc(void **state)
{
    uint64_t before = rdtsc();

    (void)state;
    rig.guest.tsc_offset = -before;
    assert_int_equal(read_msr(MSR_TSC), EXIT_ADVANCE);
    assert_in_range(gpr[GPR_RDX] << 32 | gpr[GPR_RAX], 0, rdtsc() - before);
    assert_int_equal(write_msr(MSR_TSC, 1ull << 40), EXIT_ADVANCE);
    assert_in_range(guest_now(&rig.guest, rdtsc()), 1ull << 40,
                    (1ull << 40) + rdtsc() - before);
    assert_int_equal(rig.tsc_offset, rig.guest.tsc_offset);
    assert_int_equal(rig.guest.tsc_offset + before, vcpu->msrs.tsc_adjust);
    expect_msr(MSR_TSC_ADJUST, vcpu->msrs.tsc_adjust);
    assert_int_equal(write_msr(MSR_TSC_ADJUST, 0), EXIT_ADVANCE);
    assert_int_equal(rig.guest.tsc_offset, -before);
    expect_msr(MSR_TSC_ADJUST, 0);
}

/* A count goes on when the TSC is set; a deadline stays where it is. */
static void test_tsc_and_timer(void **state)
{
    struct lapic *l = &vcpu->lapic;

    (void)state;
    lapic_set_reg(l, LAPIC_LVT_TIMER, 0x40);
    l->timer_at = 1000;
    write_msr(MSR_TSC_ADJUST, 500);
    assert_int_equal(l->timer_at, 1500);
    l->timer_at = LAPIC_NEVER;
    write_msr(MSR_TSC_ADJUST, 600);
    assert_int_equal(l->timer_at, LAPIC_NEVER);
    lapic_set_reg(l, LAPIC_LVT_TIMER, LAPIC_TIMER_DEADLINE | 0x40);
    l->timer_at = 1000;
    write_msr(MSR_TSC_ADJUST, 700);
    assert_int_equal(l->timer_at, 1000);
}

static void test_deadline(void **state)
{
    struct lapic *l = &vcpu->lapic;

    (void)state;
    lapic_set_reg(l, LAPIC_SVR, 0x1ff);
    lapic_set_reg(l, LAPIC_LVT_TIMER, LAPIC_TIMER_DEADLINE | 0x40);
    expect_kept(MSR_TSC_DEADLINE, UINT64_MAX / 2);
    vcpu->look = 0;
    assert_int_equal(write_msr(MSR_TSC_DEADLINE, 1), EXIT_ADVANCE);
    assert_int_equal(lapic_pending(l), 0x40);
    assert_true(vcpu->look & LOOK_EVENTS);
}

static void test_x2apic(void **state)
{
    (void)state;
    expect_gp(read_msr(0x802));
    expect_gp(write_msr(0x80b, 0));
    assert_int_equal(write_msr(MSR_APIC_BASE, 0xfee00d00), EXIT_ADVANCE);
    assert_true(rig.x2apic);
    expect_msr(0x802, 0);
    expect_gp(write_msr(MSR_APIC_BASE, 0xfee00900));
    expect_gp(write_msr(0x80b, 1));
    expect_gp(read_msr(0x80b));
    expect_gp(read_msr(0x8ff));
    assert_int_equal(write_msr(0x80f, 0x1ff), EXIT_ADVANCE);
    vcpu->look = 0;
    assert_int_equal(write_msr(0x83f, 0x51), EXIT_ADVANCE);
    assert_true(vcpu->look & LOOK_EVENTS);
    assert_int_equal(lapic_pending(&vcpu->lapic), 0x51);
    assert_int_equal(write_msr(MSR_APIC_BASE, 0xfee00100), EXIT_ADVANCE);
    assert_false(rig.x2apic);
}

/* An NMI to itself by the ICR. */
static void test_icr_nmi(void **state)
{
    (void)state;
    write_msr(MSR_APIC_BASE, 0xfee00d00);
    write_msr(0x80f, 0x1ff);
    assert_int_equal(write_msr(0x830, 4 << 8), EXIT_ADVANCE);
    assert_true(vcpu->arch.nmi_pending);
}

static bool is_listed(uint32_t msr)
{
    return is_kept(msr) || msr == MSR_TSC || msr == MSR_APIC_BASE ||
           msr == MSR_FEATURE_CONTROL || msr == MSR_TSC_ADJUST ||
           msr == MSR_UCODE_REV || msr == MSR_MTRRCAP ||
           msr == MSR_MISC_ENABLE || msr == MSR_MTRR_DEF_TYPE ||
           msr == MSR_TSC_DEADLINE || msr == MSR_EFER;
}

/* Every MSR that is not on the list raises #GP, whatever is written. */
static void test_all_others(void **state)
{
    static const uint64_t values[] = {0, 1, UINT64_MAX, NON_CANONICAL,
                                      1ull << 63};
    static const uint32_t starts[] = {0,          0x4b564d00, 0x40000000,
                                      0xc0000000, 0xc0010000, 0xfffff000};

    (void)state;
    for (unsigned s = 0; s < sizeof(starts) / sizeof(starts[0]); s++) {
        for (uint32_t i = 0; i < 0x2000 && starts[s] + i >= starts[s]; i++) {
            uint32_t msr = starts[s] + i;

            for (unsigned v = 0; v < 5 && !is_listed(msr); v++) {
                expect_gp(read_msr(msr));
                expect_gp(write_msr(msr, values[v]));
            }
        }
    }
    assert_int_equal(rig.faults, 0);
}

/* Hostile values in any order: the answer is done or #GP, and what reaches
 * the backend is something that a processor would take. */
static void test_hostile(void **state)
{
    static const uint32_t msrs[] = {
        MSR_TSC,
        MSR_APIC_BASE,
        MSR_TSC_ADJUST,
        MSR_TSC_DEADLINE,
        MSR_EFER,
        MSR_STAR,
        MSR_LSTAR,
        MSR_FMASK,
        MSR_FS_BASE,
        MSR_TSC_AUX,
        MSR_PAT,
        MSR_DEBUGCTL,
        MSR_MTRR_DEF_TYPE,
        MSR_SYSENTER_EIP,
        0x808,
        0x80b,
        0x80f,
        0x830,
        0x832,
        0x838,
        0x839,
        0x83e,
        0x83f,
        0x828,
    };
    uint64_t seed = 12345;

    (void)state;
    for (unsigned i = 0; i < 400000; i++) {
        uint64_t r = next_random(&seed);
        uint32_t msr = msrs[r % (sizeof(msrs) / sizeof(msrs[0]))];
        uint64_t value = next_random(&seed) >> (r >> 32) % 64;
        enum exit_result result =
            r >> 60 & 1 ? read_msr(msr) : write_msr(msr, value);

        assert_true(result == EXIT_ADVANCE || result == EXIT_RESUME);
        if (result == EXIT_RESUME)
            expect_gp(result);
        if (r % 97 == 0)
            rig_reset();
    }
    assert_int_equal(rig.efer & ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE),
                     0);
}

/* What is open must be something that the exit would allow as well. */
static void test_open(void **state)
{
    (void)state;
    assert_int_equal(msr_open_count, 9);
    for (unsigned i = 0; i < msr_open_count; i++) {
        assert_true(is_kept(msr_open[i]));
        assert_true(msr_open[i] != MSR_PAT && msr_open[i] != MSR_DEBUGCTL);
        expect_kept(msr_open[i], 0x10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_constants, rig_setup),
        cmocka_unit_test_setup(test_kept, rig_setup),
        cmocka_unit_test_setup(test_bad_values, rig_setup),
        cmocka_unit_test_setup(test_efer, rig_setup),
        cmocka_unit_test_setup(test_tsc, rig_setup),
        cmocka_unit_test_setup(test_tsc_and_timer, rig_setup),
        cmocka_unit_test_setup(test_deadline, rig_setup),
        cmocka_unit_test_setup(test_x2apic, rig_setup),
        cmocka_unit_test_setup(test_icr_nmi, rig_setup),
        cmocka_unit_test_setup(test_all_others, rig_setup),
        cmocka_unit_test_setup(test_hostile, rig_setup),
        cmocka_unit_test_setup(test_open, rig_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
