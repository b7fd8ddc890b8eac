/* sources: vmm/exits.c vmm/raise.c vmm/msr*.c vmm/pv_eoi.c vmm/cr.c vmm/linear.c vmm/walk.c vmm/mmio.c vmm/operand.c vmm/decode.c vmm/insn.c vmm/io*.c vmm/call.c vmm/apic_exit.c vmm/platform*.c vmm/cpuid*.c vmm/devices/lapic*.c vmm/devices/ioapic.c vmm/devices/uart16550.c vmm/devices/cmos.c vmm/devices/power.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/exit_rig.h"
#include "vmm/decode.h"

#define IOAPIC IOAPIC_BASE
#define LAPIC  LAPIC_DEFAULT_BASE

static void code(uint64_t at, const void *bytes, unsigned size)
{
    memset(rig.ram + at, 0xcc, 16);
    memcpy(rig.ram + at, bytes, size);
    rig.rip = at;
}

static enum exit_result touch(uint64_t gpa)
{
    rig.stage2 = (struct exit_stage2){.gpa = gpa};
    return exit_handle(&rig.guest, vcpu, EXIT_STAGE2);
}

#define RUN(gpa, ...)                              \
    (code(0x1000, (const uint8_t[]){__VA_ARGS__},  \
          sizeof((const uint8_t[]){__VA_ARGS__})), \
     touch(gpa))

static void test_ioapic(void **state)
{
    (void)state;
    gpr[GPR_RCX] = IOAPIC_REG_VERSION;
    assert_int_equal(RUN(IOAPIC, 0x89, 0x0f), EXIT_ADVANCE); /* mov ecx,[edi] */
    assert_int_equal(rig.exit_length, 2);
    gpr[GPR_RAX] = UINT64_MAX;
    assert_int_equal(RUN(IOAPIC + 0x10, 0x8b, 0x47, 0x10), EXIT_ADVANCE);
    assert_int_equal(gpr[GPR_RAX], 0x00170011);
    assert_int_equal(rig.exit_length, 3);
}

/* mov [ioapic], imm32 with a displacement, in 64-bit mode with paging */
static void test_long_mode(void **state)
{
    (void)state;
    rig_long_mode();
    assert_int_equal(RUN(IOAPIC, 0x41, 0xc7, 0x00, 0x11, 0, 0, 0),
                     EXIT_ADVANCE);
    assert_int_equal(rig.guest.platform.ioapic.select, 0x11);
    gpr[GPR_R9] = UINT64_MAX;
    assert_int_equal(RUN(IOAPIC + 0x10, 0x45, 0x8b, 0x08), EXIT_ADVANCE);
    assert_int_equal(gpr[GPR_R9], 0);
    assert_int_equal(rig.exit_length, 3);
}

/* or dword [eax], 1 << 8: reads, computes, writes, sets flags */
static void test_alu(void **state)
{
    struct lapic *l = &vcpu->lapic;

    (void)state;
    assert_int_equal(RUN(LAPIC + LAPIC_SVR, 0x81, 0x08, 0, 1, 0, 0),
                     EXIT_ADVANCE);
    assert_int_equal(lapic_reg(l, LAPIC_SVR), 0x1ff);
    assert_int_equal(rig.exit_length, 6);
    assert_true(rig.rflags & 4); /* PF: 0xff has eight ones */
    gpr[GPR_RDX] = 0x1ff;
    assert_int_equal(RUN(LAPIC + LAPIC_SVR, 0x39, 0x10), EXIT_ADVANCE);
    assert_true(rig.rflags & 0x40); /* cmp: ZF */
    assert_int_equal(lapic_reg(l, LAPIC_SVR), 0x1ff);
}

static void test_stack_pointer(void **state)
{
    (void)state;
    rig.rsp = 0x22;
    assert_int_equal(RUN(IOAPIC, 0x89, 0x27), EXIT_ADVANCE); /* mov [edi],esp */
    assert_int_equal(rig.guest.platform.ioapic.select, 0x22);
    assert_int_equal(RUN(IOAPIC, 0x8b, 0x27), EXIT_ADVANCE);
    assert_int_equal(rig.rsp, 0x22);
}

static void test_widths(void **state)
{
    (void)state;
    lapic_set_reg(&vcpu->lapic, LAPIC_VER, 0x12345678);
    gpr[GPR_RAX] = UINT64_MAX;
    assert_int_equal(RUN(LAPIC + LAPIC_VER + 1, 0x8a, 0x07), EXIT_ADVANCE);
    assert_int_equal(gpr[GPR_RAX], 0xffffffffffffff56);
    assert_int_equal(RUN(LAPIC + LAPIC_VER + 2, 0x66, 0x8b, 0x07),
                     EXIT_ADVANCE);
    assert_int_equal(gpr[GPR_RAX], 0xffffffffffff1234);
    assert_int_equal(RUN(LAPIC + LAPIC_VER + 4, 0x8b, 0x07), EXIT_ADVANCE);
    assert_int_equal(gpr[GPR_RAX], 0);
    assert_int_equal(vcpu->lapic.errors, 0);
    gpr[GPR_RAX] = 0x55;
    assert_int_equal(RUN(LAPIC + LAPIC_TPR, 0x88, 0x07), EXIT_ADVANCE);
    assert_int_equal(lapic_reg(&vcpu->lapic, LAPIC_TPR), 0);
    assert_int_equal(RUN(LAPIC + LAPIC_TPR, 0x89, 0x07), EXIT_ADVANCE);
    assert_int_equal(lapic_reg(&vcpu->lapic, LAPIC_TPR), 0x55);
    assert_true(vcpu->look & LOOK_EVENTS);
}

/* mov dword [0xfee000b0], 0: the I/O APIC hears of the end */
static void test_eoi(void **state)
{
    struct ioapic *io = &rig.guest.platform.ioapic;
    bool level;

    (void)state;
    lapic_set_reg(&vcpu->lapic, LAPIC_SVR, 0x1ff);
    io->rte[4] = IOAPIC_RTE_LEVEL | 0x51;
    ioapic_set_pin(io, 4, true);
    platform_sync(&rig.guest);
    assert_int_equal(lapic_pending(&vcpu->lapic), 0x51);
    lapic_accept(&vcpu->lapic, 0x51);
    platform_sync(&rig.guest);
    assert_int_equal(lapic_highest_irr(&vcpu->lapic), -1);
    assert_int_equal(
        RUN(LAPIC + LAPIC_EOI, 0xc7, 0x05, 0xb0, 0, 0xe0, 0xfe, 0, 0, 0, 0),
        EXIT_ADVANCE);
    assert_int_equal(rig.exit_length, 10);
    assert_int_equal(lapic_highest_irr(&vcpu->lapic), 0x51);
    assert_int_equal(lapic_eoi(&vcpu->lapic, &level), -1);
}

/* A level that the local APIC refuses is offered again, once each time. */
static void test_refused_level(void **state)
{
    struct ioapic *io = &rig.guest.platform.ioapic;

    (void)state;
    io->rte[4] = IOAPIC_RTE_LEVEL | 0x51;
    ioapic_set_pin(io, 4, true);
    platform_sync(&rig.guest);
    platform_sync(&rig.guest);
    assert_int_equal(lapic_highest_irr(&vcpu->lapic), -1);
    lapic_set_reg(&vcpu->lapic, LAPIC_SVR, 0x1ff);
    platform_sync(&rig.guest);
    assert_int_equal(lapic_highest_irr(&vcpu->lapic), 0x51);
}

static void test_eoi_wanted(void **state)
{
    (void)state;
    vcpu->arch.apic_virtual = true;
    gpr[GPR_RAX] = IOAPIC_REG_RTE + 2 * 9;
    RUN(IOAPIC, 0x89, 0x07);
    gpr[GPR_RAX] = IOAPIC_RTE_LEVEL | 0x91;
    RUN(IOAPIC + 0x10, 0x89, 0x07);
    assert_int_equal(rig.eoi_wanted[2], 1ull << 0x11);
    assert_int_equal(rig.eoi_wanted[0] | rig.eoi_wanted[1] | rig.eoi_wanted[3],
                     0);
    gpr[GPR_RAX] = 0x91;
    RUN(IOAPIC + 0x10, 0x89, 0x07);
    assert_int_equal(rig.eoi_wanted[2], 0);
}

/* In x2APIC mode the page is not there: ones to read, a fault to write. */
static void test_no_lapic_page(void **state)
{
    (void)state;
    assert_int_equal(lapic_write_base(&vcpu->lapic, 0xfee00d00), 0);
    assert_int_equal(RUN(LAPIC + LAPIC_ID, 0x8b, 0x07), EXIT_ADVANCE);
    assert_int_equal(gpr[GPR_RAX], 0xffffffff);
    expect_fault(RUN(LAPIC + LAPIC_TPR, 0x89, 0x07), FAULT_EPT,
                 LAPIC + LAPIC_TPR);
}

static void test_wild(void **state)
{
    (void)state;
    expect_fault(RUN(0xd0000000, 0x89, 0x07), FAULT_EPT, 0xd0000000);
    expect_fault(RUN(LAPIC + 0x1000, 0x89, 0x07), FAULT_EPT, LAPIC + 0x1000);
    expect_fault(RUN(IOAPIC, 0xa5), FAULT_EPT, IOAPIC);             /* movs */
    expect_fault(RUN(IOAPIC, 0xf0, 0xff, 0x00), FAULT_EPT, IOAPIC); /* lock */
    expect_fault(RUN(IOAPIC + 0xffe, 0x89, 0x07), FAULT_EPT, IOAPIC + 0xffe);
    rig.stage2 = (struct exit_stage2){.gpa = IOAPIC, .fetch = true};
    expect_fault(exit_handle(&rig.guest, vcpu, EXIT_STAGE2), FAULT_EPT, IOAPIC);
    rig.stage2 = (struct exit_stage2){.gpa = IOAPIC, .table_walk = true};
    expect_fault(exit_handle(&rig.guest, vcpu, EXIT_STAGE2), FAULT_EPT, IOAPIC);
}

/* The stack of an exception lies in device registers. */
static void test_delivery(void **state)
{
    (void)state;
    code(0x1000, "\x89\x07", 2);
    vcpu->arch.event = (struct x86_event){
        .valid = true, .type = EVENT_EXCEPTION, .vector = VECTOR_UD};
    assert_int_equal(touch(IOAPIC), EXIT_STOP);
    assert_int_equal(rig.fault, FAULT_EPT);
}

static void test_misconfig(void **state)
{
    (void)state;
    rig.stage2 = (struct exit_stage2){.gpa = 0x5000};
    expect_fault(exit_handle(&rig.guest, vcpu, EXIT_MISCONFIG), FAULT_MISCONFIG,
                 0x5000);
}

/* An instruction across two pages that are not neighbours in memory; then
 * the second one is not present, or is no memory. */
static void test_page_crossing(void **state)
{
    static const uint8_t store[] = {0xc7, 0x05, 0x00, 0x00, 0xc0,
                                    0xfe, 0x33, 0,    0,    0};
    uint32_t entries[3] = {0x1003, 0x2003, 0x4003};

    (void)state;
    memcpy(rig.ram + 0x8000, &(uint32_t){0x9003}, 4);
    memcpy(rig.ram + 0x9000, entries, sizeof(entries));
    rig.cr[0] |= CR0_PG;
    rig.cr[3] = 0x8000;
    memcpy(rig.ram + 0x2ffd, store, 3);
    memcpy(rig.ram + 0x4000, store + 3, 7);
    rig.rip = 0x1ffd;
    assert_int_equal(touch(IOAPIC), EXIT_ADVANCE);
    assert_int_equal(rig.guest.platform.ioapic.select, 0x33);
    assert_int_equal(rig.exit_length, 10);
    memset(rig.ram + 0x9008, 0, 4);
    assert_int_equal(touch(IOAPIC), EXIT_RESUME);
    expect_event(VECTOR_PF, true, 0);
    assert_int_equal(rig.cr[2], 0x2000);
    vcpu->arch.event.valid = false;
    memcpy(rig.ram + 0x9008, &(uint32_t){0x50000003}, 4);
    expect_fault(touch(IOAPIC), FAULT_EPT, 0x50000000);
}

/* The access begins in the page before, or ends in the one behind: the exit
 * tells the start of the page of registers in the first case. */
static void test_access_crossing(void **state)
{
    (void)state;
    gpr[GPR_RAX] = 0x33;
    gpr[GPR_RDI] = 0x9000;
    assert_int_equal(RUN(IOAPIC, 0x89, 0x07), EXIT_ADVANCE);
    assert_int_equal(rig.guest.platform.ioapic.select, 0x33);
    gpr[GPR_RAX] = 0x44;
    for (unsigned back = 1; back < 4; back++) {
        gpr[GPR_RDI] = 0x9000 - back;
        expect_fault(RUN(IOAPIC, 0x89, 0x07), FAULT_EPT, IOAPIC);
        expect_fault(RUN(IOAPIC, 0x8b, 0x07), FAULT_EPT, IOAPIC);
        expect_fault(RUN(IOAPIC, 0x09, 0x07), FAULT_EPT, IOAPIC); /* or */
    }
    expect_fault(RUN(IOAPIC + 0xffd, 0x8b, 0x07), FAULT_EPT, IOAPIC + 0xffd);
    assert_int_equal(rig.guest.platform.ioapic.select, 0x33);
    assert_int_equal(RUN(IOAPIC, 0x88, 0x07), EXIT_ADVANCE); /* a byte */
    gpr[GPR_RDI] = 0x8ffc; /* where the segment begins counts, too */
    assert_int_equal(RUN(IOAPIC, 0x89, 0x07), EXIT_ADVANCE);
    rig.segment[SEG_DS].base = 2;
    expect_fault(RUN(IOAPIC, 0x89, 0x07), FAULT_EPT, IOAPIC);
}

/* A short one at the end of a page needs nothing of the next. */
static void test_page_end(void **state)
{
    (void)state;
    memset(rig.ram, 0, RAM_SIZE);
    memcpy(rig.ram + RAM_SIZE - 2, "\x89\x07", 2);
    rig.rip = RAM_SIZE - 2;
    gpr[GPR_RAX] = 0x44;
    assert_int_equal(touch(IOAPIC), EXIT_ADVANCE);
    assert_int_equal(rig.guest.platform.ioapic.select, 0x44);
    rig.ram[RAM_SIZE - 2] = 0xc7; /* its immediate is beyond */
    expect_fault(touch(IOAPIC), FAULT_EPT, RAM_SIZE);
}

/* One form of MOV against what the decoder says of it. */
static void check_mov(enum insn_mode mode, const uint8_t *bytes, unsigned size)
{
    struct insn insn;

    if (decode(bytes, INSN_MAX, mode, &insn))
        return;
    rig.exit_length = 0;
    for (unsigned i = 0; i < GPR_COUNT; i++)
        gpr[i] = 0x1234567800000080 + i;
    rig.rsp = 0x1234567800000080 + GPR_RSP;
    code(0x1000, bytes, size);
    rig.guest.platform.ioapic.select = 0x3f;
    assert_int_equal(touch(IOAPIC), EXIT_ADVANCE);
    assert_int_equal(rig.exit_length, insn.length);
    if (insn.op == INSN_STORE && insn.mem_size == 8)
        assert_int_equal(rig.guest.platform.ioapic.select, 0x3f);
    else if (insn.op == INSN_STORE)
        assert_int_equal(rig.guest.platform.ioapic.select, 0x80 + insn.reg);
    else
        assert_int_equal(vcpu_gpr(vcpu, insn.reg), 0x3f);
}

/* The short cut for MOV agrees with the decoder, whatever the operand. */
static void test_all_movs(void **state)
{
    uint8_t bytes[16] = {0};

    (void)state;
    for (unsigned mode = 0; mode < 2; mode++) {
        rig_reset();
        if (mode)
            rig_long_mode();
        for (unsigned modrm = 0; modrm < 0x10000; modrm++) {
            for (unsigned rex = 0; rex < (mode ? 17 : 1); rex++) {
                unsigned at = 0;

                if (rex)
                    bytes[at++] = (uint8_t)(0x3f + rex);
                bytes[at++] = modrm & 1 ? 0x89 : 0x8b;
                bytes[at++] = (uint8_t)(modrm >> 8);
                bytes[at++] = (uint8_t)modrm;
                check_mov(mode ? INSN_64 : INSN_32, bytes, 16);
            }
        }
    }
}

/* Tables where there is no memory: the fetch finds reserved bits. */
static void test_absent_tables(void **state)
{
    (void)state;
    rig_long_mode();
    rig.cr[3] = 0x50000000;
    code(0x1000, "\x89\x07", 2);
    assert_int_equal(touch(IOAPIC), EXIT_RESUME);
    expect_event(VECTOR_PF, true, 0x19); /* present, reserved, a fetch */
    assert_int_equal(rig.cr[2], 0x1000);
}

static void test_real_mode(void **state)
{
    (void)state;
    rig_segments(CODE_16);
    rig.cr[0] = CR0_ET;
    rig.segment[SEG_CS].base = 0x1000;
    memcpy(rig.ram + 0x1234, "\x66\x89\x07", 3); /* mov [bx], eax */
    rig.rip = 0x234;
    gpr[GPR_RAX] = 0x77;
    assert_int_equal(touch(IOAPIC), EXIT_ADVANCE);
    assert_int_equal(rig.guest.platform.ioapic.select, 0x77);
    assert_int_equal(rig.exit_length, 3);
}

static void test_non_canonical(void **state)
{
    (void)state;
    rig_long_mode();
    rig.rip = 0x0000800000000000;
    expect_gp(touch(IOAPIC));
}

/* Any bytes, registers and addresses: one of the known answers. */
static void test_hostile(void **state)
{
    static const uint64_t pages[] = {IOAPIC, LAPIC, 0, 0x50000000};
    uint64_t seed = 99;

    (void)state;
    for (unsigned i = 0; i < 300000; i++) {
        uint64_t r = next_random(&seed);
        uint8_t bytes[16];
        enum exit_result result;

        if (i % 4096 == 0)
            rig_reset();
        if (i % 8192 == 4096)
            rig_long_mode();
        for (unsigned b = 0; b < 16; b += 8)
            memcpy(bytes + b, &(uint64_t){next_random(&seed)}, 8);
        if (r & 7)
            bytes[0] = (const uint8_t[]){0x89, 0x8b, 0x81, 0x00,
                                         0xc7, 0x01, 0x0f, 0x88}[r & 7];
        code(0x1000, bytes, 16);
        gpr[r >> 8 & 15] = next_random(&seed);
        rig.stage2 = (struct exit_stage2){
            .gpa = pages[r >> 16 & 3] + (r >> 20 & 0xfff),
            .fetch = (r >> 40 & 63) == 0,
        };
        result = exit_handle(&rig.guest, vcpu, EXIT_STAGE2);
        assert_in_range(result, EXIT_RESUME, EXIT_STOP);
        assert_true(result != EXIT_ADVANCE ||
                    (rig.exit_length >= 1 && rig.exit_length <= 15));
        vcpu->arch.event.valid = false;
        platform_sync(&rig.guest);
    }
    assert_int_equal(rig.writes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_ioapic, rig_setup),
        cmocka_unit_test_setup(test_long_mode, rig_setup),
        cmocka_unit_test_setup(test_alu, rig_setup),
        cmocka_unit_test_setup(test_stack_pointer, rig_setup),
        cmocka_unit_test_setup(test_widths, rig_setup),
        cmocka_unit_test_setup(test_eoi, rig_setup),
        cmocka_unit_test_setup(test_refused_level, rig_setup),
        cmocka_unit_test_setup(test_eoi_wanted, rig_setup),
        cmocka_unit_test_setup(test_no_lapic_page, rig_setup),
        cmocka_unit_test_setup(test_wild, rig_setup),
        cmocka_unit_test_setup(test_delivery, rig_setup),
        cmocka_unit_test_setup(test_misconfig, rig_setup),
        cmocka_unit_test_setup(test_page_crossing, rig_setup),
        cmocka_unit_test_setup(test_access_crossing, rig_setup),
        cmocka_unit_test_setup(test_page_end, rig_setup),
        cmocka_unit_test_setup(test_all_movs, rig_setup),
        cmocka_unit_test_setup(test_absent_tables, rig_setup),
        cmocka_unit_test_setup(test_real_mode, rig_setup),
        cmocka_unit_test_setup(test_non_canonical, rig_setup),
        cmocka_unit_test_setup(test_hostile, rig_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
