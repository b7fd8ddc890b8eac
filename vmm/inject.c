/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/inject.h"

#include <stddef.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/mca/mca.h"
#include "arch/x86_64/percpu.h"
#include "kernel/cell.h"
#include "kernel/check.h"
#include "kernel/errno.h"
#include "kernel/frame.h"
#include "vmm/guest.h"

#define DAMAGED_PAGE 0x100000 /* every guest has it, and most are there */

struct guest_injection {
    struct guest *guest;
    const struct root_request *request;
};

static int forge_in_cell(void *argument)
{
    struct vm *vm = argument;
    struct arch_vcpu *arch = &vm->guest->vcpu[0].arch;

    cell_switch(&vm->cell, arch);
    cpu->forge_mce(arch, false);
    return 0;
}

static int arm_in_cell(void *argument)
{
    struct guest_injection *injection = argument;

    injection->guest->root_injection = injection->request->what;
    injection->guest->root_in_core = injection->request->in_core;
    injection->guest->root_address = injection->request->address;
    return 0;
}

int guest_inject_root(struct vm *vm, const struct root_request *request)
{
    struct guest_injection injection = {vm->guest, request};

    if (vm_has_ended(vm)) {
        return -EBUSY;
    }
    run_wake(&vm->vcpu[0]);
    return run_in_cell(&vm->cell, arm_in_cell, &injection);
}

int guest_inject_mce(struct vm *vm, const struct mce_request *request)
{
    const struct mca_injection injection = {
        .mcg_status = request->mcg_status,
        .status = request->status,
        .address = request->hpa,
        .misc = request->misc,
        .bank = 9, /* as good as any; what QEMU's examples use */
    };

    if (vm_has_ended(vm)) {
        return -EBUSY;
    }
    mca_inject(&injection);
    if (request->where == CONTEXT_CORE) {
        mca_strike();
        return 0;
    }
    if (request->where == CONTEXT_SERVING) {
        return guest_inject_root(vm, &(struct root_request){.what = ROOT_MCE});
    }
    run_wake(&vm->vcpu[0]);
    return run_in_cell(&vm->cell, forge_in_cell, vm);
}

const char *root_injection_name(enum root_injection what)
{
    static const char *const names[ROOT_INJECTIONS] = {
        [ROOT_NOTHING] = "nothing",      [ROOT_MCE] = "mce",
        [ROOT_NULL_WRITE] = "nullwrite", [ROOT_UNDEFINED] = "ud",
        [ROOT_DIVIDE] = "divide",        [ROOT_PROTECTION] = "gp",
        [ROOT_OVERFLOW] = "stack",       [ROOT_WILD_WRITE] = "wild",
        [ROOT_CHECK] = "check",          [ROOT_LOOP] = "loop",
        [ROOT_ENTRY] = "entry",          [ROOT_MISCONFIG] = "misconfig",
    };

    return what < ROOT_INJECTIONS ? names[what] : "?";
}

/* Uses up the stack; the volatile array keeps it from being a loop. */
static unsigned overflow(unsigned depth)
{
    volatile char block[512];

    block[0] = (char)depth;
    return depth == 0 ? 0 : overflow(depth - 1) + (unsigned)block[0];
}

static void strike(struct guest *guest, enum root_injection what)
{
    volatile uint64_t *target = NULL;
    volatile unsigned zero = 0;

    switch (what) {
    case ROOT_MCE:
        mca_strike();
        break;
    case ROOT_NULL_WRITE:
        *target = 1;
        break;
    case ROOT_UNDEFINED:
        __builtin_trap();
    case ROOT_DIVIDE:
        zero = 7 / zero; /* 1 / x would be compiled as x == 1 */
        break;
    case ROOT_PROTECTION:
        target = (volatile uint64_t *)0x1234567812345678;
        *target = 1;
        break;
    case ROOT_OVERFLOW:
        overflow(UINT32_MAX);
        break;
    case ROOT_WILD_WRITE:
        target = (volatile uint64_t *)guest->root_address;
        *target = 1;
        break;
    case ROOT_CHECK:
        CHECK(what != ROOT_CHECK);
        break;
    case ROOT_LOOP:
        for (;;) {
            cpu_pause();
        }
    case ROOT_ENTRY:
        /* Bit 1 must be set (SDM vol. 3, 26.3.1.4). */
        cpu->set_rflags(&guest->vcpu[0].arch, 0);
        break;
    case ROOT_MISCONFIG:
        cpu->stage2_corrupt(&guest->stage2, DAMAGED_PAGE);
        break;
    case ROOT_NOTHING:
    case ROOT_INJECTIONS:
    default:
        break;
    }
}

void guest_strike(struct guest *guest)
{
    enum root_injection what = guest->root_injection;
    bool in_core = guest->root_in_core;

    guest->root_injection = ROOT_NOTHING;
    if (in_core) {
        core_enter();
    }
    strike(guest, what);
    if (in_core) {
        core_leave();
    }
}
