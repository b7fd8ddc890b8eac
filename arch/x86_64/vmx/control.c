/* SPDX-License-Identifier: BSD-2-Clause */
/* Control registers and EFER: what a guest owns, what it only thinks it
 * does. An owned bit reads from the shadow, and writing it is an exit. */
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/vmx/vmcs.h"
#include "arch/x86_64/vmx/vmx.h"

/* PE and PG stay ours for the sake of EFER.LMA. */
#define CR0_GUEST (CR0_MP | CR0_EM | CR0_TS | CR0_WP | CR0_AM)
#define CR4_GUEST                                                         \
    (CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_PGE | \
     CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP | CR4_FSGSBASE |    \
     CR4_PCIDE | CR4_SMEP | CR4_SMAP)

uint64_t vmx_cr0_owned(void)
{
    return ~CR0_GUEST;
}

uint64_t vmx_cr4_owned(void)
{
    return ~(CR4_GUEST & vmx_caps.cr4_fixed1);
}

void vmx_cr_limits(uint64_t *cr0_must, uint64_t *cr0_may, uint64_t *cr4_must,
                   uint64_t *cr4_may)
{
    *cr0_must = vmx_caps.cr0_fixed0 & ~(CR0_PE | CR0_PG | CR0_NE);
    *cr0_may = vmx_caps.cr0_fixed1;
    *cr4_must = vmx_caps.cr4_fixed0 & ~CR4_VMXE;
    *cr4_may = vmx_caps.cr4_fixed1 & ~(CR4_VMXE | CR4_SMXE);
}

/* An unrestricted guest is excused from PE and PG (SDM vol. 3, 26.3.1.1);
 * caching is not its business. */
static uint64_t real_cr0(uint64_t value)
{
    value &= ~(CR0_CD | CR0_NW);
    value |= CR0_NE | CR0_ET;
    value |= vmx_caps.cr0_fixed0 & ~(CR0_PE | CR0_PG);
    return value & vmx_caps.cr0_fixed1;
}

/* MCE is pinned: a machine check that meets MCE = 0 stops the machine. */
static uint64_t real_cr4(uint64_t value)
{
    value &= vmx_caps.cr4_fixed1 & ~CR4_SMXE;
    return value | CR4_MCE | CR4_VMXE | vmx_caps.cr4_fixed0;
}

uint64_t vmx_cr(struct arch_vcpu *vcpu, unsigned number)
{
    uint64_t owned;

    (void)vcpu;
    if (number == 3) {
        return vmcs_read(VMCS_GUEST_CR3);
    }
    if (number == 4) {
        owned = vmx_cr4_owned();
        return (vmcs_read(VMCS_GUEST_CR4) & ~owned) |
               (vmcs_read(VMCS_CR4_SHADOW) & owned);
    }
    owned = vmx_cr0_owned();
    return (vmcs_read(VMCS_GUEST_CR0) & ~owned) |
           (vmcs_read(VMCS_CR0_SHADOW) & owned);
}

uint64_t vmx_efer(struct arch_vcpu *vcpu)
{
    return vmx_of(vcpu)->efer;
}

static void write_efer(struct vmx_vcpu *vmx, uint64_t value, bool paging)
{
    bool active = paging && (value & EFER_LME);
    uint32_t entry = vmx->entry_controls & ~ENTRY_GUEST_64;

    vmx->efer = active ? value | EFER_LMA : value & ~EFER_LMA;
    vmcs_write(VMCS_GUEST_EFER, vmx->efer);
    vmx_set_entry(vmx, active ? entry | ENTRY_GUEST_64 : entry);
}

void vmx_set_efer(struct arch_vcpu *vcpu, uint64_t value)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);

    write_efer(vmx, value, vmcs_read(VMCS_GUEST_CR0) & CR0_PG);
    vmx->attend |= ATTEND_FLUSH;
}

static void set_cr0(struct vmx_vcpu *vmx, uint64_t value)
{
    uint64_t former = vmcs_read(VMCS_GUEST_CR0);

    vmcs_write(VMCS_CR0_SHADOW, value | CR0_ET);
    vmcs_write(VMCS_GUEST_CR0, real_cr0(value));
    if ((former ^ value) & CR0_PG) {
        write_efer(vmx, vmx->efer, value & CR0_PG);
    }
}

void vmx_set_cr(struct arch_vcpu *vcpu, unsigned number, uint64_t value)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);

    if (number == 2) {
        write_cr2(value);
        return;
    }
    if (number == 0) {
        set_cr0(vmx, value);
    } else if (number == 3) {
        vmcs_write(VMCS_GUEST_CR3, value);
    } else {
        vmcs_write(VMCS_CR4_SHADOW, value);
        vmcs_write(VMCS_GUEST_CR4, real_cr4(value));
    }
    vmx->attend |= ATTEND_FLUSH;
}

void vmx_set_pdptes(struct arch_vcpu *vcpu, const uint64_t pdpte[4])
{
    (void)vcpu;
    for (unsigned i = 0; i < 4; i++) {
        vmcs_write(VMCS_GUEST_PDPTE + 2 * i, pdpte[i]);
    }
}
