/* sources: vmm/decode.c vmm/insn.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/errno.h"
#include "tests/unit/decode_rows.h"
#include "vmm/decode.h"

#define RANDOM_STRINGS 1000000

static enum insn_mode mode_of(int bits)
{
    return bits == 64 ? INSN_64 : bits == 32 ? INSN_32 : INSN_16;
}

/* Decodes a copy at the very end of a heap block, so that the sanitizer sees
 * a read beyond count. */
static int decode_exact(const uint8_t *bytes, unsigned count,
                        enum insn_mode mode, struct insn *insn)
{
    uint8_t *copy = malloc(count ? count : 1);
    int error;

    memcpy(copy, bytes, count);
    error = decode(count ? copy : copy + 1, count, mode, insn);
    free(copy);
    return error;
}

static unsigned parse_hex(const char *text, uint8_t *bytes)
{
    unsigned count = 0;
    int used;

    while (sscanf(text, " %2hhx%n", &bytes[count], &used) == 1) {
        text += used;
        count++;
    }
    return count;
}

static const char *describe(const struct insn *insn)
{
    static const char *const ops[] = {
        "load",      "zx",       "sx",        "store",
        "store_imm", "alu_load", "alu_store", "alu_imm",
    };
    static const char *const alus[] = {
        "add", "or", "adc", "sbb", "and", "sub", "xor", "cmp", "test",
    };
    static char text[80];
    int n = snprintf(text, sizeof(text), "%s%s%s %u %u ", ops[insn->op],
                     insn_is_alu(insn) ? " " : "",
                     insn_is_alu(insn) ? alus[insn->alu] : "", insn->mem_size,
                     insn->reg_size);

    if (insn->op == INSN_STORE_IMM || insn->op == INSN_ALU_IMM)
        snprintf(text + n, sizeof(text) - n, "%llx",
                 (unsigned long long)insn->imm);
    else
        snprintf(text + n, sizeof(text) - n, "r%u%s", insn->reg,
                 insn->high_byte ? "h" : "");
    return text;
}

static void check_row(int bits, const char *hex, const char *form)
{
    uint8_t bytes[32];
    unsigned length = parse_hex(hex, bytes);
    unsigned count;
    struct insn insn;

    for (count = 0; count < length; count++)
        if (decode_exact(bytes, count, mode_of(bits), &insn) != -E2BIG)
            fail_msg("%d: %s: of %u bytes", bits, hex, count);
    memset(bytes + length, 0x66, sizeof(bytes) - length);
    for (count = length; count <= sizeof(bytes); count++) {
        int error = decode_exact(bytes, count, mode_of(bits), &insn);

        if (error || insn.length != length || strcmp(describe(&insn), form))
            fail_msg("%d: %s: error %d, length %u, %s, not %s", bits, hex,
                     error, insn.length, error ? "-" : describe(&insn), form);
    }
}

static void assembled(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check_row(rows[i].bits, rows[i].bytes, rows[i].form);
}

/* Encodings that an assembler does not choose. */
static void unusual(void **state)
{
    (void)state;
    /* REX counts only right before the opcode; the last one wins. */
    check_row(64, "48 66 8b 03", "load 2 2 r0");
    check_row(64, "66 48 8b 03", "load 8 8 r0");
    check_row(64, "48 44 8b 03", "load 4 4 r8");
    check_row(64, "4f 2e 8a 23", "load 1 1 r0h");
    check_row(64, "40 8a 23", "load 1 1 r4");
    /* No-base forms do not look at REX.B. */
    check_row(64, "41 8b 05 01 02 03 04", "load 4 4 r0");
    check_row(64, "41 8b 04 25 01 02 03 04", "load 4 4 r0");
    /* R12 as index is one; RSP as base needs a SIB byte. */
    check_row(64, "42 8b 44 20 01", "load 4 4 r0");
    check_row(64, "63 08", "sx 4 4 r1");
    /* Prefixes that mean nothing here, and repeated ones. */
    check_row(64, "f3 89 08", "store 4 4 r1");
    check_row(64, "f2 c7 00 01 00 00 00", "store_imm 4 4 1");
    check_row(32, "26 2e 36 3e 64 65 8b 08", "load 4 4 r1");
    check_row(32, "66 66 8b 08", "load 2 2 r1");
    check_row(16, "66 67 66 67 8b 08", "load 4 4 r1");
    /* The long immediate is 4 bytes with REX.W, 2 with an operand prefix. */
    check_row(64, "66 48 c7 00 00 00 00 80", "store_imm 8 8 ffffffff80000000");
    check_row(64, "66 67 a3 01 02 03 04", "store 2 2 r0");
    check_row(16, "66 81 0f 01 02 03 04", "alu_imm or 4 4 4030201");
    check_row(32, "82 08 80", "alu_imm or 1 1 80");
    check_row(64, "66 83 20 fe", "alu_imm and 2 2 fffe");
    check_row(64, "83 20 fe", "alu_imm and 4 4 fffffffe");
    /* Fifteen bytes. */
    check_row(64, "2e 2e 2e 67 c7 84 8c 01 02 03 04 11 22 33 44",
              "store_imm 4 4 44332211");
    check_row(64, "66 66 66 66 66 66 66 66 66 66 66 66 66 8b 03",
              "load 2 2 r0");
}

static void check_error(int bits, const char *hex, int error)
{
    uint8_t bytes[32];
    unsigned length = parse_hex(hex, bytes);
    struct insn insn;
    int got = decode_exact(bytes, length, mode_of(bits), &insn);

    if (got != error)
        fail_msg("%d: %s: %d, not %d", bits, hex, got, error);
}

static void refused(void **state)
{
    static const char *const anywhere[] = {
        "f0 89 08",          /* lock (undefined with mov) */
        "f0 09 08",          /* lock or %ecx,(%rax) */
        "87 08",             /* xchg: locks without a prefix */
        "a4",                /* movsb */
        "f3 a5",             /* rep movsl */
        "ab",                /* stosl */
        "ac",                /* lodsb */
        "6c",                /* insb */
        "6f",                /* outsl */
        "d9 00",             /* flds */
        "0f 10 00",          /* movups */
        "66 0f 6f 00",       /* movdqa */
        "f3 0f b8 00",       /* popcnt */
        "0f b1 08",          /* cmpxchg */
        "0f c3 08",          /* movnti */
        "0f ba 20 00",       /* bt */
        "0f 38 f0 00",       /* movbe */
        "0f 0b",             /* ud2 */
        "ff 28",             /* ljmp */
        "ff 10",             /* call through memory */
        "ff 30",             /* push */
        "fe 00",             /* incb */
        "8c 00",             /* mov %es,(%rax) */
        "8e 00",             /* mov (%rax),%es */
        "8d 00",             /* lea */
        "8f 00",             /* pop */
        "c6 08 00",          /* group 11 /1 */
        "c7 38 00 00 00 00", /* group 11 /7 */
        "f6 08 00",          /* group 3 /1 */
        "f7 10",             /* not */
        "a8 01",             /* test $1,%al: no memory */
        "04 01",             /* add $1,%al: no memory */
        "8b c1",
        "88 c1",             /* register operands */
        "c7 c0 01 00 00 00", /* register operand */
        "0f b6 c0",
        "81 c0 01",          /* register operands */
        "c5 f8 10 00",       /* VEX, or lds */
        "62 f1 7c 48 10 00", /* EVEX, or bound */
    };
    static const int modes[] = {16, 32, 64};
    size_t i, m;

    (void)state;
    for (m = 0; m < 3; m++)
        for (i = 0; i < sizeof(anywhere) / sizeof(anywhere[0]); i++)
            check_error(modes[m], anywhere[i], -EOPNOTSUPP);
    check_error(32, "63 08", -EOPNOTSUPP);    /* arpl */
    check_error(64, "66 63 08", -EOPNOTSUPP); /* 16-bit movsxd */
    check_error(64, "82 08 80", -EOPNOTSUPP);
    check_error(32, "44 8b 08", -EOPNOTSUPP); /* inc %esp */
}

static void too_long(void **state)
{
    (void)state;
    check_error(64, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 8b 03", -EINVAL);
    check_error(64, "2e 2e 2e 2e 67 c7 84 8c 01 02 03 04 11 22 33 44", -EINVAL);
    check_error(32, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 66", -EINVAL);
    /* Known to be too long before all of it is there. */
    check_error(64, "2e 2e 2e 2e 67 c7 84 8c 01 02 03 04", -EINVAL);
    check_error(64, "66 66 66 66 66 66 66 66 66 66 66 66 66 66", -E2BIG);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Random bytes, half of them with an opcode that is decoded, so that the
 * later stages are reached. */
static unsigned random_string(uint64_t *seed, uint8_t *bytes)
{
    static const uint8_t openings[] = {
        0x66, 0x67, 0x48, 0x4D, 0x0F, 0x89, 0x8B, 0xC7,
        0x81, 0x83, 0xF7, 0xA1, 0xB6, 0xF3, 0x40, 0x63,
    };
    unsigned count = next_random(seed) % 20;
    unsigned i;

    for (i = 0; i < count; i++) {
        uint64_t r = next_random(seed) >> 16;

        bytes[i] = (uint8_t)(r & 0x100 ? openings[r & 15] : r);
    }
    return count;
}

static void check_random(const uint8_t *bytes, unsigned count,
                         enum insn_mode mode)
{
    struct insn insn, again;
    int error = decode_exact(bytes, count, mode, &insn);

    if (error == -E2BIG)
        assert_true(count < INSN_MAX);
    if (error) {
        assert_true(error == -E2BIG || error == -EINVAL ||
                    error == -EOPNOTSUPP);
        return;
    }
    assert_in_range(insn.length, 2, count < INSN_MAX ? count : INSN_MAX);
    assert_in_range(insn.reg, 0, mode == INSN_64 ? 15 : 7);
    assert_true(insn.op <= INSN_ALU_IMM && insn.alu <= INSN_TEST);
    assert_true(insn.mem_size && insn.mem_size <= 8);
    assert_true(insn.reg_size >= insn.mem_size && insn.reg_size <= 8);
    assert_true(!insn.high_byte || (insn.reg_size == 1 && insn.reg < 4));
    assert_int_equal(decode_exact(bytes, insn.length, mode, &again), 0);
    assert_int_equal(again.length, insn.length);
    assert_int_equal(decode_exact(bytes, insn.length - 1, mode, &again),
                     -E2BIG);
}

static void random_bytes(void **state)
{
    uint64_t seed = 0x9E3779B97F4A7C15;
    uint8_t bytes[20];
    unsigned i;

    (void)state;
    for (i = 0; i < RANDOM_STRINGS; i++) {
        unsigned count = random_string(&seed, bytes);

        check_random(bytes, count, (enum insn_mode)(i % 3));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(assembled),    cmocka_unit_test(unusual),
        cmocka_unit_test(refused),      cmocka_unit_test(too_long),
        cmocka_unit_test(random_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
