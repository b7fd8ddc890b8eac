/* SPDX-License-Identifier: BSD-2-Clause */
/* The host-state fields: where this CPU goes on after an exit. */
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/vmx/vmcs.h"
#include "arch/x86_64/vmx/vmx.h"

#define SELECTOR(name)                                     \
    static uint16_t read_##name(void)                      \
    {                                                      \
        uint16_t value;                                    \
        asm volatile("mov %%" #name ", %0" : "=r"(value)); \
        return value & 0xfff8; /* RPL and TI must be 0 */  \
    }

SELECTOR(cs)
SELECTOR(ss)
SELECTOR(ds)
SELECTOR(es)
SELECTOR(fs)
SELECTOR(gs)

static uint16_t read_tr(void)
{
    uint16_t value;

    asm volatile("str %0" : "=r"(value));
    return value & 0xfff8;
}

/* The base in a TSS descriptor of 16 bytes (SDM vol. 3, 7.2.3). */
static uint64_t tss_base(uint64_t gdt, uint16_t selector)
{
    const uint64_t *d = (const uint64_t *)(gdt + selector);

    return (d[0] >> 16 & 0xffffff) | (d[0] >> 56) << 24 | d[1] << 32;
}

static void write_selectors(void)
{
    vmcs_write(VMCS_HOST_CS, read_cs());
    vmcs_write(VMCS_HOST_SS, read_ss());
    vmcs_write(VMCS_HOST_DS, read_ds());
    vmcs_write(VMCS_HOST_ES, read_es());
    vmcs_write(VMCS_HOST_FS, read_fs());
    vmcs_write(VMCS_HOST_GS, read_gs());
    vmcs_write(VMCS_HOST_TR, read_tr());
}

static void write_tables(void)
{
    struct descriptor_pointer gdt, idt;

    asm volatile("sgdt %0" : "=m"(gdt));
    asm volatile("sidt %0" : "=m"(idt));
    vmcs_write(VMCS_HOST_GDT_BASE, gdt.base);
    vmcs_write(VMCS_HOST_IDT_BASE, idt.base);
    vmcs_write(VMCS_HOST_TR_BASE, tss_base(gdt.base, read_tr()));
}

void vmx_host_state(void)
{
    write_selectors();
    write_tables();
    vmcs_write(VMCS_HOST_FS_BASE, 0);
    vmcs_write(VMCS_HOST_GS_BASE, rdmsr(MSR_GS_BASE));
    vmcs_write(VMCS_HOST_CR0, read_cr0());
    vmcs_write(VMCS_HOST_CR4, read_cr4());
    vmcs_write(VMCS_HOST_PAT, rdmsr(MSR_PAT));
    vmcs_write(VMCS_HOST_EFER, rdmsr(MSR_EFER));
    vmcs_write(VMCS_HOST_SYSENTER_CS, 0);
    vmcs_write(VMCS_HOST_SYSENTER_ESP, 0);
    vmcs_write(VMCS_HOST_SYSENTER_EIP, 0);
    vmcs_write(VMCS_HOST_RIP, (uint64_t)vmx_exit_point);
}
