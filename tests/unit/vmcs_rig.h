/* SPDX-License-Identifier: BSD-2-Clause */
/* A VMCS, and registers of the processor, as plain memory. The test includes
 * sources of arch/x86_64/vmx after this header. */
#ifndef TESTS_UNIT_VMCS_RIG_H
#define TESTS_UNIT_VMCS_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/percpu.h"

#define vmcs_read  processor_vmread
#define vmcs_write processor_vmwrite
#define read_dr6   processor_read_dr6
#define write_dr6  processor_write_dr6
#define write_cr2  processor_write_cr2
#define rdmsr      processor_rdmsr
#define wrmsr      processor_wrmsr
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/vmx/vmcs.h"
#undef vmcs_read
#undef vmcs_write
#undef read_dr6
#undef write_dr6
#undef write_cr2
#undef rdmsr
#undef wrmsr

#define RIG_FIELDS 0x6d00u

static uint64_t rig_field[RIG_FIELDS], rig_dr6, rig_cr2, rig_msr;

static inline uint64_t vmcs_read(uint64_t field)
{
    assert_true(field < RIG_FIELDS);
    return rig_field[field];
}

static inline void vmcs_write(uint64_t field, uint64_t value)
{
    assert_true(field < RIG_FIELDS);
    rig_field[field] = value;
}

static inline uint64_t read_dr6(void)
{
    return rig_dr6;
}

static inline void write_dr6(uint64_t value)
{
    rig_dr6 = value;
}

static inline void write_cr2(uint64_t value)
{
    rig_cr2 = value;
}

static inline uint64_t rdmsr(uint32_t msr)
{
    (void)msr;
    return rig_msr;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
    (void)msr;
    rig_msr = value;
}

#include "arch/x86_64/vmx/vmx.h"

struct vmx_caps vmx_caps;
struct vmx_cpu vmx_cpus[CPU_MAX];

static struct arch_vcpu rig_vcpu;
static struct stage2 rig_stage2;

static struct vmx_vcpu *rig_vmx(void)
{
    return vmx_of(&rig_vcpu);
}

/* A processor with all that is used, and a vCPU after an exit in 64-bit mode
 * that has been entered before. */
static int rig_reset(void **state)
{
    (void)state;
    memset(rig_field, 0, sizeof(rig_field));
    memset(&rig_vcpu, 0, sizeof(rig_vcpu));
    memset(&rig_stage2, 0, sizeof(rig_stage2));
    rig_dr6 = 0xffff0ff0;
    vmx_caps = (struct vmx_caps){.cr0_fixed0 = 0x80000021,
                                 .cr0_fixed1 = 0xffffffff,
                                 .cr4_fixed0 = 0x2000,
                                 .cr4_fixed1 = 0x3727ff};
    rig_vmx()->stage2 = &rig_stage2;
    rig_vmx()->entry.launched = 1;
    rig_vmx()->efer = EFER_LME | EFER_LMA;
    vmcs_write(VMCS_GUEST_ACCESS + 2 * SEG_CS, 0xa09b);
    vmcs_write(VMCS_GUEST_RFLAGS, RFLAGS_FIXED);
    vmcs_write(VMCS_GUEST_DR7, 0x400);
    return 0;
}

#endif
