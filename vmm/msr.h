/* SPDX-License-Identifier: BSD-2-Clause */
/* The MSRs of a guest: an allow-list, all others raise #GP. */
#ifndef VMM_MSR_H
#define VMM_MSR_H

#include <stdint.h>

#include "vmm/guest.h"

/* MSRs that the guest may touch without an exit: the processor itself refuses
 * the values that are not canonical, and any other one only matters while the
 * guest runs. For vcpu_setup.open_msrs. */
extern const uint32_t msr_open[];
extern const unsigned msr_open_count;

/* Values at power-on. */
void msr_reset(struct vcpu_msrs *msrs);

/* RDMSR, WRMSR at CPL 0. 0; -EINVAL: raise #GP, nothing has changed. */
int msr_get(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
            uint64_t *value);
int msr_put(struct guest *guest, struct vcpu *vcpu, uint32_t msr,
            uint64_t value);

#endif
