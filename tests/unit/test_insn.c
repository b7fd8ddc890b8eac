/* sources: vmm/insn.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vmm/decode.h"

#define OLD     0x1122334455667788ULL

#define FLAG_AF 0x10ULL
#define FLAGS   0x8D5ULL /* OF SF ZF AF PF CF */

static uint64_t load(enum insn_op op, uint8_t mem_size, uint8_t reg_size,
                     bool high, uint64_t value)
{
    struct insn insn = {.op = op,
                        .mem_size = mem_size,
                        .reg_size = reg_size,
                        .high_byte = high};

    return insn_load_result(&insn, OLD, value);
}

static void load_results(void **state)
{
    const uint64_t ones = ~0ULL;

    (void)state;
    assert_int_equal(load(INSN_LOAD, 1, 1, false, ones), 0x11223344556677FF);
    assert_int_equal(load(INSN_LOAD, 1, 1, true, 0xAB), 0x112233445566AB88);
    assert_int_equal(load(INSN_LOAD, 1, 1, true, ones), 0x112233445566FF88);
    assert_int_equal(load(INSN_LOAD, 2, 2, false, ones), 0x112233445566FFFF);
    assert_int_equal(load(INSN_LOAD, 4, 4, false, ones), 0xFFFFFFFF);
    assert_int_equal(load(INSN_LOAD, 8, 8, false, ones), ones);
    assert_int_equal(load(INSN_LOAD_ZX, 1, 2, false, ones), 0x11223344556600FF);
    assert_int_equal(load(INSN_LOAD_ZX, 1, 4, false, ones), 0xFF);
    assert_int_equal(load(INSN_LOAD_ZX, 2, 2, false, ones), 0x112233445566FFFF);
    assert_int_equal(load(INSN_LOAD_ZX, 2, 8, false, ones), 0xFFFF);
    assert_int_equal(load(INSN_LOAD_SX, 1, 2, false, 0x80), 0x112233445566FF80);
    assert_int_equal(load(INSN_LOAD_SX, 1, 4, false, 0x80), 0xFFFFFF80);
    assert_int_equal(load(INSN_LOAD_SX, 1, 4, false, 0xFF7F), 0x7F);
    assert_int_equal(load(INSN_LOAD_SX, 2, 8, false, 0x8000),
                     0xFFFFFFFFFFFF8000);
    assert_int_equal(load(INSN_LOAD_SX, 4, 8, false, 0x80000000),
                     0xFFFFFFFF80000000);
    assert_int_equal(load(INSN_LOAD_SX, 4, 4, false, 0x80000000), 0x80000000);
    assert_int_equal(load(INSN_ALU_LOAD, 4, 4, false, 5), 5);
}

static void store_values(void **state)
{
    struct insn insn = {.op = INSN_STORE, .imm = 0xF0};
    static const uint64_t expected[] = {
        [1] = 0x88, [2] = 0x7788, [4] = 0x55667788, [8] = OLD};
    unsigned size;

    (void)state;
    for (size = 1; size <= 8; size *= 2) {
        insn.mem_size = insn.reg_size = (uint8_t)size;
        assert_int_equal(insn_store_value(&insn, OLD), expected[size]);
    }
    insn.mem_size = insn.reg_size = 1;
    insn.high_byte = true;
    assert_int_equal(insn_store_value(&insn, OLD), 0x77);
    insn.high_byte = false;
    insn.op = INSN_STORE_IMM;
    assert_int_equal(insn_store_value(&insn, OLD), 0xF0);
    insn.op = INSN_ALU_IMM;
    assert_int_equal(insn_store_value(&insn, OLD), 0xF0);
}

static void effects(void **state)
{
    static const struct {
        enum insn_op op;
        enum insn_alu alu;
        bool alu_form, reads, writes, sets;
    } rows[] = {
        {INSN_LOAD, INSN_ADD, false, true, false, true},
        {INSN_LOAD_ZX, INSN_ADD, false, true, false, true},
        {INSN_LOAD_SX, INSN_ADD, false, true, false, true},
        {INSN_STORE, INSN_ADD, false, false, true, false},
        {INSN_STORE_IMM, INSN_ADD, false, false, true, false},
        {INSN_ALU_LOAD, INSN_OR, true, true, false, true},
        {INSN_ALU_LOAD, INSN_CMP, true, true, false, false},
        {INSN_ALU_STORE, INSN_OR, true, true, true, false},
        {INSN_ALU_STORE, INSN_CMP, true, true, false, false},
        {INSN_ALU_STORE, INSN_TEST, true, true, false, false},
        {INSN_ALU_IMM, INSN_AND, true, true, true, false},
        {INSN_ALU_IMM, INSN_TEST, true, true, false, false},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct insn insn = {.op = rows[i].op, .alu = rows[i].alu};

        assert_int_equal(insn_is_alu(&insn), rows[i].alu_form);
        assert_int_equal(insn_reads_memory(&insn), rows[i].reads);
        assert_int_equal(insn_writes_memory(&insn), rows[i].writes);
        assert_int_equal(insn_writes_register(&insn), rows[i].sets);
    }
}

/* Runs one instruction on the processor, with CF as *flags says. The stack
 * pointer is moved since pushing would overwrite the red zone. */
#define RUN(name, type)                                           \
    {                                                             \
        type value = (type)a;                                     \
        __asm__("btl $0, %k1\n\t" name " %2, %0\n\t"              \
                "lea -128(%%rsp), %%rsp\n\tpushfq\n\tpopq %1\n\t" \
                "lea 128(%%rsp), %%rsp"                           \
                : "+q"(value), "+r"(*flags)                       \
                : "q"((type)b)                                    \
                : "cc", "memory");                                \
        return value;                                             \
    }

#define RUN_SIZES(name)         \
    switch (size) {             \
    case 1:                     \
        RUN(name "b", uint8_t)  \
    case 2:                     \
        RUN(name "w", uint16_t) \
    case 4:                     \
        RUN(name "l", uint32_t) \
    default:                    \
        RUN(name "q", uint64_t) \
    }

static uint64_t hardware(enum insn_alu alu, unsigned size, uint64_t a,
                         uint64_t b, uint64_t *flags)
{
    switch (alu) {
    case INSN_ADD:
        RUN_SIZES("add")
    case INSN_OR:
        RUN_SIZES("or")
    case INSN_ADC:
        RUN_SIZES("adc")
    case INSN_SBB:
        RUN_SIZES("sbb")
    case INSN_AND:
        RUN_SIZES("and")
    case INSN_SUB:
        RUN_SIZES("sub")
    case INSN_XOR:
        RUN_SIZES("xor")
    case INSN_CMP:
        RUN_SIZES("cmp")
    default:
        RUN_SIZES("test")
    }
}

static void compare(enum insn_op op, enum insn_alu alu, unsigned size,
                    uint64_t a, uint64_t b, uint64_t carry)
{
    uint64_t mask = ~0ULL >> (64 - 8 * size);
    uint64_t defined = FLAGS;
    uint64_t flags = carry, expected = carry;
    uint64_t result;
    struct insn insn = {.op = op,
                        .alu = alu,
                        .mem_size = (uint8_t)size,
                        .reg_size = (uint8_t)size,
                        .imm = b & mask};

    if (alu == INSN_OR || alu == INSN_AND || alu == INSN_XOR ||
        alu == INSN_TEST)
        defined &= ~FLAG_AF;
    result = op == INSN_ALU_LOAD ? insn_alu(&insn, a, b, &flags)
                                 : insn_alu(&insn, b, a, &flags);
    a = hardware(alu, size, a, b, &expected);
    if (alu != INSN_CMP && alu != INSN_TEST)
        assert_int_equal(result, a & mask);
    assert_int_equal(flags & defined, expected & defined);
}

static void alu_like_processor(void **state)
{
    static const uint64_t values[] = {
        0,
        1,
        2,
        0xF,
        0x10,
        0x7F,
        0x80,
        0xFF,
        0x7FFF,
        0x8000,
        0xFFFF,
        0x12345678,
        0x7FFFFFFF,
        0x80000000,
        0xFFFFFFFF,
        0x123456789ABCDEF0,
        0x7FFFFFFFFFFFFFFF,
        0x8000000000000000,
        0xFFFFFFFFFFFFFFFF,
    };
    const size_t n = sizeof(values) / sizeof(values[0]);
    unsigned op, alu, size, carry;
    size_t i, j;

    (void)state;
    for (op = INSN_ALU_LOAD; op <= INSN_ALU_IMM; op++)
        for (alu = INSN_ADD; alu <= INSN_TEST; alu++)
            for (size = 1; size <= 8; size *= 2)
                for (carry = 0; carry < 2; carry++)
                    for (i = 0; i < n; i++)
                        for (j = 0; j < n; j++)
                            compare(op, alu, size, values[i], values[j], carry);
}

static void alu_operands(void **state)
{
    struct insn insn = {.op = INSN_ALU_LOAD,
                        .alu = INSN_SUB,
                        .mem_size = 1,
                        .reg_size = 1,
                        .high_byte = true};
    uint64_t flags = ~FLAGS;

    (void)state;
    assert_int_equal(insn_alu(&insn, 0x4000, 0x10, &flags), 0x30);
    assert_int_equal(flags, ~FLAGS | 0x4); /* PF; others as they were */
    insn.op = INSN_ALU_STORE;
    assert_int_equal(insn_alu(&insn, 0x4000, 0x10, &flags), 0xD0);
    assert_int_equal(flags, ~FLAGS | 0x81); /* SF, CF */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(load_results),
        cmocka_unit_test(store_values),
        cmocka_unit_test(effects),
        cmocka_unit_test(alu_operands),
        cmocka_unit_test(alu_like_processor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
