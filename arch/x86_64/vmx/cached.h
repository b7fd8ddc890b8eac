/* SPDX-License-Identifier: BSD-2-Clause */
/* Fields that are read at most once between two exits. */
#ifndef VMX_CACHED_H
#define VMX_CACHED_H

#include <stdint.h>

#include "arch/x86_64/vmx/vmcs.h"
#include "arch/x86_64/vmx/vmx.h"

#define VMX_CACHED(function, type, member, bit, field) \
    static inline type function(struct vmx_vcpu *vmx)  \
    {                                                  \
        if (!(vmx->known & (bit))) {                   \
            vmx->known |= (bit);                       \
            vmx->member = (type)vmcs_read(field);      \
        }                                              \
        return vmx->member;                            \
    }

VMX_CACHED(qualification_of, uint64_t, qualification, KNOWN_QUALIFICATION,
           VMCS_EXIT_QUALIFICATION)

static inline uint64_t rip_of(struct arch_vcpu *vcpu)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);

    if (!(vmx->known & KNOWN_RIP)) {
        vmx->known |= KNOWN_RIP;
        vcpu->rip = vmcs_read(VMCS_GUEST_RIP);
    }
    return vcpu->rip;
}

/* Seldom asked for twice, so it is not kept. */
static inline uint32_t length_of(const struct vmx_vcpu *vmx)
{
    return UNLIKELY(vmx->known & KNOWN_LENGTH)
               ? vmx->length
               : (uint32_t)vmcs_read(VMCS_EXIT_LENGTH);
}

/* RFLAGS and interruptibility: whoever asks for one asks for both. */
static inline void know_flags(struct vmx_vcpu *vmx)
{
    if (!(vmx->known & KNOWN_FLAGS)) {
        vmx->known |= KNOWN_FLAGS;
        vmx->rflags = vmcs_read(VMCS_GUEST_RFLAGS);
        vmx->interruptibility =
            (uint32_t)vmcs_read(VMCS_GUEST_INTERRUPTIBILITY);
    }
}

static inline uint64_t rflags_of(struct vmx_vcpu *vmx)
{
    know_flags(vmx);
    return vmx->rflags;
}

static inline uint32_t shadow_of(struct vmx_vcpu *vmx)
{
    know_flags(vmx);
    return vmx->interruptibility;
}

#endif
