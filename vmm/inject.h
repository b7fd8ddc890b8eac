/* SPDX-License-Identifier: BSD-2-Clause */
/* Fault injection: making real what the detectors look for. */
#ifndef VMM_INJECT_H
#define VMM_INJECT_H

#include <stdint.h>

#include "kernel/fault.h"
#include "vmm/vm.h"

struct guest;

struct mce_request {
    uint64_t hpa; /* MCi_ADDR */
    uint64_t status, misc, mcg_status;
    enum fault_context where; /* GUEST: a forged exit of this VM; SERVING:
                                 vector 18 in its next exit; CORE: vector 18
                                 at once, with no VM served */
};

/* What an exit handler can be made to do wrong. */
enum root_injection {
    ROOT_NOTHING,
    ROOT_MCE,
    ROOT_NULL_WRITE,
    ROOT_UNDEFINED,
    ROOT_DIVIDE,
    ROOT_PROTECTION, /* a non-canonical address: #GP */
    ROOT_OVERFLOW,   /* the stack */
    ROOT_WILD_WRITE, /* to the cell window's unmapped part */
    ROOT_ENTRY,      /* leave state that cannot be entered: FAULT_ENTRY */
    ROOT_MISCONFIG,  /* damage the mapping of a page: FAULT_MISCONFIG */
    ROOT_INJECTIONS
};

/* From a safe point. 0; -EBUSY when the VM has ended. */
int guest_inject_mce(struct vm *vm, const struct mce_request *request);
int guest_inject_root(struct vm *vm, enum root_injection what);
const char *root_injection_name(enum root_injection what);

/* Called at an exit when something is to be done wrong. */
void guest_strike(struct guest *guest);

#endif
