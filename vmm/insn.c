/* SPDX-License-Identifier: BSD-2-Clause */
/* What decoded instructions do, and the arithmetic of those that compute. */
#include "vmm/decode.h"

#define FLAG_CF (1ULL << 0)
#define FLAG_PF (1ULL << 2)
#define FLAG_AF (1ULL << 4)
#define FLAG_ZF (1ULL << 6)
#define FLAG_SF (1ULL << 7)
#define FLAG_OF (1ULL << 11)

#define FLAGS   (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

bool insn_is_alu(const struct insn *insn)
{
    return insn->op >= INSN_ALU_LOAD;
}

static bool keeps_result(const struct insn *insn)
{
    return !insn_is_alu(insn) ||
           (insn->alu != INSN_CMP && insn->alu != INSN_TEST);
}

bool insn_reads_memory(const struct insn *insn)
{
    return insn->op != INSN_STORE && insn->op != INSN_STORE_IMM;
}

bool insn_writes_register(const struct insn *insn)
{
    return (insn->op <= INSN_LOAD_SX || insn->op == INSN_ALU_LOAD) &&
           keeps_result(insn);
}

bool insn_writes_memory(const struct insn *insn)
{
    return insn->op > INSN_LOAD_SX && insn->op != INSN_ALU_LOAD &&
           keeps_result(insn);
}

/* The low size bytes of a value. */
static uint64_t truncate(uint64_t value, unsigned size)
{
    return size < 8 ? value & ((1ULL << 8 * size) - 1) : value;
}

static uint64_t sign_extend(uint64_t value, unsigned size)
{
    uint64_t sign = 1ULL << (8 * size - 1);

    return (truncate(value, size) ^ sign) - sign;
}

uint64_t insn_load_result(const struct insn *insn, uint64_t old_reg,
                          uint64_t value)
{
    unsigned shift = insn->high_byte ? 8 : 0;
    uint64_t mask = truncate(~0ULL, insn->reg_size) << shift;

    value = insn->op == INSN_LOAD_SX ? sign_extend(value, insn->mem_size)
                                     : truncate(value, insn->mem_size);
    if (insn->reg_size >= 4)
        return value & mask;
    return (old_reg & ~mask) | (value << shift & mask);
}

uint64_t insn_store_value(const struct insn *insn, uint64_t reg)
{
    if (insn->op == INSN_STORE_IMM || insn->op == INSN_ALU_IMM)
        return insn->imm;
    return truncate(insn->high_byte ? reg >> 8 : reg, insn->mem_size);
}

static uint64_t compute(enum insn_alu alu, uint64_t a, uint64_t b, bool carry)
{
    switch (alu) {
    case INSN_ADD:
        return a + b;
    case INSN_ADC:
        return a + b + carry;
    case INSN_SUB:
    case INSN_CMP:
        return a - b;
    case INSN_SBB:
        return a - b - carry;
    case INSN_OR:
        return a | b;
    case INSN_XOR:
        return a ^ b;
    case INSN_AND:
    case INSN_TEST:
        break;
    }
    return a & b;
}

/* The carry, or borrow, that leaves each bit position. */
static uint64_t carries(enum insn_alu alu, uint64_t a, uint64_t b,
                        uint64_t result)
{
    switch (alu) {
    case INSN_ADD:
    case INSN_ADC:
        return (a & b) | ((a | b) & ~result);
    case INSN_SUB:
    case INSN_SBB:
    case INSN_CMP:
        return (~a & b) | ((~a | b) & result);
    default:
        return 0;
    }
}

/* SDM vol. 1, 3.4.3.1; result and carry are those of an operation on bits
 * top to 0. */
static uint64_t flags_of(uint64_t result, uint64_t carry, unsigned top)
{
    uint64_t flags = 0;

    if (carry >> top & 1)
        flags |= FLAG_CF;
    if (!__builtin_parity((unsigned)result & 0xFF))
        flags |= FLAG_PF;
    if (carry >> 3 & 1)
        flags |= FLAG_AF;
    if (!result)
        flags |= FLAG_ZF;
    if (result >> top & 1)
        flags |= FLAG_SF;
    if ((carry >> top ^ carry >> (top - 1)) & 1)
        flags |= FLAG_OF;
    return flags;
}

uint64_t insn_alu(const struct insn *insn, uint64_t reg, uint64_t value,
                  uint64_t *rflags)
{
    unsigned top = 8u * insn->mem_size - 1;
    uint64_t mask = ~0ULL >> (63 - top);
    uint64_t source = insn_store_value(insn, reg);
    bool to_register = insn->op == INSN_ALU_LOAD;
    uint64_t a = (to_register ? source : value) & mask;
    uint64_t b = (to_register ? value : source) & mask;
    uint64_t result = compute(insn->alu, a, b, *rflags & FLAG_CF) & mask;
    uint64_t carry = carries(insn->alu, a, b, result);

    *rflags = (*rflags & ~FLAGS) | flags_of(result, carry, top);
    return result;
}
