/* SPDX-License-Identifier: BSD-2-Clause */
/* VT-x with EPT as struct cpu_backend. */
#include "arch/x86_64/vmx/ept.h"
#include "arch/x86_64/vmx/vmx.h"

/* vCPUs that are not loaded here were put, which drained their logs. */
static void dirty_collect(struct stage2 *s2, struct arch_vcpu *vcpus[],
                          unsigned count)
{
    if (s2->engine == DIRTY_BITS) {
        ept_collect(s2);
    }
    for (unsigned i = 0; i < count; i++) {
        if (vcpus[i] == this_cpu()->loaded) {
            vmx_log_drain(vmx_of(vcpus[i]));
        }
    }
}

const struct cpu_backend vmx_backend = {
    .name = "VT-x/EPT",
    .probe = vmx_probe,
    .features = vmx_features,
    .enable = vmx_enable,
    .stage2_create = ept_create,
    .stage2_map = ept_map,
    .stage2_fill = ept_fill,
    .stage2_corrupt = ept_corrupt,
    .dirty_force = vmx_force_engine,
    .dirty_collect = dirty_collect,
    .dirty_rearm = ept_rearm,
    .vcpu_create = vmx_vcpu_create,
    .vcpu_load = vmx_vcpu_load,
    .vcpu_put = vmx_vcpu_put,
    .save = vmx_save,
    .restore = vmx_restore,
    .run = vmx_run,
    .set_tsc_offset = vmx_set_tsc_offset,
    .exit_qualification = vmx_exit_qualification,
    .set_exit_length = vmx_set_exit_length,
    .exit_io = vmx_exit_io,
    .exit_cr = vmx_exit_cr,
    .exit_stage2 = vmx_exit_stage2,
    .exit_exception = vmx_exit_exception,
    .exit_apic_offset = vmx_exit_apic_offset,
    .advance = vmx_advance,
    .can_interrupt = vmx_can_interrupt,
    .can_nmi = vmx_can_nmi,
    .want_window = vmx_want_window,
    .want_nmi_window = vmx_want_nmi_window,
    .set_activity = vmx_set_activity,
    .sync_apic = vmx_sync_apic,
    .want_eoi = vmx_want_eoi,
    .set_x2apic = vmx_set_x2apic,
    .rip = vmx_rip,
    .rsp = vmx_rsp,
    .set_rsp = vmx_set_rsp,
    .rflags = vmx_rflags,
    .set_rflags = vmx_set_rflags,
    .cr = vmx_cr,
    .set_cr = vmx_set_cr,
    .set_pdptes = vmx_set_pdptes,
    .efer = vmx_efer,
    .set_efer = vmx_set_efer,
    .segment = vmx_segment,
    .msr = vmx_msr,
    .set_msr = vmx_set_msr,
    .cr_limits = vmx_cr_limits,
    .forge_mce = vmx_forge_mce,
};
