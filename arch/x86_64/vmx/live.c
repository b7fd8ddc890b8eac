/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest state that no VMCS field holds: in the processor while the vCPU is
 * loaded, since the hypervisor itself uses none of it. */
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/vmx/vmx.h"
#include "kernel/string.h"

/* In the FXSAVE area (SDM vol. 1, table 10-2). */
#define FX_MXCSR           24
#define FX_MXCSR_MASK      28
#define MXCSR_MASK_DEFAULT 0xffbf /* SDM vol. 1, 11.6.6 */

static uint32_t mxcsr_mask = MXCSR_MASK_DEFAULT;

bool vmx_canonical(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

bool vmx_live_possible(const struct vmx_live *live)
{
    return vmx_canonical(live->lstar) && vmx_canonical(live->cstar) &&
           vmx_canonical(live->kernel_gs_base) && live->fmask >> 32 == 0 &&
           live->tsc_aux >> 32 == 0 && live->dr6 >> 32 == 0;
}

/* Without RDTSCP the guest cannot see IA32_TSC_AUX, which may be absent. */
static bool has_tsc_aux(void)
{
    return vmx_caps.word[VMX_PROC2] & PROC2_RDTSCP;
}

void vmx_live_load(const struct vmx_live *live)
{
    wrmsr(MSR_STAR, live->star);
    wrmsr(MSR_LSTAR, live->lstar);
    wrmsr(MSR_CSTAR, live->cstar);
    wrmsr(MSR_FMASK, live->fmask);
    wrmsr(MSR_KERNEL_GS_BASE, live->kernel_gs_base);
    if (has_tsc_aux()) {
        wrmsr(MSR_TSC_AUX, live->tsc_aux);
    }
    write_dr0(live->dr[0]);
    write_dr1(live->dr[1]);
    write_dr2(live->dr[2]);
    write_dr3(live->dr[3]);
    write_dr6(live->dr6);
    write_cr2(live->cr2);
}

void vmx_live_save(struct vmx_live *live)
{
    live->star = rdmsr(MSR_STAR);
    live->lstar = rdmsr(MSR_LSTAR);
    live->cstar = rdmsr(MSR_CSTAR);
    live->fmask = rdmsr(MSR_FMASK);
    live->kernel_gs_base = rdmsr(MSR_KERNEL_GS_BASE);
    if (has_tsc_aux()) {
        live->tsc_aux = rdmsr(MSR_TSC_AUX);
    }
    live->dr[0] = read_dr0();
    live->dr[1] = read_dr1();
    live->dr[2] = read_dr2();
    live->dr[3] = read_dr3();
    live->dr6 = read_dr6();
    live->cr2 = read_cr2();
}

/* FXSAVE and FXRSTOR fault while CR0.TS is set; returns CR0 as it was. */
static uint64_t fpu_open(void)
{
    uint64_t cr0 = read_cr0();

    if (cr0 & (CR0_TS | CR0_EM)) {
        write_cr0(cr0 & ~(CR0_TS | CR0_EM));
    }
    return cr0;
}

static void fpu_close(uint64_t cr0)
{
    if (cr0 & (CR0_TS | CR0_EM)) {
        write_cr0(cr0);
    }
}

void vmx_live_init(void)
{
    uint8_t area[512] __attribute__((aligned(16)));
    uint32_t mask;

    memset(area, 0, sizeof(area));
    vmx_fpu_save(area);
    memcpy(&mask, area + FX_MXCSR_MASK, sizeof(mask));
    mxcsr_mask = mask ? mask : MXCSR_MASK_DEFAULT;
}

/* A reserved bit of MXCSR would fault here, in the hypervisor. */
void vmx_fpu_load(uint8_t area[512])
{
    uint64_t cr0 = fpu_open();
    uint32_t mxcsr;

    memcpy(&mxcsr, area + FX_MXCSR, sizeof(mxcsr));
    mxcsr &= mxcsr_mask;
    memcpy(area + FX_MXCSR, &mxcsr, sizeof(mxcsr));
    asm volatile("fxrstor64 (%0)" ::"r"(area) : "memory");
    fpu_close(cr0);
}

void vmx_fpu_save(uint8_t area[512])
{
    uint64_t cr0 = fpu_open();

    asm volatile("fxsave64 (%0)" ::"r"(area) : "memory");
    fpu_close(cr0);
}
