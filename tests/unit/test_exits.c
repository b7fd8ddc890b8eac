/* sources: vmm/exits.c vmm/raise.c vmm/msr*.c vmm/pv_eoi.c vmm/cr.c vmm/linear.c vmm/walk.c vmm/mmio.c vmm/operand.c vmm/decode.c vmm/insn.c vmm/io*.c vmm/call.c vmm/apic_exit.c vmm/platform*.c vmm/cpuid*.c vmm/devices/lapic*.c vmm/devices/ioapic.c vmm/devices/uart16550.c vmm/devices/cmos.c vmm/devices/power.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/exit_rig.h"

static enum exit_result handle(enum exit_kind kind)
{
    return exit_handle(&rig.guest, vcpu, kind);
}

static void test_plain(void **state)
{
    static const struct {
        enum exit_kind kind;
        enum exit_result result;
    } rows[] = {
        {EXIT_NONE, EXIT_RESUME},       {EXIT_INTERRUPT, EXIT_RESUME},
        {EXIT_TIMER, EXIT_RESUME},      {EXIT_WINDOW, EXIT_RESUME},
        {EXIT_NMI_WINDOW, EXIT_RESUME}, {EXIT_HOST_NMI, EXIT_RESUME},
        {EXIT_MCE, EXIT_STOP},          {EXIT_PAUSE, EXIT_ADVANCE},
        {EXIT_WBINVD, EXIT_ADVANCE},    {EXIT_INVD, EXIT_ADVANCE},
        {EXIT_INIT, EXIT_RESUME},       {EXIT_SIPI, EXIT_RESUME},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(handle(rows[i].kind), rows[i].result);
        assert_false(vcpu->arch.event.valid);
        assert_int_equal(rig.faults, 0);
    }
}

/* The interrupt that ended the entry was a key press. */
static void test_interrupt(void **state)
{
    (void)state;
    rig.nmi_waits = true;
    assert_int_equal(handle(EXIT_INTERRUPT), EXIT_RESUME);
    assert_true(vcpu->arch.nmi_pending);
}

static void test_refused(void **state)
{
    static const enum exit_kind kinds[] = {EXIT_MONITOR, EXIT_MWAIT,
                                           EXIT_XSETBV, EXIT_UNDEFINED};

    (void)state;
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        assert_int_equal(handle(kinds[i]), EXIT_RESUME);
        expect_event(VECTOR_UD, false, 0);
        vcpu->arch.event.valid = false;
    }
    expect_gp(handle(EXIT_RDPMC));
}

static void test_faults(void **state)
{
    (void)state;
    expect_fault(handle(EXIT_TRIPLE), FAULT_TRIPLE, 0);
    expect_fault(handle(EXIT_ENTRY_FAILED), FAULT_ENTRY, 0);
    expect_fault(handle(EXIT_TASK_SWITCH), FAULT_EXIT, 0);
    expect_fault(handle(EXIT_UNKNOWN), FAULT_EXIT, 0);
    expect_fault(handle(EXIT_DR), FAULT_EXIT, 0);
}

/* ---- HLT ---- */

static void request(uint8_t vector)
{
    lapic_set_reg(&vcpu->lapic, LAPIC_SVR, 0x1ff);
    assert_true(lapic_deliver(&vcpu->lapic, vector, false));
}

static void test_hlt(void **state)
{
    (void)state;
    assert_int_equal(handle(EXIT_HLT), EXIT_ADVANCE_STOP);
    assert_int_equal(vcpu->activity, ACTIVITY_HLT);
    rig_reset();
    request(0x40); /* interrupts are off */
    assert_int_equal(handle(EXIT_HLT), EXIT_ADVANCE_STOP);
    rig_reset();
    request(0x40);
    rig.rflags |= RFLAGS_IF;
    assert_int_equal(handle(EXIT_HLT), EXIT_ADVANCE);
    assert_int_equal(vcpu->activity, ACTIVITY_ACTIVE);
    lapic_set_cr8(&vcpu->lapic, 4); /* held back by TPR */
    assert_int_equal(handle(EXIT_HLT), EXIT_ADVANCE_STOP);
    rig_reset();
    vcpu->arch.nmi_pending = true;
    assert_int_equal(handle(EXIT_HLT), EXIT_ADVANCE);
}

/* The timer has expired just now. */
static void test_hlt_timer(void **state)
{
    struct lapic *l = &vcpu->lapic;

    (void)state;
    rig.rflags |= RFLAGS_IF;
    lapic_set_reg(l, LAPIC_SVR, 0x1ff);
    lapic_set_reg(l, LAPIC_LVT_TIMER, LAPIC_TIMER_DEADLINE | 0x33);
    l->timer_at = 1;
    assert_int_equal(handle(EXIT_HLT), EXIT_ADVANCE);
    assert_int_equal(lapic_pending(l), 0x33);
}

/* ---- events ---- */

static void deliver_first(enum x86_event_type type, uint8_t vector)
{
    vcpu->arch.event = (struct x86_event){
        .valid = true, .type = (uint8_t)type, .vector = vector};
}

/* SDM vol. 3, table 6-5, in full: one of each class against one of each. */
static void test_double_faults(void **state)
{
    static const uint8_t first[] = {VECTOR_UD, VECTOR_GP, VECTOR_PF, VECTOR_DF};
    static const uint8_t second[] = {VECTOR_DB, VECTOR_NP, VECTOR_PF};
    static const uint8_t result[4][3] = {
        {VECTOR_DB, VECTOR_NP, VECTOR_PF},
        {VECTOR_DB, VECTOR_DF, VECTOR_PF},
        {VECTOR_DB, VECTOR_DF, VECTOR_DF},
        {VECTOR_DB, 0, 0}, /* 0: triple fault */
    };

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned j = 0; j < 3; j++) {
            enum exit_result got;

            deliver_first(EVENT_EXCEPTION, first[i]);
            got = vcpu_raise(&rig.guest, vcpu, second[j], j > 0, 5);
            if (result[i][j] == 0) {
                expect_fault(got, FAULT_TRIPLE, 0);
                continue;
            }
            assert_int_equal(got, EXIT_RESUME);
            expect_event(result[i][j], j > 0,
                         result[i][j] == second[j] && j > 0 ? 5 : 0);
        }
    }
}

/* INT n is no exception, whatever its number. */
static void test_software_interrupt(void **state)
{
    (void)state;
    deliver_first(EVENT_SOFT_INTERRUPT, VECTOR_DF);
    assert_int_equal(vcpu_raise(&rig.guest, vcpu, VECTOR_GP, true, 0x42),
                     EXIT_RESUME);
    expect_event(VECTOR_GP, true, 0x42);
}

/* An interrupt that is displaced is not lost. */
static void test_displaced_interrupt(void **state)
{
    struct lapic *l = &vcpu->lapic;

    (void)state;
    request(0x61);
    lapic_accept(l, 0x61);
    deliver_first(EVENT_INTERRUPT, 0x61);
    assert_int_equal(lapic_pending(l), -1);
    assert_int_equal(vcpu_raise(&rig.guest, vcpu, VECTOR_AC, true, 0),
                     EXIT_RESUME);
    expect_event(VECTOR_AC, true, 0);
    assert_int_equal(lapic_pending(l), 0x61);
    assert_int_equal(lapic_highest_isr(l), -1);
    assert_true(vcpu->look & LOOK_EVENTS);
    deliver_first(EVENT_NMI, 2);
    vcpu_raise(&rig.guest, vcpu, VECTOR_DB, false, 0);
    assert_true(vcpu->arch.nmi_pending);
}

static void test_real_mode(void **state)
{
    (void)state;
    rig.cr[0] = CR0_ET;
    vcpu_raise(&rig.guest, vcpu, VECTOR_GP, true, 9);
    expect_event(VECTOR_GP, false, 0);
}

/* Each round of a storm is one exit with one event. */
static void test_exceptions(void **state)
{
    (void)state;
    rig.exception = (struct exit_exception){
        .vector = VECTOR_AC, .type = EVENT_EXCEPTION, .has_error = true};
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(handle(EXIT_EXCEPTION), EXIT_RESUME);
        expect_event(VECTOR_AC, true, 0);
    }
    vcpu->arch.event.valid = false;
    rig.exception = (struct exit_exception){
        .vector = VECTOR_DB, .type = EVENT_EXCEPTION, .qualification = 1 << 14};
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(handle(EXIT_EXCEPTION), EXIT_RESUME);
        expect_event(VECTOR_DB, false, 0);
    }
    vcpu->arch.event.valid = false;
    rig.exception = (struct exit_exception){.vector = VECTOR_PF,
                                            .type = EVENT_EXCEPTION,
                                            .has_error = true,
                                            .error_code = 6,
                                            .qualification = 0x1234};
    assert_int_equal(handle(EXIT_EXCEPTION), EXIT_RESUME);
    expect_event(VECTOR_PF, true, 6);
    assert_int_equal(rig.cr[2], 0x1234);
}

/* INT1 (ICEBP) keeps its type and length, or it would come again. */
static void test_icebp(void **state)
{
    (void)state;
    rig.exception = (struct exit_exception){
        .vector = VECTOR_DB, .type = EVENT_PRIVILEGED_SOFT, .length = 1};
    assert_int_equal(handle(EXIT_EXCEPTION), EXIT_RESUME);
    assert_int_equal(vcpu->arch.event.type, EVENT_PRIVILEGED_SOFT);
    assert_int_equal(vcpu->arch.event.length, 1);
    assert_false(vcpu->arch.event.has_error);
}

/* ---- virtual local APIC ---- */

static void test_apic_eoi(void **state)
{
    struct ioapic *io = &rig.guest.platform.ioapic;

    (void)state;
    lapic_set_reg(&vcpu->lapic, LAPIC_SVR, 0x1ff);
    io->rte[9] = IOAPIC_RTE_LEVEL | IOAPIC_RTE_REMOTE_IRR | 0x91;
    io->pins = 1 << 9;
    rig.apic_offset = 0x91;
    assert_int_equal(handle(EXIT_APIC_EOI), EXIT_RESUME);
    assert_int_equal(lapic_pending(&vcpu->lapic), 0x91);
    assert_true(vcpu->look & LOOK_EVENTS);
}

static void test_apic_write(void **state)
{
    struct lapic *l = &vcpu->lapic;

    (void)state;
    assert_int_equal(lapic_write_base(l, 0xfee00d00), 0);
    lapic_set_reg(l, LAPIC_SVR, 0x1ff);
    lapic_set_reg(l, LAPIC_SELF_IPI, 0x5);
    rig.apic_offset = LAPIC_SELF_IPI;
    assert_int_equal(handle(EXIT_APIC_WRITE), EXIT_RESUME);
    assert_int_equal(l->errors, LAPIC_ERROR_SEND_VECTOR);
    lapic_set_reg(l, LAPIC_ICR, 4 << 8);
    lapic_set_reg(l, LAPIC_ICR_UPPER, 0);
    rig.apic_offset = LAPIC_ICR;
    assert_int_equal(handle(EXIT_APIC_WRITE), EXIT_RESUME);
    assert_true(vcpu->arch.nmi_pending);
    for (unsigned offset = 0; offset < 0x10000; offset++) {
        rig.apic_offset = (uint16_t)offset;
        lapic_set_reg(l, offset & 0xff0, offset * 2654435761u);
        assert_int_equal(handle(EXIT_APIC_WRITE), EXIT_RESUME);
        assert_int_equal(handle(EXIT_APIC_EOI), EXIT_RESUME);
    }
}

/* ---- the guest interface ---- */

static uint32_t port_in(uint16_t port, uint8_t size, enum exit_result expected)
{
    gpr[GPR_RAX] = 0;
    rig.io = (struct exit_io){.port = port, .size = size, .in = true};
    assert_int_equal(handle(EXIT_IO), expected);
    return (uint32_t)gpr[GPR_RAX];
}

static uint32_t vmcall(uint32_t function, uint32_t argument)
{
    gpr[GPR_RAX] = 0xdeadull << 32 | function;
    gpr[GPR_RBX] = 0xdeadull << 32 | argument;
    assert_int_equal(handle(EXIT_CALL), EXIT_ADVANCE);
    assert_int_equal(gpr[GPR_RAX] >> 32, 0);
    return (uint32_t)gpr[GPR_RAX];
}

static void test_calls(void **state)
{
    (void)state;
    rig.vm.restores = 3;
    rig.vm.rolled_back_ms = 1ull << 40;
    assert_int_equal(port_in(0x5b00, 4, EXIT_ADVANCE), CALL_SIGNATURE);
    assert_int_equal(port_in(0x5b08, 4, EXIT_ADVANCE), 3);
    assert_int_equal(port_in(0x5b0c, 4, EXIT_ADVANCE), UINT32_MAX);
    assert_int_equal(vmcall(CALL_GET_SIGNATURE, 0), CALL_SIGNATURE);
    assert_int_equal(vmcall(CALL_RESTORES, 0), 3);
    assert_int_equal(vmcall(CALL_HEARTBEAT, 77), 0);
    assert_int_equal(rig.beat, 77);
    for (uint32_t n = CALL_FUNCTIONS; n < 100; n++)
        assert_int_equal(vmcall(n, 0), CALL_REFUSED);
    assert_int_equal(vmcall(UINT32_MAX, 0), CALL_REFUSED);
    assert_int_equal(port_in(0x5b10, 4, EXIT_ADVANCE), CALL_REFUSED);
    assert_int_equal(port_in(0x5b14, 4, EXIT_ADVANCE), CALL_REFUSED);
    assert_int_equal(port_in(0x5b01, 4, EXIT_ADVANCE), CALL_REFUSED);
    assert_int_equal(port_in(0x5b00, 2, EXIT_ADVANCE), 0xffff);
    assert_int_equal(rig.beats, 1);
}

static void test_user_mode(void **state)
{
    (void)state;
    rig.segment[SEG_SS].access |= 3 << 5;
    assert_int_equal(vmcall(CALL_GET_SIGNATURE, 0), CALL_REFUSED);
    assert_int_equal(vmcall(CALL_SNAPSHOT, 0), CALL_REFUSED);
    assert_false(rig.snapshot);
}

static void test_snapshot(void **state)
{
    (void)state;
    assert_int_equal(port_in(0x5b04, 4, EXIT_ADVANCE_STOP), 0);
    assert_true(rig.snapshot && rig.guest.call_pending);
    rig_reset();
    gpr[GPR_RAX] = CALL_SNAPSHOT;
    assert_int_equal(handle(EXIT_CALL), EXIT_ADVANCE_STOP);
    assert_int_equal(gpr[GPR_RAX], 0);
    assert_true(rig.snapshot && rig.guest.call_pending);
    rig_reset();
    rig.config.snapshot = SNAPSHOT_OFF;
    assert_int_equal(port_in(0x5b04, 4, EXIT_ADVANCE), CALL_REFUSED);
    assert_false(rig.snapshot || rig.guest.call_pending);
}

/* Every number is kept, but not every one becomes an event. */
static void test_heartbeats(void **state)
{
    (void)state;
    tsc_per_ms = 1000000000000; /* no time passes */
    for (uint32_t n = 1; n <= 1000; n++) {
        rig.io = (struct exit_io){.port = 0x5b10, .size = 4};
        gpr[GPR_RAX] = n;
        assert_int_equal(handle(EXIT_IO), EXIT_ADVANCE);
    }
    assert_int_equal(rig.beats, 1000);
    assert_int_equal(rig.beat, 1000);
    assert_int_equal(rig.beats_told, 32);
    rig.guest.beats_until = 0; /* time has passed */
    vmcall(CALL_HEARTBEAT, 1);
    assert_int_equal(rig.beats_told, 33);
    rig.io = (struct exit_io){.port = 0x5b10, .size = 1};
    handle(EXIT_IO);
    assert_int_equal(rig.beats, 1001);
}

static struct cpuid fake_leaf(uint32_t leaf, uint32_t subleaf)
{
    (void)subleaf;
    return (struct cpuid){leaf == 0 ? 0x16 : 0, 1, 2, 3};
}

static void test_cpuid(void **state)
{
    const struct cpuid_source source = {
        .leaf = fake_leaf, .tsc_khz = 50000, .vcpus = 1};

    (void)state;
    cpuid_build(&rig.guest.cpuid, &source);
    gpr[GPR_RAX] = 0xffffffff00000015;
    gpr[GPR_RBX] = gpr[GPR_RCX] = gpr[GPR_RDX] = UINT64_MAX;
    assert_int_equal(handle(EXIT_CPUID), EXIT_ADVANCE);
    assert_int_equal(gpr[GPR_RAX], 1);
    assert_int_equal(gpr[GPR_RBX], 1);
    assert_int_equal(gpr[GPR_RCX], 50000000);
    assert_int_equal(gpr[GPR_RDX], 0);
    vcpu->lapic.base = 0;
    gpr[GPR_RAX] = 1;
    handle(EXIT_CPUID);
    assert_int_equal(gpr[GPR_RDX] & 1 << 9, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_plain, rig_setup),
        cmocka_unit_test_setup(test_interrupt, rig_setup),
        cmocka_unit_test_setup(test_refused, rig_setup),
        cmocka_unit_test_setup(test_faults, rig_setup),
        cmocka_unit_test_setup(test_hlt, rig_setup),
        cmocka_unit_test_setup(test_hlt_timer, rig_setup),
        cmocka_unit_test_setup(test_double_faults, rig_setup),
        cmocka_unit_test_setup(test_software_interrupt, rig_setup),
        cmocka_unit_test_setup(test_displaced_interrupt, rig_setup),
        cmocka_unit_test_setup(test_real_mode, rig_setup),
        cmocka_unit_test_setup(test_exceptions, rig_setup),
        cmocka_unit_test_setup(test_icebp, rig_setup),
        cmocka_unit_test_setup(test_apic_eoi, rig_setup),
        cmocka_unit_test_setup(test_apic_write, rig_setup),
        cmocka_unit_test_setup(test_calls, rig_setup),
        cmocka_unit_test_setup(test_user_mode, rig_setup),
        cmocka_unit_test_setup(test_snapshot, rig_setup),
        cmocka_unit_test_setup(test_heartbeats, rig_setup),
        cmocka_unit_test_setup(test_cpuid, rig_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
