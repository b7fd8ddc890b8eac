/* sources: vmm/exits.c vmm/raise.c vmm/msr*.c vmm/pv_eoi.c vmm/cr.c vmm/linear.c vmm/walk.c vmm/mmio.c vmm/operand.c vmm/decode.c vmm/insn.c vmm/io*.c vmm/call.c vmm/apic_exit.c vmm/platform*.c vmm/cpuid*.c vmm/devices/lapic*.c vmm/devices/ioapic.c vmm/devices/uart16550.c vmm/devices/cmos.c vmm/devices/power.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/pv_eoi.h"

#include "tests/unit/exit_rig.h"

#define WORD   0x1230u
#define VECTOR 0xec

static uint32_t word(void)
{
    uint32_t value;

    memcpy(&value, rig.ram + WORD, sizeof(value));
    return value;
}

static void set_word(uint32_t value)
{
    memcpy(rig.ram + WORD, &value, sizeof(value));
}

static int put(uint64_t value)
{
    return msr_put(&rig.guest, vcpu, MSR_KVM_PV_EOI, value);
}

static int set_up(void **unused)
{
    (void)unused;
    rig_reset();
    rig.guest.cpuid.hypervisor[1].eax = CPUID_PV_EOI;
    lapic_set_reg(&vcpu->lapic, LAPIC_SVR, 0x1ff);
    vcpu->look = 0;
    assert_int_equal(put(WORD | 1), 0);
    return 0;
}

/* As vcpu.c puts it into an entry. */
static void inject(uint8_t vector, bool level)
{
    assert_true(lapic_deliver(&vcpu->lapic, vector, level));
    lapic_accept(&vcpu->lapic, vector);
    pv_eoi_arm(&rig.guest, vcpu, vector);
}

static void test_guest_ends_it(void **unused)
{
    (void)unused;
    set_word(0xfff0);
    inject(VECTOR, false);
    assert_int_equal(word(), 0xfff1);
    assert_int_equal(vcpu->look, LOOK_EOI);
    set_word(0xfff0);
    pv_eoi_settle(&rig.guest, vcpu);
    assert_int_equal(lapic_highest_isr(&vcpu->lapic), -1);
    assert_int_equal(vcpu->look, 0);
    assert_int_equal(word(), 0xfff0);
}

static void test_bit_is_taken_back(void **unused)
{
    (void)unused;
    inject(VECTOR, false);
    pv_eoi_settle(&rig.guest, vcpu);
    assert_int_equal(word(), 0);
    assert_int_equal(vcpu->look, 0);
    assert_int_equal(lapic_highest_isr(&vcpu->lapic), VECTOR);
}

/* The I/O APIC must hear of a level's end, others wait for this one's. */
static void test_needs_its_end(void **unused)
{
    (void)unused;
    inject(VECTOR, true);
    assert_int_equal(word() | vcpu->look, 0);
    inject(VECTOR + 16, false); /* nested */
    assert_int_equal(word() | vcpu->look, 0);
    set_up(NULL);
    lapic_deliver(&vcpu->lapic, 0x31, false);
    inject(VECTOR, false);
    assert_int_equal(word() | vcpu->look, 0);
}

static void test_disabled(void **unused)
{
    (void)unused;
    assert_int_equal(put(WORD), 0);
    inject(VECTOR, false);
    assert_int_equal(word() | vcpu->look, 0);
}

static void test_hostile_addresses(void **unused)
{
    static const uint64_t bad[] = {
        WORD | 3,   WORD | 2,       RAM_SIZE | 1,       0xfee00001,
        UINT64_MAX, UINT64_MAX - 2, 0x8000000000000001,
    };
    uint64_t value;

    (void)unused;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(put(bad[i]), -EINVAL);
    }
    assert_int_equal(msr_get(&rig.guest, vcpu, MSR_KVM_PV_EOI, &value), 0);
    assert_int_equal(value, WORD | 1);
    assert_int_equal(put(RAM_SIZE - 4 + 1), 0);
    inject(VECTOR, false);
    assert_int_equal(vcpu->look, LOOK_EOI);
}

static void test_page_goes_away(void **unused)
{
    (void)unused;
    vcpu->msrs.pv_eoi = RAM_SIZE | 1;
    inject(VECTOR, false);
    assert_int_equal(vcpu->look, 0);
    vcpu->msrs.pv_eoi = WORD | 1;
    inject(VECTOR, false);
    vcpu->msrs.pv_eoi = RAM_SIZE | 1;
    pv_eoi_settle(&rig.guest, vcpu);
    assert_int_equal(vcpu->look, 0);
    assert_int_equal(lapic_highest_isr(&vcpu->lapic), VECTOR);
}

static void test_hidden(void **unused)
{
    uint64_t value;

    (void)unused;
    rig.guest.cpuid.hypervisor[1].eax = 0;
    assert_int_equal(put(WORD | 1), -EINVAL);
    assert_int_equal(msr_get(&rig.guest, vcpu, MSR_KVM_PV_EOI, &value),
                     -EINVAL);
}

/* The page was copied while the bit stood; nobody would end the interrupt. */
static void test_restored_bit_is_taken_back(void **unused)
{
    (void)unused;
    inject(VECTOR, false);
    rig.writes = 0;
    pv_eoi_forget(&rig.guest, vcpu);
    assert_int_equal(word() | vcpu->look, 0);
    assert_int_equal(lapic_highest_isr(&vcpu->lapic), VECTOR);
    pv_eoi_forget(&rig.guest, vcpu);
    assert_int_equal(rig.writes, 1); /* a page that is clean stays so */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_guest_ends_it, set_up),
        cmocka_unit_test_setup(test_bit_is_taken_back, set_up),
        cmocka_unit_test_setup(test_needs_its_end, set_up),
        cmocka_unit_test_setup(test_disabled, set_up),
        cmocka_unit_test_setup(test_hostile_addresses, set_up),
        cmocka_unit_test_setup(test_page_goes_away, set_up),
        cmocka_unit_test_setup(test_hidden, set_up),
        cmocka_unit_test_setup(test_restored_bit_is_taken_back, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
