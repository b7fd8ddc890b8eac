/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the memory operand of a decoded instruction begins. The exit tells a
 * guest-physical address in the page that it is about, which need not be the
 * first one of the access. Pure. */
#ifndef VMM_OPERAND_H
#define VMM_OPERAND_H

#include "arch/x86_64/cpu_backend.h"
#include "vmm/decode.h"

struct operand {
    enum segment_index segment;
    uint64_t offset; /* the effective address */
};

/*
 * bytes and mode: of an instruction that decode() took, its length and its
 * address; gpr: the registers, RSP among them, in encoding order.
 */
struct operand operand_of(const uint8_t *bytes, enum insn_mode mode,
                          unsigned length, uint64_t rip,
                          const uint64_t gpr[GPR_COUNT]);

#endif
