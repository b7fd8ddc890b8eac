/* sources: vmm/exits.c vmm/raise.c vmm/msr*.c vmm/pv_eoi.c vmm/cr.c vmm/linear.c vmm/walk.c vmm/mmio.c vmm/operand.c vmm/decode.c vmm/insn.c vmm/io*.c vmm/call.c vmm/apic_exit.c vmm/platform*.c vmm/cpuid*.c vmm/devices/lapic*.c vmm/devices/ioapic.c vmm/devices/uart16550.c vmm/devices/cmos.c vmm/devices/power.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/exit_rig.h"

#define SCRATCH (UART_COM1_PORT + UART_SCR)
#define NOTHING 0x2e8
#define DF      (1u << 10)

static enum exit_result in(uint16_t port, uint8_t size)
{
    rig.io = (struct exit_io){.port = port, .size = size, .in = true};
    return exit_handle(&rig.guest, vcpu, EXIT_IO);
}

static enum exit_result out(uint16_t port, uint8_t size, uint32_t value)
{
    rig.io = (struct exit_io){.port = port, .size = size};
    gpr[GPR_RAX] = 0xabcdull << 48 | value;
    return exit_handle(&rig.guest, vcpu, EXIT_IO);
}

static void expect_in(uint16_t port, uint8_t size, uint64_t rax)
{
    gpr[GPR_RAX] = 0x1122334455667788;
    assert_int_equal(in(port, size), EXIT_ADVANCE);
    assert_int_equal(gpr[GPR_RAX], rax);
}

static void test_widths(void **state)
{
    (void)state;
    assert_int_equal(out(SCRATCH, 1, 0xfff5a), EXIT_ADVANCE);
    expect_in(SCRATCH, 1, 0x112233445566775a);
    expect_in(SCRATCH, 2, 0x112233445566ff5a);
    expect_in(SCRATCH, 4, 0xffffff5a);
    expect_in(NOTHING, 1, 0x11223344556677ff);
    expect_in(NOTHING, 2, 0x112233445566ffff);
    expect_in(NOTHING, 4, 0xffffffff);
    assert_int_equal(out(UART_COM1_PORT + UART_SCR - 1, 2, 0x6300),
                     EXIT_ADVANCE);
    expect_in(SCRATCH, 1, 0x1122334455667763);
}

static void test_legacy(void **state)
{
    (void)state;
    expect_in(0x64, 1, 0x1122334455667700);
    expect_in(0x61, 1, 0x1122334455667720);
    expect_in(POWER_PORT_PVPANIC, 1, 0x1122334455667703);
    expect_in(0xcf8, 4, 0xffffffff);
    expect_in(0xcfc, 4, 0xffffffff);
    assert_int_equal(out(0x80, 1, 1), EXIT_ADVANCE);
    assert_int_equal(out(0xcf8, 4, 0x80000000), EXIT_ADVANCE);
    assert_int_equal(out(0x70, 1, CMOS_STATUS_D), EXIT_ADVANCE);
    expect_in(0x71, 1, 0x1122334455667780);
}

static void test_power(void **state)
{
    (void)state;
    assert_int_equal(out(POWER_PORT_SLEEP_CONTROL, 1, 0x34), EXIT_STOP);
    assert_true(rig.off);
    assert_int_equal(out(POWER_PORT_RESET, 1, 6), EXIT_STOP);
    assert_true(rig.reset);
    rig.reset = false;
    assert_int_equal(out(POWER_PORT_KBC_COMMAND, 1, 0xfe), EXIT_STOP);
    assert_true(rig.reset);
    assert_int_equal(out(POWER_PORT_PVPANIC, 1, 1), EXIT_ADVANCE_STOP);
    assert_int_equal(rig.faults, 1);
    assert_int_equal(rig.fault, FAULT_PANIC);
    assert_int_equal(out(POWER_PORT_PVPANIC, 1, 2), EXIT_ADVANCE);
}

static void test_console_out(void **state)
{
    (void)state;
    for (const char *c = "hi\r\n"; *c; c++)
        assert_int_equal(out(UART_COM1_PORT, 1, (uint8_t)*c), EXIT_ADVANCE);
    assert_string_equal(rig.sent, "hi\r\n");
}

static void uart_on(void)
{
    lapic_set_reg(&vcpu->lapic, LAPIC_SVR, 0x1ff);
    rig.guest.platform.ioapic.rte[UART_COM1_IRQ] = 0x44;
    out(UART_COM1_PORT + UART_FCR, 1, UART_FCR_ENABLE);
    out(UART_COM1_PORT + UART_MCR, 1, UART_MCR_OUT2);
    out(UART_COM1_PORT + UART_IER, 1, UART_IER_RDI);
}

static bool interrupted(void)
{
    bool level;
    int vector = lapic_pending(&vcpu->lapic);

    if (vector != 0x44)
        return false;
    assert_true(vcpu->look & LOOK_EVENTS);
    lapic_accept(&vcpu->lapic, 0x44);
    lapic_eoi(&vcpu->lapic, &level);
    vcpu->look = 0;
    return true;
}

static void test_console_in(void **state)
{
    static const char text[] = "0123456789abcdefghij";

    (void)state;
    uart_on();
    rig.typed = text;
    platform_sync(&rig.guest);
    assert_true(interrupted());
    assert_string_equal(rig.typed, "ghij"); /* the FIFO is full */
    platform_sync(&rig.guest);
    assert_false(interrupted());
    /* each that is read makes room for one */
    for (unsigned i = 0; i < 20; i++) {
        expect_in(UART_COM1_PORT, 1, 0x1122334455667700 | (uint8_t)text[i]);
    }
    assert_string_equal(rig.typed, "");
    expect_in(UART_COM1_PORT + UART_LSR, 1, 0x1122334455667760);
    rig.typed = "x"; /* the line was low: another edge */
    platform_sync(&rig.guest);
    assert_true(interrupted());
}

static void test_break_and_nmi(void **state)
{
    (void)state;
    uart_on();
    rig.break_waits = true;
    platform_sync(&rig.guest);
    assert_true(interrupted());
    expect_in(UART_COM1_PORT + UART_LSR, 1, 0x11223344556677f1);
    rig.nmi_waits = true;
    platform_sync(&rig.guest);
    assert_true(vcpu->arch.nmi_pending);
    /* no room: the break waits */
    out(UART_COM1_PORT + UART_MCR, 1, UART_MCR_LOOP);
    rig.break_waits = true;
    platform_sync(&rig.guest);
    assert_true(rig.break_waits);
}

static void test_thre_interrupt(void **state)
{
    (void)state;
    uart_on();
    out(UART_COM1_PORT + UART_IER, 1, UART_IER_THRI);
    assert_true(interrupted());
    expect_in(UART_COM1_PORT + UART_IIR, 1, 0x11223344556677c2);
    out(UART_COM1_PORT, 1, 'a');
    assert_true(interrupted());
    out(UART_COM1_PORT + UART_IER, 1, 0);
    out(UART_COM1_PORT + UART_IER, 1, UART_IER_THRI);
    assert_true(interrupted());
}

/* ---- strings ---- */

#define CODE 0x1000u

static enum exit_result string(const char *code, unsigned size, uint16_t port,
                               uint8_t width, bool input, bool rep)
{
    memcpy(rig.ram + CODE, code, size);
    rig.rip = CODE;
    rig.io = (struct exit_io){
        .port = port, .size = width, .in = input, .string = true, .rep = rep};
    return exit_handle(&rig.guest, vcpu, EXIT_IO);
}

static void test_outs(void **state)
{
    (void)state;
    memcpy(rig.ram + 0x2000, "hello", 5);
    gpr[GPR_RSI] = 0x2000;
    gpr[GPR_RCX] = 5;
    assert_int_equal(string("\xf3\x6e", 2, UART_COM1_PORT, 1, false, true),
                     EXIT_ADVANCE);
    assert_string_equal(rig.sent, "hello");
    assert_int_equal(gpr[GPR_RSI], 0x2005);
    assert_int_equal(gpr[GPR_RCX], 0);
    assert_int_equal(string("\xf3\x6e", 2, UART_COM1_PORT, 1, false, true),
                     EXIT_ADVANCE); /* RCX is 0: nothing */
    assert_int_equal(rig.sent_count, 5);
    rig.rflags |= DF;
    gpr[GPR_RCX] = 9;
    gpr[GPR_RSI] = 0x2004;
    assert_int_equal(string("\x6e", 1, UART_COM1_PORT, 1, false, false),
                     EXIT_ADVANCE);
    assert_int_equal(gpr[GPR_RSI], 0x2003);
    assert_int_equal(gpr[GPR_RCX], 9);
}

static void test_ins(void **state)
{
    uint32_t words[3] = {1, 2, 3};

    (void)state;
    memcpy(rig.ram + 0x2000, words, sizeof(words));
    gpr[GPR_RDI] = 0xdead00002000;
    gpr[GPR_RCX] = 0xdead00000003;
    assert_int_equal(string("\xf3\x6d", 2, NOTHING, 4, true, true),
                     EXIT_ADVANCE);
    memcpy(words, rig.ram + 0x2000, sizeof(words));
    assert_int_equal(words[0] & words[1] & words[2], UINT32_MAX);
    assert_int_equal(gpr[GPR_RDI], 0x200c);
    assert_int_equal(gpr[GPR_RCX], 0);
}

/* The instruction lies across two pages. */
static void test_across_pages(void **state)
{
    (void)state;
    memcpy(rig.ram + 0x1fff, "\xf3\x6e", 2);
    rig.rip = 0x1fff;
    rig.ram[0x3000] = '!';
    gpr[GPR_RSI] = 0x3000;
    gpr[GPR_RCX] = 1;
    rig.io = (struct exit_io){
        .port = UART_COM1_PORT, .size = 1, .string = true, .rep = true};
    assert_int_equal(exit_handle(&rig.guest, vcpu, EXIT_IO), EXIT_ADVANCE);
    assert_string_equal(rig.sent, "!");
}

/* A long one comes in parts. */
static void test_parts(void **state)
{
    unsigned exits = 1;

    (void)state;
    gpr[GPR_RSI] = 0x2000;
    gpr[GPR_RCX] = 1000;
    while (string("\xf3\x6e", 2, SCRATCH, 1, false, true) == EXIT_RESUME) {
        assert_int_equal(gpr[GPR_RCX], 1000 - 16 * exits);
        exits++;
    }
    assert_int_equal(exits, 63);
    assert_int_equal(gpr[GPR_RSI], 0x2000 + 1000);
}

/* 16-bit addresses wrap at 64 KiB and leave the upper bits alone. */
static void test_address_sizes(void **state)
{
    (void)state;
    rig.ram[0xffff] = 'a';
    rig.ram[0] = 'b';
    gpr[GPR_RSI] = 0x1234ffff;
    gpr[GPR_RCX] = 0x56780002;
    assert_int_equal(string("\x67\xf3\x6e", 3, UART_COM1_PORT, 1, false, true),
                     EXIT_ADVANCE);
    assert_string_equal(rig.sent, "ab");
    assert_int_equal(gpr[GPR_RSI], 0x12340001);
    assert_int_equal(gpr[GPR_RCX], 0x56780000);
    rig_long_mode();
    rig.ram[0x2000] = 'c';
    gpr[GPR_RSI] = 0xffffffff00002000;
    assert_int_equal(string("\x67\x48\x6e", 3, UART_COM1_PORT, 1, false, false),
                     EXIT_ADVANCE);
    assert_string_equal(rig.sent, "abc");
    assert_int_equal(gpr[GPR_RSI], 0x2001);
}

static void test_segments(void **state)
{
    (void)state;
    rig.ram[0x3010] = 'z';
    rig.segment[SEG_ES].base = 0x3000;
    gpr[GPR_RSI] = 0x10;
    assert_int_equal(string("\x26\x6e", 2, UART_COM1_PORT, 1, false, false),
                     EXIT_ADVANCE);
    assert_string_equal(rig.sent, "z");
    rig.segment[SEG_DS].limit = 0xf;
    gpr[GPR_RSI] = 0x10;
    expect_gp(string("\x6e", 1, UART_COM1_PORT, 1, false, false));
    rig.segment[SEG_DS].limit = 0x12;
    expect_gp(string("\x6f", 1, UART_COM1_PORT, 4, false, false));
    rig.segment[SEG_DS].access |= 4; /* expands downwards: above the limit */
    gpr[GPR_RSI] = 0x13;
    assert_int_equal(string("\x6e", 1, UART_COM1_PORT, 1, false, false),
                     EXIT_ADVANCE);
    gpr[GPR_RSI] = 0x12;
    expect_gp(string("\x6e", 1, UART_COM1_PORT, 1, false, false));
    rig.segment[SEG_DS].access = SEGMENT_UNUSABLE;
    expect_gp(string("\x6e", 1, UART_COM1_PORT, 1, false, false));
    rig.segment[SEG_SS].limit = 0;
    assert_int_equal(string("\x36\x6e", 2, UART_COM1_PORT, 1, false, false),
                     EXIT_RESUME);
    expect_event(VECTOR_SS, true, 0);
    vcpu->arch.event.valid = false;
    rig.segment[SEG_ES].access = 0xc091; /* read-only */
    expect_gp(string("\x6c", 1, UART_COM1_PORT, 1, true, false));
}

/* A page fault in the middle: what was done is done, and not read twice. */
static void test_page_fault(void **state)
{
    uint32_t entries[3] = {0x1003, 0x2001, 0};

    (void)state;
    memcpy(rig.ram + 0x8000, &(uint32_t){0x9003}, 4);
    memcpy(rig.ram + 0x9004, entries, sizeof(entries));
    rig.cr[0] |= CR0_PG | CR0_WP;
    rig.cr[3] = 0x8000;
    gpr[GPR_RSI] = 0x2ffe;
    gpr[GPR_RCX] = 10;
    assert_int_equal(string("\xf3\x6e", 2, SCRATCH, 1, false, true),
                     EXIT_RESUME);
    expect_event(VECTOR_PF, true, 0);
    assert_int_equal(rig.cr[2], 0x3000);
    assert_int_equal(gpr[GPR_RCX], 8);
    assert_int_equal(gpr[GPR_RSI], 0x3000);
    vcpu->arch.event.valid = false;
    /* storing into a read-only page: the character is still there */
    uart_on();
    rig.typed = "k";
    platform_sync(&rig.guest);
    gpr[GPR_RDI] = 0x2000;
    assert_int_equal(string("\x6c", 1, UART_COM1_PORT, 1, true, false),
                     EXIT_RESUME);
    expect_event(VECTOR_PF, true, 3);
    vcpu->arch.event.valid = false;
    expect_in(UART_COM1_PORT, 1, 0x1122334455667700 | 'k');
}

static void test_not_memory(void **state)
{
    (void)state;
    gpr[GPR_RSI] = 0xd0000000; /* reads as ones */
    assert_int_equal(string("\x6e", 1, SCRATCH, 1, false, false), EXIT_ADVANCE);
    expect_in(SCRATCH, 1, 0x11223344556677ff);
    gpr[GPR_RSI] = IOAPIC_BASE;
    expect_fault(string("\x6e", 1, SCRATCH, 1, false, false), FAULT_EPT,
                 IOAPIC_BASE);
    gpr[GPR_RDI] = 0xd0000000;
    expect_fault(string("\x6c", 1, SCRATCH, 1, true, false), FAULT_EPT,
                 0xd0000000);
    gpr[GPR_RDI] = RAM_SIZE - 2; /* half of it is memory: nothing is written */
    rig.ram[RAM_SIZE - 1] = 7;
    expect_fault(string("\x6d", 1, NOTHING, 4, true, false), FAULT_EPT,
                 RAM_SIZE);
    assert_int_equal(rig.ram[RAM_SIZE - 1], 7);
}

/* pvpanic, by a string: stopped behind the element that said it. */
static void test_stopped(void **state)
{
    (void)state;
    memcpy(rig.ram + 0x2000, "\0\1\0", 3);
    gpr[GPR_RSI] = 0x2000;
    gpr[GPR_RCX] = 3;
    assert_int_equal(string("\xf3\x6e", 2, POWER_PORT_PVPANIC, 1, false, true),
                     EXIT_STOP);
    assert_int_equal(gpr[GPR_RCX], 1);
    gpr[GPR_RSI] = 0x2000;
    gpr[GPR_RCX] = 2;
    assert_int_equal(string("\xf3\x6e", 2, POWER_PORT_PVPANIC, 1, false, true),
                     EXIT_ADVANCE_STOP);
    assert_int_equal(gpr[GPR_RCX], 0);
}

/* The code was changed meanwhile: no string instruction is there any more. */
static void test_other_code(void **state)
{
    (void)state;
    expect_gp(string("\x90", 1, SCRATCH, 1, false, true));
    expect_gp(string("\xf3\xf3\xf3\xf3\xf3\xf3\xf3\xf3\xf3\xf3\xf3\xf3\xf3\xf3"
                     "\xf3\x6e",
                     16, SCRATCH, 1, false, true));
}

/* Every port in every size, with all kinds of values: bounded, no crash. */
static void test_all_ports(void **state)
{
    static const uint32_t values[] = {0, 1, 0x55aa55aa, UINT32_MAX, 0x34, 6};

    (void)state;
    for (uint32_t port = 0; port < 0x10000; port++) {
        for (uint8_t size = 1; size <= 4; size *= 2) {
            enum exit_result result = in((uint16_t)port, size);

            assert_true(result == EXIT_ADVANCE || result == EXIT_ADVANCE_STOP);
            for (unsigned v = 0; v < 6; v++)
                assert_in_range(out((uint16_t)port, size, values[v]),
                                EXIT_ADVANCE, EXIT_ADVANCE_STOP);
        }
    }
}

static void test_hostile_strings(void **state)
{
    static const uint16_t ports[] = {UART_COM1_PORT, 0x71,   0x3ff,
                                     0x505,          0x5b04, 0x600,
                                     0xcf9,          0x64,   NOTHING};
    uint64_t seed = 4242;

    (void)state;
    for (unsigned i = 0; i < 60000; i++) {
        uint64_t r = next_random(&seed);
        char bytes[16];
        enum exit_result result;

        if (i % 1024 == 0)
            rig_reset();
        if (i % 2048 == 1024)
            rig_long_mode();
        for (unsigned b = 0; b < 16; b++)
            bytes[b] =
                "\xf3\x67\x66\x26\x64\x2e\x36\x48"[next_random(&seed) & 7];
        bytes[r >> 4 & 7] = (char)(0x6c + (r & 3));
        gpr[GPR_RSI] = next_random(&seed) >> (r >> 8 & 63);
        gpr[GPR_RDI] = next_random(&seed) >> (r >> 14 & 63);
        gpr[GPR_RCX] = next_random(&seed) >> (r >> 20 & 63);
        rig.rflags = RFLAGS_FIXED | (r >> 26 & 1) << 10;
        rig.segment[r >> 30 & 7].limit = (uint32_t)next_random(&seed);
        result = string(bytes, 16, ports[r >> 40 & 7], 1u << (r >> 50) % 3,
                        r >> 55 & 1, r >> 56 & 1);
        assert_in_range(result, EXIT_RESUME, EXIT_ADVANCE_STOP);
        vcpu->arch.event.valid = false;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_widths, rig_setup),
        cmocka_unit_test_setup(test_legacy, rig_setup),
        cmocka_unit_test_setup(test_power, rig_setup),
        cmocka_unit_test_setup(test_console_out, rig_setup),
        cmocka_unit_test_setup(test_console_in, rig_setup),
        cmocka_unit_test_setup(test_break_and_nmi, rig_setup),
        cmocka_unit_test_setup(test_thre_interrupt, rig_setup),
        cmocka_unit_test_setup(test_outs, rig_setup),
        cmocka_unit_test_setup(test_ins, rig_setup),
        cmocka_unit_test_setup(test_across_pages, rig_setup),
        cmocka_unit_test_setup(test_parts, rig_setup),
        cmocka_unit_test_setup(test_address_sizes, rig_setup),
        cmocka_unit_test_setup(test_segments, rig_setup),
        cmocka_unit_test_setup(test_page_fault, rig_setup),
        cmocka_unit_test_setup(test_not_memory, rig_setup),
        cmocka_unit_test_setup(test_stopped, rig_setup),
        cmocka_unit_test_setup(test_other_code, rig_setup),
        cmocka_unit_test_setup(test_all_ports, rig_setup),
        cmocka_unit_test_setup(test_hostile_strings, rig_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
