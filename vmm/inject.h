/* SPDX-License-Identifier: BSD-2-Clause */
/* Fault injection: making real what the detectors look for. */
#ifndef VMM_INJECT_H
#define VMM_INJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/cell.h"
#include "kernel/fault.h"
#include "kernel/frame.h"
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
    ROOT_WILD_WRITE, /* to an address that is not its own */
    ROOT_CHECK,      /* an internal check fails */
    ROOT_LOOP,       /* for ever */
    ROOT_ENTRY,      /* leave state that cannot be entered: FAULT_ENTRY */
    ROOT_MISCONFIG,  /* damage the mapping of a page: FAULT_MISCONFIG */
    ROOT_INJECTIONS
};

/* The end of the cell window, where no cell has anything. */
#define ROOT_WILD_ADDRESS (WINDOW_END - PAGE_SIZE)

struct root_request {
    enum root_injection what;
    bool in_core;     /* in a core section, not at depth 0 */
    uint64_t address; /* for ROOT_WILD_WRITE */
};

/* From a safe point. 0; -EBUSY when the VM has ended. */
int guest_inject_mce(struct vm *vm, const struct mce_request *request);
int guest_inject_root(struct vm *vm, const struct root_request *request);
const char *root_injection_name(enum root_injection what);

/* Called at an exit when something is to be done wrong. */
void guest_strike(struct guest *guest);

#endif
