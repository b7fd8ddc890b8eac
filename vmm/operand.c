/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/operand.h"

#define REX_B 1u
#define REX_X 2u
#define NONE  GPR_COUNT /* no register */

/* An address on its way (SDM vol. 2, tables 2-1 to 2-3). */
struct address {
    const uint8_t *at; /* behind what was read */
    enum insn_mode mode;
    unsigned rex, size; /* of the address, in bytes */
    unsigned base, index, shift;
    uint64_t displacement;
    bool next_rip; /* relative to the next instruction */
};

static uint64_t number(const uint8_t *bytes, unsigned size)
{
    uint64_t value = bytes[size - 1] & 0x80 ? UINT64_MAX : 0;

    for (unsigned i = size; i > 0; i--) {
        value = value << 8 | bytes[i - 1];
    }
    return value;
}

static bool segment_prefix(uint8_t byte, enum segment_index *segment)
{
    static const uint8_t prefixes[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};

    for (unsigned i = 0; i < sizeof(prefixes); i++) {
        if (prefixes[i] == byte) {
            *segment = (enum segment_index)i;
            return true;
        }
    }
    return false;
}

/* In 64-bit mode the other segments are flat. */
static bool counts(enum insn_mode mode, enum segment_index segment)
{
    return mode != INSN_64 || segment == SEG_FS || segment == SEG_GS;
}

/* Up to the opcode; true when a segment is named. */
static bool read_prefixes(struct address *a, enum segment_index *segment)
{
    enum segment_index named;
    bool any = false, other = false;

    for (;; a->at++) {
        uint8_t byte = *a->at;

        if (segment_prefix(byte, &named)) {
            *segment = counts(a->mode, named) ? named : *segment;
            any = any || counts(a->mode, named);
        } else if (a->mode == INSN_64 && byte >> 4 == 4) {
            a->rex = byte;
            continue;
        } else if (byte == 0x67) {
            other = true;
        } else if (byte != 0x66 && byte != 0xf2 && byte != 0xf3) {
            break;
        }
        a->rex = 0;
    }
    a->size = a->mode == INSN_64 ? 8 : a->mode == INSN_32 ? 4 : 2;
    a->size = !other ? a->size : a->size == 4 ? 2 : 4;
    return any;
}

static void read_16(struct address *a, unsigned mod, unsigned rm)
{
    static const uint8_t bases[] = {GPR_RBX, GPR_RBX, GPR_RBP, GPR_RBP,
                                    NONE,    NONE,    GPR_RBP, GPR_RBX};
    static const uint8_t indexes[] = {GPR_RSI, GPR_RDI, GPR_RSI, GPR_RDI,
                                      GPR_RSI, GPR_RDI, NONE,    NONE};

    a->base = bases[rm];
    a->index = indexes[rm];
    if (mod == 1) {
        a->displacement = number(a->at, 1);
    } else if (mod == 2 || rm == 6) {
        a->displacement = number(a->at, 2);
        a->base = mod == 2 ? a->base : NONE;
    }
}

static void read_sib(struct address *a)
{
    unsigned sib = *a->at++;

    a->shift = sib >> 6;
    a->base = sib & 7;
    a->index = (sib >> 3 & 7) | (a->rex & REX_X ? 8 : 0);
    a->index = a->index == GPR_RSP ? NONE : a->index;
}

static void read_wide(struct address *a, unsigned mod, unsigned rm)
{
    bool sib = rm == 4;

    a->base = rm;
    if (sib) {
        read_sib(a);
    }
    if (mod == 1) {
        a->displacement = number(a->at, 1);
    } else if (mod == 2 || a->base == 5) {
        a->displacement = number(a->at, 4);
    }
    if (mod == 0 && a->base == 5) {
        a->next_rip = a->mode == INSN_64 && !sib;
        a->base = NONE;
    } else {
        a->base |= a->rex & REX_B ? 8 : 0;
    }
}

/* Behind the opcode: MOV with an address of its own, or ModRM. */
static void read_address(struct address *a, uint8_t opcode)
{
    unsigned modrm;

    if (opcode >= 0xa0 && opcode <= 0xa3) {
        a->displacement = number(a->at, a->size);
        return;
    }
    modrm = *a->at++;
    if (a->size == 2) {
        read_16(a, modrm >> 6, modrm & 7);
    } else {
        read_wide(a, modrm >> 6, modrm & 7);
    }
}

static uint64_t value_of(unsigned reg, const uint64_t gpr[GPR_COUNT])
{
    return reg == NONE ? 0 : gpr[reg];
}

struct operand operand_of(const uint8_t *bytes, enum insn_mode mode,
                          unsigned length, uint64_t rip,
                          const uint64_t gpr[GPR_COUNT])
{
    struct address a = {.at = bytes, .mode = mode, .base = NONE, .index = NONE};
    struct operand operand = {.segment = SEG_DS};
    bool named = read_prefixes(&a, &operand.segment);
    uint8_t opcode = *a.at++;

    if (opcode == 0x0f) {
        opcode = 0;
        a.at++;
    }
    read_address(&a, opcode);
    if (!named && (a.base == GPR_RSP || a.base == GPR_RBP)) {
        operand.segment = SEG_SS;
    }
    operand.offset = a.displacement + value_of(a.base, gpr) +
                     (value_of(a.index, gpr) << a.shift) +
                     (a.next_rip ? rip + length : 0);
    operand.offset &= UINT64_MAX >> (64 - 8 * a.size);
    return operand;
}
