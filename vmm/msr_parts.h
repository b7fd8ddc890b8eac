/* SPDX-License-Identifier: BSD-2-Clause */
/* Kinds of MSRs, for the list in msr.c only. Each function does what msr_get()
 * or msr_put() promises. */
#ifndef VMM_MSR_PARTS_H
#define VMM_MSR_PARTS_H

#include "vmm/msr.h"

typedef int msr_getter(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
                       uint64_t *value);
typedef int msr_putter(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
                       uint64_t value);

msr_getter msr_get_deadline, msr_get_tsc, msr_get_adjust, msr_get_apic_base,
    msr_get_efer, msr_get_kept, msr_get_mtrr_default, msr_get_constant,
    msr_get_pv_eoi;
msr_putter msr_put_deadline, msr_put_tsc, msr_put_adjust, msr_put_apic_base,
    msr_put_efer, msr_put_any, msr_put_canonical, msr_put_low, msr_put_pat,
    msr_put_mtrr_default, msr_put_nothing, msr_put_misc_enable, msr_refuse,
    msr_put_pv_eoi, msr_put_debugctl;

#endif
