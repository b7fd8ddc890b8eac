/* sources: vmm/decode.c vmm/insn.c */
/* fuzz: -runs=400000 -max_len=24 */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The instruction decoder: a mode, then the bytes at RIP. */
#include "tests/fuzz/fuzz.h"
#include "vmm/decode.h"

static int decode_exact(const uint8_t *bytes, unsigned count,
                        enum insn_mode mode, struct insn *insn)
{
    uint8_t *copy = exact_copy(bytes, count);
    int error = decode(copy, count, mode, insn);

    free(copy);
    return error;
}

static bool is_prefix(uint8_t byte, enum insn_mode mode)
{
    return memchr("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf2\xf3", byte, 10) ||
           (mode == INSN_64 && byte >> 4 == 4);
}

/* SIB and displacement behind a ModRM byte, by the tables of SDM vol. 2,
 * 2.1.5. */
static unsigned address_bytes(const uint8_t *modrm, unsigned address_size)
{
    unsigned mod = modrm[0] >> 6, rm = modrm[0] & 7;
    bool sib = address_size != 2 && rm == 4;
    unsigned wide = address_size == 2 ? 2 : 4;
    unsigned base = sib ? modrm[1] & 7 : rm;
    bool alone = address_size == 2 ? rm == 6 : base == 5;

    return sib + (mod == 0 ? (alone ? wide : 0) : mod == 1 ? 1 : wide);
}

/* What the manual says the length is; bytes are those of an instruction that
 * decode() knows. */
static unsigned length_of(const uint8_t *bytes, enum insn_mode mode)
{
    bool wide = false, operand = false, address = false;
    unsigned at = 0, address_size, operand_size, length;
    uint8_t opcode;

    for (; is_prefix(bytes[at], mode); at++) {
        operand |= bytes[at] == 0x66;
        address |= bytes[at] == 0x67;
        wide = bytes[at] >> 4 == 4 && (bytes[at] & 8);
    }
    operand_size = (mode == INSN_16) != operand ? 2 : 4;
    address_size = mode == INSN_64                ? (address ? 4 : 8)
                   : (mode == INSN_16) != address ? 2
                                                  : 4;
    opcode = bytes[at++];
    if (opcode >= 0xa0 && opcode <= 0xa3)
        return at + address_size;
    if (opcode == 0x0f)
        at++;
    length = at + 1 + address_bytes(bytes + at, address_size);
    switch (opcode) {
    case 0x80:
    case 0x82:
    case 0x83:
    case 0xc6:
    case 0xf6:
        return length + 1;
    case 0x81:
    case 0xc7:
    case 0xf7:
        return length + (wide ? 4 : operand_size);
    default:
        return length;
    }
}

static void check_fields(const struct insn *insn, enum insn_mode mode)
{
    unsigned size = insn->mem_size, widest = mode == INSN_64 ? 8 : 4;

    require(size == 1 || size == 2 || size == 4 || size == 8);
    require(size <= widest && insn->reg_size <= widest);
    require(insn->reg < (mode == INSN_64 ? 16 : 8));
    require(!insn->high_byte || (insn->reg < 4 && insn->reg_size == 1));
    require(insn->alu <= INSN_TEST && insn->op <= INSN_ALU_IMM);
    require(size == 8 || insn->imm >> 8 * size == 0);
}

/* Emulation stays within the operand, and keeps what it must not change. */
static void check_results(const struct insn *insn)
{
    uint64_t reg = 0x8877665544332211, value = 0xf1e2d3c4b5a69788;
    uint64_t mask = ~0ull >> (64 - 8 * insn->mem_size);
    uint64_t flags = ~0ull, other = 0;

    require((insn_store_value(insn, reg) & ~mask) == 0);
    if (insn_is_alu(insn)) {
        uint64_t result = insn_alu(insn, reg, value & mask, &flags);

        require((result & ~mask) == 0);
        insn_alu(insn, reg, value & mask, &other);
        require((flags & ~0x8d5ull) == ~0x8d5ull && !(other & ~0x8d5ull));
        value = result;
    }
    if (insn_writes_register(insn) && insn->reg_size < 4) {
        unsigned shift = insn->high_byte ? 8 : 0;
        uint64_t part = (insn->reg_size == 1 ? 0xffull : 0xffffull) << shift;

        require(((insn_load_result(insn, reg, value) ^ reg) & ~part) == 0);
    }
}

/* Its own bytes decide, and nothing behind them. */
static void check_length(const uint8_t bytes[INSN_MAX], enum insn_mode mode,
                         const struct insn *insn)
{
    uint8_t other[INSN_MAX];
    struct insn again;

    require(insn->length == length_of(bytes, mode));
    require(decode_exact(bytes, insn->length, mode, &again) == 0);
    require(memcmp(insn, &again, sizeof(again)) == 0);
    for (unsigned i = 0; i < insn->length; i++)
        require(decode_exact(bytes, i, mode, &again) == -E2BIG);
    for (unsigned i = 0; i < INSN_MAX; i++)
        other[i] = i < insn->length ? bytes[i] : (uint8_t)~bytes[i];
    require(decode_exact(other, INSN_MAX, mode, &again) == 0);
    require(memcmp(insn, &again, sizeof(again)) == 0);
}

/* A segment prefix in front makes it one byte longer, and too long at last. */
static void check_prefix(const uint8_t bytes[INSN_MAX], enum insn_mode mode,
                         const struct insn *insn)
{
    uint8_t longer[INSN_MAX] = {0x3e};
    struct insn again;
    int error;

    memcpy(longer + 1, bytes, INSN_MAX - 1);
    error = decode_exact(longer, INSN_MAX, mode, &again);
    require(error == (insn->length < INSN_MAX ? 0 : -EINVAL));
    require(error || again.length == insn->length + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    enum insn_mode mode = take_below(&in, 3);
    unsigned count = in.left < INSN_MAX ? (unsigned)in.left : INSN_MAX;
    uint8_t bytes[INSN_MAX] = {0};
    struct insn insn = {0};
    int error;

    memcpy(bytes, in.at, count);
    error = decode_exact(bytes, count, mode, &insn);
    require(error == 0 || error == -E2BIG || error == -EINVAL ||
            error == -EOPNOTSUPP);
    require(error != -E2BIG || count < INSN_MAX);
    if (error)
        return 0;
    require(insn.length >= 1 && insn.length <= count);
    check_fields(&insn, mode);
    check_results(&insn);
    check_length(bytes, mode, &insn);
    check_prefix(bytes, mode, &insn);
    return 0;
}
