/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decoder for the instructions that kernels use on device registers: MOV,
 * MOVZX, MOVSX, MOVSXD, and ADD OR ADC SBB AND SUB XOR CMP TEST with a memory
 * operand. Pure: no state, no guest access. The effective address is not
 * computed, since the exit itself tells the guest-physical one.
 */
#ifndef VMM_DECODE_H
#define VMM_DECODE_H

#include <stdbool.h>
#include <stdint.h>

#define INSN_MAX 15 /* the longest instruction (SDM vol. 2, 2.3.11) */

/* Default sizes of the code segment: CS.L and CS.D. */
enum insn_mode { INSN_16, INSN_32, INSN_64 };

enum insn_op {
    INSN_LOAD,      /* register <- memory */
    INSN_LOAD_ZX,   /* register <- memory, zero-extended */
    INSN_LOAD_SX,   /* register <- memory, sign-extended */
    INSN_STORE,     /* memory <- register */
    INSN_STORE_IMM, /* memory <- immediate */
    INSN_ALU_LOAD,  /* register <- register alu memory */
    INSN_ALU_STORE, /* memory <- memory alu register */
    INSN_ALU_IMM,   /* memory <- memory alu immediate */
};

/* In the order of their encoding (SDM vol. 2, table A-6, group 1). CMP and
 * TEST only set flags. */
enum insn_alu {
    INSN_ADD,
    INSN_OR,
    INSN_ADC,
    INSN_SBB,
    INSN_AND,
    INSN_SUB,
    INSN_XOR,
    INSN_CMP,
    INSN_TEST,
};

struct insn {
    enum insn_op op;
    enum insn_alu alu; /* for the INSN_ALU forms */
    uint8_t length;    /* bytes, 1 to INSN_MAX */
    uint8_t mem_size;  /* bytes that are accessed: 1, 2, 4 or 8 */
    uint8_t reg_size;  /* width of the register, or of the immediate */
    uint8_t reg;       /* 0 (RAX) to 15, in the order of the encoding */
    bool high_byte;    /* bits 15:8 of the register: AH, CH, DH or BH */
    uint64_t imm;      /* sign-extended to mem_size, zero above it */
};

/*
 * Decodes the instruction at bytes, of which count may be read. Returns 0;
 * -E2BIG when it is longer than count (try again with more, INSN_MAX always
 * suffice); -EINVAL when it is longer than INSN_MAX, which raises #GP;
 * -EOPNOTSUPP when it is another instruction, has a LOCK prefix, or has no
 * memory operand. REP prefixes mean nothing to what is decoded, and are
 * skipped as the processor does. *out is undefined after an error.
 */
int decode(const uint8_t *bytes, unsigned count, enum insn_mode mode,
           struct insn *out);

/* What emulation has to do: read memory first, then compute, then write. */
bool insn_is_alu(const struct insn *insn);
bool insn_reads_memory(const struct insn *insn);
bool insn_writes_memory(const struct insn *insn);
bool insn_writes_register(const struct insn *insn);

/*
 * The whole new register when value (the memory that was read, or the result
 * of insn_alu) goes into old_reg: writing 32 bits clears the upper half,
 * writing 8 or 16 bits keeps the rest (SDM vol. 1, 3.4.1.1).
 */
uint64_t insn_load_result(const struct insn *insn, uint64_t old_reg,
                          uint64_t value);

/* The source operand that goes to memory: the immediate, or the part of the
 * whole register reg that the instruction names. Zero above mem_size. */
uint64_t insn_store_value(const struct insn *insn, uint64_t reg);

/*
 * The result of an INSN_ALU form from the whole register reg and the memory
 * value; zero above mem_size. Replaces CF, PF, AF, ZF, SF and OF in *rflags.
 * AF, undefined after OR, AND, XOR and TEST, is cleared by them.
 */
uint64_t insn_alu(const struct insn *insn, uint64_t reg, uint64_t value,
                  uint64_t *rflags);

#endif
