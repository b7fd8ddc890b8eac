/* SPDX-License-Identifier: BSD-2-Clause */
/* A vCPU's memory by linear address, for instructions that are carried out in
 * its place. Sets no accessed and dirty bits in the guest's page tables. */
#ifndef VMM_LINEAR_H
#define VMM_LINEAR_H

#include <stdint.h>

#include "vmm/decode.h"
#include "vmm/exits.h"
#include "vmm/walk.h"

#define LINEAR_MAX 16u /* bytes of one access: at most two pages */

struct linear {
    struct guest *guest;
    struct vcpu *vcpu;
    struct walk_state walk;
    struct x86_segment cs;
    enum insn_mode mode;
    /* Why linear_access() failed. */
    uint64_t address;    /* linear; after -EFAULT: guest-physical */
    uint32_t error_code; /* of the page fault */
};

/* Looks at how the vCPU addresses memory now. */
void linear_init(struct linear *l, struct guest *guest, struct vcpu *vcpu);

/*
 * Copies size bytes (1 to LINEAR_MAX) from gva to data, or to gva with
 * WALK_WRITE in access, which is as for walk(). Either all or nothing. What
 * is no memory reads as ones, but for device registers and fetches. 0; -EPERM
 * for a page fault; -EINVAL when gva is not canonical; -EFAULT when there is
 * no memory.
 */
int linear_access(struct linear *l, uint64_t gva, void *data, unsigned size,
                  unsigned access);

/* Would linear_access() be possible? For reads, whether the guest's page
 * tables allow it. The same errors. */
int linear_check(struct linear *l, uint64_t gva, unsigned size,
                 unsigned access);

/* What an error of linear_access() leads to: #PF, #GP or FAULT_EPT. */
enum exit_result linear_failed(const struct linear *l, int error);

/*
 * Fetches the instruction at RIP as far as its page goes: *count bytes, 1 to
 * INSN_MAX. Errors as linear_access().
 */
int linear_fetch(struct linear *l, uint8_t bytes[INSN_MAX], unsigned *count);

/* When these were not enough: *count becomes INSN_MAX. -E2BIG when it is
 * already, else errors as linear_access(). */
int linear_fetch_more(struct linear *l, uint8_t bytes[INSN_MAX],
                      unsigned *count);

#endif
