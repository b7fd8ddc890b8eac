/* SPDX-License-Identifier: BSD-2-Clause */
/* What one VM left in predictors, L1 and buffers is not for the next one. */
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/vmx/vmx.h"

/* CPUID leaf 7, EDX (SDM vol. 2, CPUID). */
#define MD_CLEAR  (1u << 10)
#define IBPB      (1u << 26)
#define L1D_FLUSH (1u << 28)

static uint32_t offered;

void vmx_barrier_init(void)
{
    offered = cpuid(0, 0).eax >= 7 ? cpuid(7, 0).edx : 0;
}

void vmx_barrier(void)
{
    if (offered & IBPB) {
        msr_write(MSR_PRED_CMD, 1);
    }
    if (offered & L1D_FLUSH) {
        msr_write(MSR_FLUSH_CMD, 1);
    }
    if (offered & MD_CLEAR) {
        uint16_t selector;

        asm volatile("mov %%ss, %0" : "=m"(selector));
        asm volatile("verw %0" ::"m"(selector) : "cc");
    }
}
