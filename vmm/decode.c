/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/decode.h"

#include "kernel/errno.h"

#define REX_W 0x8
#define REX_R 0x4

struct parse {
    const uint8_t *bytes;
    unsigned count;
    unsigned at; /* how much has been read: at most INSN_MAX and count */
    enum insn_mode mode;
    uint8_t rex; /* 0x40 to 0x4F, or 0: there is none */
    bool operand_prefix;
    bool address_prefix;
    uint8_t imm_size; /* bytes of the immediate in the encoding */
    bool has_offset;  /* A0-A3: an address, and no ModRM */
};

static int skip(struct parse *p, unsigned n)
{
    if (p->at + n > INSN_MAX)
        return -EINVAL;
    if (p->at + n > p->count)
        return -E2BIG;
    p->at += n;
    return 0;
}

static int next(struct parse *p, uint8_t *byte)
{
    int error = skip(p, 1);

    if (!error)
        *byte = p->bytes[p->at - 1];
    return error;
}

static uint8_t operand_size(const struct parse *p)
{
    if (p->rex & REX_W)
        return 8;
    return (p->mode == INSN_16) == p->operand_prefix ? 4 : 2;
}

static uint8_t address_size(const struct parse *p)
{
    if (p->mode == INSN_64)
        return p->address_prefix ? 4 : 8;
    return (p->mode == INSN_16) == p->address_prefix ? 4 : 2;
}

/* Takes one prefix other than REX; false when the byte is none. */
static bool legacy_prefix(struct parse *p, uint8_t byte)
{
    switch (byte) {
    case 0x26: /* ES */
    case 0x2E: /* CS */
    case 0x36: /* SS */
    case 0x3E: /* DS */
    case 0x64: /* FS */
    case 0x65: /* GS */
    case 0xF2: /* REPNE */
    case 0xF3: /* REP */
        return true;
    case 0x66:
        p->operand_prefix = true;
        return true;
    case 0x67:
        p->address_prefix = true;
        return true;
    default:
        return false;
    }
}

/* Reads prefixes and the first byte of the opcode. A REX prefix counts only
 * right before the opcode (SDM vol. 2, 2.2.1). */
static int read_prefixes(struct parse *p, uint8_t *opcode)
{
    int error;

    while (!(error = next(p, opcode))) {
        if (legacy_prefix(p, *opcode))
            p->rex = 0;
        else if (p->mode == INSN_64 && (*opcode & 0xF0) == 0x40)
            p->rex = *opcode;
        else
            break;
    }
    return error;
}

static void set_form(struct insn *out, enum insn_op op, uint8_t mem_size,
                     uint8_t reg_size)
{
    out->op = op;
    out->mem_size = mem_size;
    out->reg_size = reg_size;
}

/* MOVZX and MOVSX. */
static int classify_two_byte(struct parse *p, struct insn *out)
{
    uint8_t opcode;
    int error = next(p, &opcode);

    if (error)
        return error;
    if ((opcode & 0xF6) != 0xB6)
        return -EOPNOTSUPP;
    set_form(out, opcode & 0x8 ? INSN_LOAD_SX : INSN_LOAD_ZX,
             opcode & 1 ? 2 : 1, operand_size(p));
    return 0;
}

/* 0x63 is ARPL outside 64-bit mode. With a 16-bit operand, vendors disagree
 * on how much memory it reads. */
static int classify_movsxd(const struct parse *p, struct insn *out)
{
    uint8_t size = operand_size(p);

    if (p->mode != INSN_64 || size == 2)
        return -EOPNOTSUPP;
    set_form(out, INSN_LOAD_SX, 4, size);
    return 0;
}

/* Pairs of one-byte opcodes: bytes, and with bit 0 set the operand size. In
 * groups ModRM completes the opcode, see apply_field. */
static const struct form {
    uint8_t opcode;
    enum insn_op op;
    enum insn_alu alu;
    uint8_t imm_limit; /* bytes, at most, of the immediate's encoding */
    bool has_offset;
} forms[] = {
    {.opcode = 0x80, .op = INSN_ALU_IMM, .imm_limit = 4}, /* group 1 */
    {.opcode = 0x82, .op = INSN_ALU_IMM, .imm_limit = 1}, /* group 1 */
    {.opcode = 0x84, .op = INSN_ALU_STORE, .alu = INSN_TEST},
    {.opcode = 0x88, .op = INSN_STORE},
    {.opcode = 0x8A, .op = INSN_LOAD},
    {.opcode = 0xA0, .op = INSN_LOAD, .has_offset = true},
    {.opcode = 0xA2, .op = INSN_STORE, .has_offset = true},
    {.opcode = 0xC6, .op = INSN_STORE_IMM, .imm_limit = 4}, /* group 11 */
    /* group 3 */
    {.opcode = 0xF6, .op = INSN_ALU_IMM, .alu = INSN_TEST, .imm_limit = 4},
};

static int classify_pair(struct parse *p, uint8_t opcode, struct insn *out)
{
    uint8_t size = opcode & 1 ? operand_size(p) : 1;
    unsigned i;

    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        const struct form *form = &forms[i];

        if (form->opcode != (opcode & 0xFE))
            continue;
        p->imm_size = size < form->imm_limit ? size : form->imm_limit;
        p->has_offset = form->has_offset;
        out->alu = form->alu;
        set_form(out, form->op, size, size);
        return 0;
    }
    return -EOPNOTSUPP;
}

static int classify(struct parse *p, uint8_t opcode, struct insn *out)
{
    uint8_t size = opcode & 1 ? operand_size(p) : 1;

    if (opcode == 0x0F)
        return classify_two_byte(p, out);
    if (opcode == 0x63)
        return classify_movsxd(p, out);
    if (opcode == 0x82 && p->mode == INSN_64)
        return -EOPNOTSUPP;
    if (opcode >= 0x40 || (opcode & 7) >= 4)
        return classify_pair(p, opcode, out);
    out->alu = opcode >> 3;
    set_form(out, opcode & 2 ? INSN_ALU_LOAD : INSN_ALU_STORE, size, size);
    return 0;
}

/* Skips SIB and displacement (SDM vol. 2, tables 2-1 to 2-3). */
static int skip_address(struct parse *p, uint8_t modrm)
{
    uint8_t size = address_size(p);
    uint8_t mod = modrm >> 6;
    uint8_t base = modrm & 7;
    int error;

    if (size > 2 && base == 4) {
        error = next(p, &base);
        if (error)
            return error;
        base &= 7;
    }
    if (mod == 1)
        return skip(p, 1);
    if (mod == 2 || base == (size == 2 ? 6 : 5))
        return skip(p, size == 2 ? 2 : 4);
    return 0;
}

/* The middle field of ModRM is the register, or completes the opcode. */
static int apply_field(const struct parse *p, uint8_t opcode, uint8_t field,
                       struct insn *out)
{
    if (opcode >= 0x80 && opcode <= 0x83) {
        out->alu = field;
    } else if (p->imm_size) {
        return field ? -EOPNOTSUPP : 0;
    } else if (out->reg_size == 1 && !p->rex && field >= 4) {
        out->reg = field - 4;
        out->high_byte = true;
    } else {
        out->reg = (uint8_t)(field | (p->rex & REX_R ? 8 : 0));
    }
    return 0;
}

static int read_modrm(struct parse *p, uint8_t opcode, struct insn *out)
{
    uint8_t modrm;
    int error = next(p, &modrm);

    if (error)
        return error;
    if (modrm >= 0xC0)
        return -EOPNOTSUPP;
    error = apply_field(p, opcode, modrm >> 3 & 7, out);
    return error ? error : skip_address(p, modrm);
}

static int read_immediate(struct parse *p, struct insn *out)
{
    uint64_t value;
    unsigned i;
    int error = skip(p, p->imm_size);

    if (error || !p->imm_size)
        return error;
    value = p->bytes[p->at - 1] & 0x80 ? ~0ULL : 0;
    for (i = 1; i <= p->imm_size; i++)
        value = value << 8 | p->bytes[p->at - i];
    out->imm = value & (~0ULL >> (64 - 8 * out->mem_size));
    return 0;
}

int decode(const uint8_t *bytes, unsigned count, enum insn_mode mode,
           struct insn *out)
{
    struct parse p = {.bytes = bytes, .count = count, .mode = mode};
    uint8_t opcode;
    int error;

    *out = (struct insn){.op = INSN_LOAD};
    error = read_prefixes(&p, &opcode);
    if (!error)
        error = classify(&p, opcode, out);
    if (!error)
        error = p.has_offset ? skip(&p, address_size(&p))
                             : read_modrm(&p, opcode, out);
    if (!error)
        error = read_immediate(&p, out);
    out->length = (uint8_t)p.at;
    return error;
}
