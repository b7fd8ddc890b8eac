/* SPDX-License-Identifier: BSD-2-Clause */
/* A vCPU's life: made once, then loaded on and put from CPUs. */
#include "arch/x86_64/vmx/vmx.h"

#include "arch/x86_64/paging.h"
#include "arch/x86_64/vmx/instr.h"
#include "arch/x86_64/vmx/vmcs.h"
#include "kernel/errno.h"
#include "kernel/frame.h"
#include "kernel/log.h"
#include "kernel/string.h"

static bool make_current(uint64_t vmcs)
{
    struct vmx_cpu *self = vmx_this_cpu();

    if (self->current == vmcs) {
        return true;
    }
    if (!vmptrld(vmcs)) {
        log_error("vmx: VMPTRLD of %lx refused", vmcs);
        return false;
    }
    self->current = vmcs;
    return true;
}

static void clear_vmcs(uint64_t vmcs)
{
    struct vmx_cpu *self = vmx_this_cpu();

    if (!vmclear(vmcs)) {
        log_error("vmx: VMCLEAR of %lx refused", vmcs);
    }
    if (self->current == vmcs) {
        self->current = 0;
    }
}

void vmx_vmcs_relaunch(struct vmx_vcpu *vmx)
{
    clear_vmcs(vmx->vmcs);
    vmx->entry.launched = 0;
    vmx_attend_exit(vmx); /* which notes that it is launched */
    make_current(vmx->vmcs);
}

static int take_frames(struct vmx_vcpu *vmx, uint16_t vm)
{
    vmx->vmcs = vmx_frame(vm, true);
    vmx->bitmap = vmx_frame(vm, false);
    if (vmx->stage2->engine == DIRTY_LOG) {
        vmx->log = vmx_frame(vm, false);
    }
    if (!vmx->vmcs || !vmx->bitmap ||
        (vmx->stage2->engine == DIRTY_LOG && !vmx->log)) {
        return -ENOMEM;
    }
    *(uint32_t *)temp_map(TEMP_STAGE2, vmx->vmcs) = vmx_caps.revision;
    memset(temp_map(TEMP_STAGE2, vmx->bitmap), 0xff, PAGE_SIZE);
    temp_unmap(TEMP_STAGE2);
    return 0;
}

int vmx_vcpu_create(struct arch_vcpu *vcpu, const struct vcpu_setup *setup)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);
    uint64_t former = vmx_this_cpu()->current;
    uint64_t apic = 0;
    int error;

    if (setup->vm >= VM_MAX || setup->index >= CPU_MAX) {
        return -EINVAL;
    }
    memset(vcpu, 0, sizeof(*vcpu));
    vcpu->vm = setup->vm;
    vcpu->index = setup->index;
    vmx->stage2 = setup->stage2;
    vmx->vpid = (uint16_t)(1 + setup->vm * CPU_MAX + setup->index);
    vmx->host_cpu = CPU_MAX;
    vmx_attend_exit(vmx);
    if (!(vmx_caps.word[VMX_PIN] & PIN_PREEMPTION_TIMER)) {
        vmx->attend |= ATTEND_NO_TIMER;
    }
    error = take_frames(vmx, setup->vm);
    if (error) {
        return error;
    }
    for (unsigned i = 0; i < setup->open_msr_count; i++) {
        vmx_msr_open(vmx->bitmap, setup->open_msrs[i]);
    }
    if (setup->apic_page) {
        vmx->apic = setup->apic_page;
        apic = page_lookup(this_cpu()->root, (uint64_t)setup->apic_page);
    }
    clear_vmcs(vmx->vmcs);
    if (apic == UINT64_MAX || !make_current(vmx->vmcs)) {
        return -EFAULT;
    }
    vmx_write_controls(vcpu, apic);
    clear_vmcs(vmx->vmcs);
    return former == 0 || make_current(former) ? 0 : -EIO;
}

/* What belongs to this CPU rather than to the vCPU. */
static void arrive(struct arch_vcpu *vcpu, struct vmx_vcpu *vmx)
{
    struct vmx_cpu *mine = vmx_this_cpu();

    if (mine->last_vm != vcpu->vm) {
        mine->last_vm = vcpu->vm;
        vmx_barrier();
    }
    if (vmx->host_cpu != this_cpu()->index) {
        vmx_host_state();
        vmx->host_cpu = this_cpu()->index;
        vmx->entry.host_rsp = 0;
        vmx->attend |= ATTEND_FLUSH; /* what INVLPG on other CPUs left here */
    }
    vmx->stage2_seen = mine->seen[vcpu->vm];
    vmx->known = 0;
}

/* VMCLEAR first: whoever put the vCPU may have been abandoned on the way. */
void vmx_vcpu_load(struct arch_vcpu *vcpu)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);
    struct percpu *self = this_cpu();
    bool live = self->loaded == vcpu && vmx_this_cpu()->current == vmx->vmcs;

    if (!live) {
        vmx_vmcs_relaunch(vmx);
    }
    if (vmx_this_cpu()->current != vmx->vmcs) {
        vmx->attend |= ATTEND_REFUSED;
        return;
    }
    vmcs_write(VMCS_HOST_CR3, self->root);
    if (!live) {
        arrive(vcpu, vmx);
        vmx_live_load(&vmx->live);
        vmx_fpu_load(vcpu->fpu);
        self->loaded = vcpu;
    }
}

void vmx_vcpu_put(struct arch_vcpu *vcpu)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);

    if (this_cpu()->loaded != vcpu) {
        return;
    }
    this_cpu()->loaded = NULL;
    if (make_current(vmx->vmcs)) {
        vmx_log_drain(vmx);
    }
    vmx_live_save(&vmx->live);
    vmx_fpu_save(vcpu->fpu);
    clear_vmcs(vmx->vmcs);
    vmx->entry.launched = 0;
    vmx->known = 0;
}
