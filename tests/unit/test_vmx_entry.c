/* SPDX-License-Identifier: BSD-2-Clause */
/* sources: arch/x86_64/vmx/entry.S */
/*
 * The entry stub, in a process: what is privileged faults, and is stepped
 * over. An NMI can strike at each instruction of the entry window; its handler
 * moves RIP to vm_entry_abort (test_mca.c), and nothing must be lost by that.
 */
#define _GNU_SOURCE /* for the names of registers */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <signal.h>
#include <ucontext.h>

#include "arch/x86_64/interrupt.h"
#include "arch/x86_64/vmx/vmx.h"

#define TRAP     0x100 /* RFLAGS.TF */
#define DEADLINE 0x123456789abcdef0
#define NEVER    UINT32_MAX
#define STEPS    (5 + 1 + 8 + 7 + 2) /* of the window, and before it */

static struct vmx_entry entry;
static struct arch_vcpu vcpu;

/* What happened to one entry. */
static struct {
    const char *strike_to; /* at the strike_at-th instruction of the window */
    uint32_t strike_at, in_window, steps;
    unsigned launched, resumed, host_writes;
    bool guest_outside; /* registers of the guest outside of the window */
    const struct arch_vcpu *vcpu;
    uint64_t deadline;
    int outcome;
} seen;

/* ---- what the stub goes on to ---- */

enum exit_kind vmx_not_exited(struct arch_vcpu *of, uint64_t deadline,
                              enum vmx_outcome outcome)
{
    seen.vcpu = of;
    seen.deadline = deadline;
    seen.outcome = outcome;
    return EXIT_TIMER;
}

enum exit_kind vmx_decode(struct arch_vcpu *of, uint64_t deadline)
{
    seen.vcpu = of;
    seen.deadline = deadline;
    return EXIT_CPUID;
}

/* ---- a processor without privileges ---- */

static bool is_in_window(uint64_t rip)
{
    return rip >= (uint64_t)vm_entry_begin && rip < (uint64_t)vm_entry_end;
}

/* CLI, VMWRITE, VMLAUNCH, VMRESUME; the last two as if they were refused. */
static void fault(int signal, siginfo_t *info, void *context)
{
    greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
    const uint8_t *code = (const uint8_t *)regs[REG_RIP];

    (void)signal;
    (void)info;
    if (code[0] == 0xfa) {
        regs[REG_RIP] += 1;
        regs[REG_EFL] |= TRAP;
    } else if (code[0] == 0x0f && code[1] == 0x79) {
        regs[REG_RIP] += 3;
        seen.host_writes++;
    } else if (code[0] == 0x0f && code[1] == 0x01) {
        seen.launched += code[2] == 0xc2;
        seen.resumed += code[2] == 0xc3;
        seen.guest_outside |= !is_in_window(regs[REG_RIP]);
        regs[REG_RIP] += 3;
        regs[REG_EFL] &= ~TRAP;
    } else {
        abort();
    }
}

static void trap(int signal, siginfo_t *info, void *context)
{
    greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

    (void)signal;
    (void)info;
    if (++seen.steps > STEPS) {
        abort();
    }
    if (!is_in_window(regs[REG_RIP])) {
        seen.guest_outside |= regs[REG_R8] == (greg_t)vcpu.gpr[8];
    } else if (seen.in_window++ == seen.strike_at) {
        regs[REG_RIP] = (greg_t)seen.strike_to;
        regs[REG_EFL] &= ~TRAP;
    }
}

static void catch_signals(void)
{
    const struct sigaction on_fault = {.sa_sigaction = fault,
                                       .sa_flags = SA_SIGINFO};
    const struct sigaction on_trap = {.sa_sigaction = trap,
                                      .sa_flags = SA_SIGINFO};

    assert_int_equal(sigaction(SIGSEGV, &on_fault, NULL), 0);
    assert_int_equal(sigaction(SIGILL, &on_fault, NULL), 0);
    assert_int_equal(sigaction(SIGTRAP, &on_trap, NULL), 0);
}

/* ---- a caller that looks after its registers ---- */

uint64_t kept[6]; /* RBX, RBP, R12 to R15, after the call */

int call_entry(struct arch_vcpu *of, uint64_t deadline, struct vmx_entry *how);
asm(".text\n"
    "call_entry:\n"
    "push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
    "sub $8, %rsp\n"
    "mov $1, %rbx\n mov $2, %rbp\n mov $3, %r12\n mov $4, %r13\n"
    "mov $5, %r14\n mov $6, %r15\n"
    "call vmx_enter\n"
    "mov %rbx, kept(%rip)\n mov %rbp, kept+8(%rip)\n mov %r12, kept+16(%rip)\n"
    "mov %r13, kept+24(%rip)\n mov %r14, kept+32(%rip)\n"
    "mov %r15, kept+40(%rip)\n"
    "add $8, %rsp\n"
    "pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n"
    "ret\n");

/* One entry, struck at that instruction of the window. */
static int enter(bool launched, uint32_t strike_at, const char *strike_to)
{
    int kind;

    memset(&seen, 0, sizeof(seen));
    memset(kept, 0, sizeof(kept));
    seen.strike_at = strike_at;
    seen.strike_to = strike_to;
    entry = (struct vmx_entry){.launched = launched};
    for (unsigned i = 0; i < GPR_COUNT; i++) {
        vcpu.gpr[i] = 0xdead0000 + i;
    }
    catch_signals();
    kind = call_entry(&vcpu, DEADLINE, &entry);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(kept[i], i + 1);
    }
    for (unsigned i = 0; i < GPR_COUNT; i++) {
        assert_int_equal(vcpu.gpr[i], 0xdead0000 + i);
    }
    assert_ptr_equal(seen.vcpu, &vcpu);
    assert_int_equal(seen.deadline, DEADLINE);
    assert_false(seen.guest_outside);
    assert_int_not_equal(entry.host_rsp, 0);
    assert_int_equal(seen.host_writes, 1);
    return kind;
}

/* ---- the tests ---- */

/* Which is no strike at all: the processor refuses. */
static void an_entry_that_is_refused(void **state)
{
    (void)state;
    for (unsigned launched = 0; launched < 2; launched++) {
        assert_int_equal(enter(launched, NEVER, NULL), EXIT_TIMER);
        assert_int_equal(seen.outcome, VMX_FAILED);
        assert_int_equal(seen.launched, !launched);
        assert_int_equal(seen.resumed, launched);
    }
}

static void strike_everywhere(const char *to, enum vmx_outcome outcome)
{
    for (unsigned launched = 0; launched < 2; launched++) {
        uint32_t length;

        enter(launched, NEVER, NULL);
        length = seen.in_window;
        assert_in_range(length, 16, STEPS); /* all registers, and the entry */
        for (uint32_t at = 0; at < length; at++) {
            assert_int_equal(enter(launched, at, to), EXIT_TIMER);
            assert_int_equal(seen.in_window, at + 1);
            assert_int_equal(seen.outcome, outcome);
            assert_int_equal(seen.launched + seen.resumed, 0);
        }
    }
}

static void an_entry_that_is_called_off(void **state)
{
    (void)state;
    strike_everywhere(vm_entry_abort, VMX_ABORTED);
}

static void by_a_machine_check(void **state)
{
    (void)state;
    strike_everywhere(vm_entry_abort_mce, VMX_MCE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_that_is_refused),
        cmocka_unit_test(an_entry_that_is_called_off),
        cmocka_unit_test(by_a_machine_check),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
