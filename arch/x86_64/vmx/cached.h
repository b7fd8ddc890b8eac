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

VMX_CACHED(rip_of, uint64_t, rip, KNOWN_RIP, VMCS_GUEST_RIP)
VMX_CACHED(rflags_of, uint64_t, rflags, KNOWN_RFLAGS, VMCS_GUEST_RFLAGS)
VMX_CACHED(shadow_of, uint32_t, interruptibility, KNOWN_SHADOW,
           VMCS_GUEST_INTERRUPTIBILITY)
VMX_CACHED(length_of, uint32_t, length, KNOWN_LENGTH, VMCS_EXIT_LENGTH)
VMX_CACHED(qualification_of, uint64_t, qualification, KNOWN_QUALIFICATION,
           VMCS_EXIT_QUALIFICATION)

#endif
