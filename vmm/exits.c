/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of exits, and the handlers that are a few lines. */
#include "arch/x86_64/cpu.h"
#include "vmm/exit_parts.h"

static enum exit_result resume(struct guest *guest, struct vcpu *vcpu)
{
    (void)guest;
    (void)vcpu;
    return EXIT_RESUME;
}

/* A host interrupt may have brought input, for whomever. */
static enum exit_result look_around(struct guest *guest, struct vcpu *vcpu)
{
    vcpu_hurry(vcpu);
    platform_sync(guest);
    return EXIT_RESUME;
}

/* What its handler posted waits for the safe point. */
static enum exit_result host_nmi(struct guest *guest, struct vcpu *vcpu)
{
    (void)guest;
    vcpu_hurry(vcpu);
    return EXIT_RESUME;
}

/* The guest's timer is due, or its slice is over. */
static enum exit_result timer(struct guest *guest, struct vcpu *vcpu)
{
    vcpu->look |= LOOK_TIMER;
    platform_sync(guest);
    return EXIT_RESUME;
}

/* What waited can be delivered now. */
static enum exit_result window(struct guest *guest, struct vcpu *vcpu)
{
    (void)guest;
    vcpu->look |= LOOK_EVENTS;
    return EXIT_RESUME;
}

/* PAUSE; WBINVD and INVD, since guest memory is coherent whatever a guest
 * does, and an INVD that discards lines would hit other VMs. */
static enum exit_result skip(struct guest *guest, struct vcpu *vcpu)
{
    (void)guest;
    (void)vcpu;
    return EXIT_ADVANCE;
}

/* Instructions of features that are hidden; XSETBV is one while CR4.OSXSAVE
 * cannot be set. */
static enum exit_result undefined(struct guest *guest, struct vcpu *vcpu)
{
    return vcpu_raise(guest, vcpu, VECTOR_UD, false, 0);
}

/* RDPMC: there are no counters. */
static enum exit_result protect(struct guest *guest, struct vcpu *vcpu)
{
    return vcpu_raise_gp(guest, vcpu);
}

static enum exit_result unknown(struct guest *guest, struct vcpu *vcpu)
{
    return vcpu_fault(guest, vcpu, FAULT_EXIT, false, 0,
                      vcpu->arch.exit_reason);
}

static enum exit_result triple(struct guest *guest, struct vcpu *vcpu)
{
    return vcpu_fault(guest, vcpu, FAULT_TRIPLE, false, 0, 0);
}

static enum exit_result entry_failed(struct guest *guest, struct vcpu *vcpu)
{
    return vcpu_fault(guest, vcpu, FAULT_ENTRY, false, 0,
                      vcpu->arch.exit_reason);
}

/* Posted where it was seen; ft looks at it at the safe point. */
static enum exit_result machine_check(struct guest *guest, struct vcpu *vcpu)
{
    (void)guest;
    (void)vcpu;
    return EXIT_STOP;
}

/* An STI right before HLT holds interrupts back only until HLT is done, so
 * its shadow does not count. */
static enum exit_result halt(struct guest *guest, struct vcpu *vcpu)
{
    lapic_timer_poll(&vcpu->lapic, guest_now(guest, rdtsc()));
    vcpu->look |= LOOK_EVENTS;
    if (vcpu->arch.nmi_pending || (lapic_pending(&vcpu->lapic) >= 0 &&
                                   (cpu->rflags(&vcpu->arch) & RFLAGS_IF))) {
        return EXIT_ADVANCE;
    }
    vcpu->activity = ACTIVITY_HLT;
    return EXIT_ADVANCE_STOP;
}

/*
 * A fault of the VM: task switches by hardware, which 64-bit systems do not
 * have, and exits that the backend is never asked for (RDTSC, INVLPG, MOV DR).
 */
exit_handler *const exit_handlers[EXIT_KINDS] = {
    [EXIT_NONE] = resume,
    [EXIT_INTERRUPT] = look_around,
    [EXIT_TIMER] = timer,
    [EXIT_WINDOW] = window,
    [EXIT_NMI_WINDOW] = window,
    [EXIT_HOST_NMI] = host_nmi,
    [EXIT_MCE] = machine_check,
    [EXIT_EXCEPTION] = exception_exit,
    [EXIT_TRIPLE] = triple,
    [EXIT_ENTRY_FAILED] = entry_failed,
    [EXIT_CPUID] = cpuid_exit,
    [EXIT_HLT] = halt,
    [EXIT_CALL] = call_exit,
    [EXIT_CR] = cr_exit,
    [EXIT_DR] = unknown,
    [EXIT_IO] = io_exit,
    [EXIT_RDMSR] = rdmsr_exit,
    [EXIT_WRMSR] = wrmsr_exit,
    [EXIT_TASK_SWITCH] = unknown,
    [EXIT_XSETBV] = undefined,
    [EXIT_WBINVD] = skip,
    [EXIT_INVD] = skip,
    [EXIT_MONITOR] = undefined,
    [EXIT_MWAIT] = undefined,
    [EXIT_PAUSE] = skip,
    [EXIT_RDPMC] = protect,
    [EXIT_RDTSC] = unknown,
    [EXIT_INVLPG] = unknown,
    [EXIT_UNDEFINED] = undefined,
    [EXIT_STAGE2] = mmio_exit,
    [EXIT_MISCONFIG] = misconfig_exit,
    [EXIT_APIC_WRITE] = apic_write_exit,
    [EXIT_APIC_EOI] = apic_eoi_exit,
    [EXIT_INIT] = resume, /* there is one vCPU */
    [EXIT_SIPI] = resume,
    [EXIT_UNKNOWN] = unknown,
};
