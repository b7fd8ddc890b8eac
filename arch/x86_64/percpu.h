/* SPDX-License-Identifier: BSD-2-Clause */
/* What each logical CPU has of its own, reached through GS. */
#ifndef ARCH_PERCPU_H
#define ARCH_PERCPU_H

#include <stdbool.h>
#include <stdint.h>

#define CPU_MAX 64

struct arch_vcpu;

struct percpu {
    struct percpu *self; /* at GS:0 */
    uint32_t index;      /* logical CPU number, 0 is the boot CPU */
    uint32_t apic_id;

    /* Whose fault is it? (decision 4) */
    uint32_t core_depth; /* > 0: in a core section */
    uint16_t served_vm;  /* VM being served, or FAULT_NO_VM */
    uint16_t served_vcpu;
    uint64_t abandon_rsp; /* where cpu_catch() left its frame; 0: none */

    bool in_nmi; /* the NMI handler is running */
    bool in_mce; /* a machine check is handled: MCG_STATUS.MCIP is set */

    /* What is loaded. */
    uint64_t root;            /* physical address of the PML4 in CR3 */
    uint64_t core_root;       /* the PML4 without a cell */
    struct arch_vcpu *loaded; /* vCPU whose VMCS, FPU and MSRs are live */

    uint64_t stack_top;
    volatile bool online;

    /* The root watchdog (kernel/watchdog.h). */
    volatile uint32_t nmis; /* taken so far */
    uint32_t watch_strikes;
    uint64_t watch_limit; /* host TSC; 0: nothing is watched */
};

extern uint32_t cpu_count; /* logical CPUs that run our code */

static inline struct percpu *this_cpu(void)
{
    struct percpu *self;

    asm volatile("mov %%gs:0, %0" : "=r"(self));
    return self;
}

/* Makes self the per-CPU data of this CPU, which gets the number index. */
void percpu_load(struct percpu *self, uint32_t index);

/* A core section: a short, bounded stretch that changes core state while a
 * VM is served. Sections nest; they never call back into a cell. */
static inline void core_enter(void)
{
    this_cpu()->core_depth++;
    asm volatile("" ::: "memory");
}

static inline void core_leave(void)
{
    asm volatile("" ::: "memory");
    this_cpu()->core_depth--;
}

#endif
