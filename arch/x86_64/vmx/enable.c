/* SPDX-License-Identifier: BSD-2-Clause */
/* VMX operation of a CPU (SDM vol. 3, 23.7 and 23.8). */
#include "arch/x86_64/vmx/vmx.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/vmx/instr.h"
#include "kernel/errno.h"
#include "kernel/fact.h"
#include "kernel/frame.h"
#include "kernel/string.h"

#define FEATURE_CONTROL_LOCK 1ul
#define FEATURE_CONTROL_VMX  4ul

struct vmx_cpu vmx_cpus[CPU_MAX];

uint64_t vmx_frame(uint16_t vm, bool state)
{
    uint64_t frame;

    if (vm == FAULT_NO_VM) {
        frame = frame_alloc(OWNER_CORE, ROLE_NONE, vm, 0);
    } else {
        frame = frame_alloc(OWNER_VM, state ? ROLE_STATE : ROLE_TABLE, vm, 0);
    }
    if (frame) {
        memset(temp_map(TEMP_STAGE2, frame), 0, PAGE_SIZE);
        temp_unmap(TEMP_STAGE2);
    }
    return frame;
}

static int refuse(struct cpu_missing *missing, const char *name, uint32_t msr,
                  int bit, const char *hint)
{
    *missing = (struct cpu_missing){
        .name = name, .msr = msr, .bit = bit, .hint = hint};
    return -EIO;
}

/* Firmware that left the MSR unlocked leaves the choice to us. */
static int unlock(struct cpu_missing *missing)
{
    uint64_t control = 0;

    if (vmx_check_firmware(missing) != 0) {
        return -EIO;
    }
    if (msr_read(MSR_FEATURE_CONTROL, &control) != 0 ||
        (control & FEATURE_CONTROL_LOCK)) {
        return 0;
    }
    if (msr_write(MSR_FEATURE_CONTROL,
                  control | FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX) != 0) {
        return refuse(missing, "VMX", MSR_FEATURE_CONTROL, 2,
                      "IA32_FEATURE_CONTROL refuses to be written");
    }
    return 0;
}

/* All CPUs must agree with what was decided on the first one. */
static int check_alike(struct cpu_missing *missing)
{
    struct vmx_raw raw;

    vmx_read_raw(&raw);
    for (unsigned word = 0; word < VMX_EPT; word++) {
        uint32_t used = (uint32_t)vmx_caps.may[word];

        if (used & ~(uint32_t)(raw.word[word] >> 32)) {
            return refuse(missing, "VMX features of the boot CPU",
                          MSR_VMX_BASIC, -1, "the CPUs are not alike");
        }
    }
    if ((vmx_caps.may[VMX_EPT] & ~raw.word[VMX_EPT]) ||
        ((uint32_t)raw.basic & 0x7fffffff) != vmx_caps.revision) {
        return refuse(missing, "VMX features of the boot CPU", MSR_VMX_BASIC,
                      -1, "the CPUs are not alike");
    }
    return 0;
}

/* OSFXSR: FXSAVE is to take the SSE registers along. */
static void set_control_registers(void)
{
    write_cr0((read_cr0() | vmx_caps.cr0_fixed0) & vmx_caps.cr0_fixed1);
    write_cr4((read_cr4() | vmx_caps.cr4_fixed0 | CR4_VMXE | CR4_OSFXSR) &
              vmx_caps.cr4_fixed1);
}

/* Whether CR4.VMXE could be cleared: not in VMX operation, where it #GPs. */
static bool clear_vmxe(void)
{
    uint32_t stays = 1;

    asm volatile("1: mov %1, %%cr4\n\t"
                 "xor %0, %0\n"
                 "2:\n\t"
                 ".pushsection .fixup_table, \"a\"\n\t"
                 ".quad 1b, 2b\n\t"
                 ".popsection"
                 : "+r"(stays)
                 : "r"(read_cr4() & ~CR4_VMXE)
                 : "cc", "memory");
    return !stays;
}

/* Whoever ran before us may have left VMX operation on; its VMCSs are not
 * ours, and nobody waits for them. */
static void end_earlier_vmx(void)
{
    if (!(read_cr4() & CR4_VMXE) || clear_vmxe()) {
        return;
    }
    vmxoff();
    fact_warn(cpu->name, "VMX operation was on already: switched off");
}

static uint64_t vmxon_frame(void)
{
    uint64_t frame = vmx_frame(FAULT_NO_VM, true);

    if (frame) {
        *(uint32_t *)temp_map(TEMP_STAGE2, frame) = vmx_caps.revision;
        temp_unmap(TEMP_STAGE2);
    }
    return frame;
}

int vmx_enable(struct cpu_missing *missing)
{
    struct vmx_cpu *self = vmx_this_cpu();
    int error = unlock(missing);

    if (!error) {
        error = check_alike(missing);
    }
    if (error) {
        return error;
    }
    if (!self->vmxon) {
        self->vmxon = vmxon_frame();
    }
    if (!self->vmxon) {
        return refuse(missing, "a frame for VMXON", 0, -1, "out of memory");
    }
    end_earlier_vmx();
    set_control_registers();
    if (!vmxon(self->vmxon)) {
        return refuse(missing, "VMXON", MSR_VMX_BASIC, -1,
                      "VMXON failed (SDM vol. 3, 31.3)");
    }
    self->current = 0;
    self->last_vm = FAULT_NO_VM;
    memset(self->seen, 0, sizeof(self->seen));
    /* Whoever used VMX before us may have left translations. */
    if (vmx_caps.word[VMX_EPT] & EPT_CAP_INVEPT_ALL) {
        invept(2, 0);
    }
    vmx_live_init();
    return 0;
}
