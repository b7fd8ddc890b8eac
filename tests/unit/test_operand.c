/* sources: vmm/operand.c */
/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/operand.h"

#define RIP 0x400000u

/* Register n holds 0x100000001 + n * 0x1000: n in the high digits, and more
 * than 32 bits. */
static uint64_t reg(unsigned n)
{
    return 0x100000001 + n * 0x1000ull;
}

static void expect(enum insn_mode mode, const char *bytes, unsigned length,
                   enum segment_index segment, uint64_t offset)
{
    uint64_t gpr[GPR_COUNT];
    uint8_t copy[INSN_MAX] = {0};
    struct operand operand;

    for (unsigned i = 0; i < GPR_COUNT; i++)
        gpr[i] = reg(i);
    memcpy(copy, bytes, length);
    operand = operand_of(copy, mode, length, RIP, gpr);
    assert_int_equal(operand.segment, segment);
    assert_int_equal(operand.offset, offset);
}

#define EXPECT(mode, bytes, segment, offset) \
    expect(mode, bytes, sizeof(bytes) - 1, segment, offset)

static void test_64(void **state)
{
    (void)state;
    EXPECT(INSN_64, "\x89\x07", SEG_DS, reg(7));
    EXPECT(INSN_64, "\x41\x89\x07", SEG_DS, reg(15));
    EXPECT(INSN_64, "\x89\x45\xf0", SEG_SS, reg(5) - 16);
    EXPECT(INSN_64, "\x41\x89\x45\x10", SEG_DS, reg(13) + 16);
    EXPECT(INSN_64, "\x89\x87\x00\x00\x00\x80", SEG_DS, reg(7) - 0x80000000);
    EXPECT(INSN_64, "\x89\x04\x24", SEG_SS, reg(4));              /* [rsp] */
    EXPECT(INSN_64, "\x41\x89\x04\x24", SEG_DS, reg(12));         /* [r12] */
    EXPECT(INSN_64, "\x89\x04\x8f", SEG_DS, reg(7) + 4 * reg(1)); /* SIB */
    EXPECT(INSN_64, "\x42\x89\x04\xe7", SEG_DS, reg(7) + 8 * reg(12));
    EXPECT(INSN_64, "\x89\x04\x4d\x04\x00\x00\x00", SEG_DS, 2 * reg(1) + 4);
    EXPECT(INSN_64, "\x41\x89\x04\x25\x04\x00\x00\x00", SEG_DS, 4);
    EXPECT(INSN_64, "\x89\x05\x10\x00\x00\x00", SEG_DS, RIP + 6 + 16);
    EXPECT(INSN_64, "\xc7\x05\xf0\xff\xff\xff\x01\x00\x00\x00", SEG_DS,
           RIP + 10 - 16);
    EXPECT(INSN_64, "\x0f\xb6\x07", SEG_DS, reg(7));
    EXPECT(INSN_64, "\x0f\xb7\x47\x02", SEG_DS, reg(7) + 2);
    EXPECT(INSN_64, "\xa1\x01\x02\x03\x04\x05\x06\x07\x08", SEG_DS,
           0x0807060504030201);
    EXPECT(INSN_64, "\x67\x89\x07", SEG_DS, (uint32_t)reg(7));
    EXPECT(INSN_64, "\x65\x89\x07", SEG_GS, reg(7));
    EXPECT(INSN_64, "\x64\x2e\x89\x07", SEG_FS, reg(7));
    EXPECT(INSN_64, "\x26\x89\x45\x00", SEG_SS, reg(5));
    EXPECT(INSN_64, "\x41\x66\x89\x07", SEG_DS, reg(7)); /* REX is lost */
}

static void test_32(void **state)
{
    (void)state;
    EXPECT(INSN_32, "\x89\x07", SEG_DS, (uint32_t)reg(7));
    EXPECT(INSN_32, "\x3e\x89\x45\x08", SEG_DS, (uint32_t)reg(5) + 8);
    EXPECT(INSN_32, "\x89\x05\x00\x00\xc0\xfe", SEG_DS, 0xfec00000);
    EXPECT(INSN_32, "\xa3\x00\x00\xc0\xfe", SEG_DS, 0xfec00000);
    EXPECT(INSN_32, "\x26\x89\x44\xbb\x01", SEG_ES,
           (uint32_t)reg(3) + 4 * (uint32_t)reg(7) + 1);
    EXPECT(INSN_32, "\x67\x89\x07", SEG_DS, (uint16_t)reg(3));
}

static void test_16(void **state)
{
    (void)state;
    EXPECT(INSN_16, "\x89\x00", SEG_DS, (uint16_t)(reg(3) + reg(6)));
    EXPECT(INSN_16, "\x89\x43\x02", SEG_SS, (uint16_t)(reg(5) + reg(7) + 2));
    EXPECT(INSN_16, "\x89\x0e\x34\x12", SEG_DS, 0x1234);
    EXPECT(INSN_16, "\x89\x4e\xff", SEG_SS, (uint16_t)(reg(5) - 1));
    EXPECT(INSN_16, "\x89\x8d\x00\x80", SEG_DS, (uint16_t)(reg(7) + 0x8000));
    EXPECT(INSN_16, "\xa1\x34\x12", SEG_DS, 0x1234);
    EXPECT(INSN_16, "\x67\x66\x89\x07", SEG_DS, (uint32_t)reg(7));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_64),
        cmocka_unit_test(test_32),
        cmocka_unit_test(test_16),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
