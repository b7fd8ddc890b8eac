/* SPDX-License-Identifier: BSD-2-Clause */
/* The whole state of a vCPU, out and in. Controls are never saved: they are
 * derived from the state (decision 8). */
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/vmx/shadow.h"
#include "arch/x86_64/vmx/vmcs.h"
#include "arch/x86_64/vmx/vmx.h"
#include "kernel/string.h"

/* Members that are one VMCS field each. */
static const struct {
    uint16_t offset;
    uint16_t field;
} plain[] = {
#define FIELD(member, name)                             \
    {                                                   \
        offsetof(struct x86_state, member), VMCS_##name \
    }
    FIELD(gpr[GPR_RSP], GUEST_RSP),
    FIELD(rip, GUEST_RIP),
    FIELD(rflags, GUEST_RFLAGS),
    FIELD(cr3, GUEST_CR3),
    FIELD(gdt_base, GUEST_GDT_BASE),
    FIELD(idt_base, GUEST_IDT_BASE),
    FIELD(dr7, GUEST_DR7),
    FIELD(debugctl, GUEST_DEBUGCTL),
    FIELD(sysenter_cs, GUEST_SYSENTER_CS),
    FIELD(sysenter_esp, GUEST_SYSENTER_ESP),
    FIELD(sysenter_eip, GUEST_SYSENTER_EIP),
    FIELD(pat, GUEST_PAT),
    FIELD(pending_debug, GUEST_PENDING_DEBUG),
#undef FIELD
};
#define PLAIN (sizeof(plain) / sizeof(plain[0]))

/* All are uint64_t. */
static inline uint64_t *member(char *state, unsigned i)
{
    return (uint64_t *)(void *)(state + plain[i].offset);
}

static bool uses_pdptes(uint64_t cr0, uint64_t cr4, uint64_t efer)
{
    return (cr0 & CR0_PG) && (cr4 & CR4_PAE) && !(efer & EFER_LMA);
}

static void save_live(struct x86_state *state)
{
    struct vmx_live live = {0};

    vmx_live_save(&live);
    state->star = live.star;
    state->lstar = live.lstar;
    state->cstar = live.cstar;
    state->fmask = live.fmask;
    state->kernel_gs_base = live.kernel_gs_base;
    state->tsc_aux = live.tsc_aux;
    memcpy(state->dr, live.dr, sizeof(state->dr));
    state->dr6 = live.dr6;
    state->cr2 = live.cr2;
}

static void save_tables(struct arch_vcpu *vcpu, struct x86_state *state)
{
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        vmx_segment(vcpu, (enum segment_index)i, &state->segment[i]);
    }
    state->gdt_limit = (uint32_t)vmcs_read(VMCS_GUEST_GDT_LIMIT);
    state->idt_limit = (uint32_t)vmcs_read(VMCS_GUEST_IDT_LIMIT);
    if (uses_pdptes(state->cr0, state->cr4, state->efer)) {
        for (unsigned i = 0; i < 4; i++) {
            state->pdpte[i] = vmcs_read(VMCS_GUEST_PDPTE + 2 * i);
        }
    }
}

void vmx_save(struct arch_vcpu *vcpu, struct x86_state *state)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);
    uint32_t shadow = vmx_interruptibility(vmx);

    memset(state, 0, sizeof(*state));
    memcpy(state->gpr, vcpu->gpr, sizeof(state->gpr));
    for (unsigned i = 0; i < PLAIN; i++) {
        *member((char *)state, i) = vmcs_read(plain[i].field);
    }
    state->cr0 = vmx_cr(vcpu, 0);
    state->cr4 = vmx_cr(vcpu, 4);
    state->efer = vmx->efer;
    save_tables(vcpu, state);
    save_live(state);
    state->event.valid = vcpu->event.valid;
    if (vcpu->event.valid) {
        state->event.has_error = vcpu->event.has_error;
        state->event.type = vcpu->event.type;
        state->event.vector = vcpu->event.vector;
        state->event.length = vcpu->event.length;
        state->event.error_code = vcpu->event.error_code;
    }
    state->sti_shadow = (shadow & SHADOW_STI) != 0;
    state->mov_ss_shadow = (shadow & SHADOW_MOV_SS) != 0;
    state->nmi_blocked = (shadow & SHADOW_NMI) != 0;
    state->nmi_pending = vcpu->nmi_pending;
    state->activity = vmx->activity;
    vmx_fpu_save(vcpu->fpu);
    memcpy(state->fpu, vcpu->fpu, sizeof(state->fpu));
}

/* Values that would fault here make the next entry fail instead. */
static void restore_live(struct vmx_vcpu *vmx, const struct x86_state *state)
{
    struct vmx_live live = {
        .star = state->star,
        .lstar = state->lstar,
        .cstar = state->cstar,
        .fmask = state->fmask,
        .kernel_gs_base = state->kernel_gs_base,
        .tsc_aux = state->tsc_aux,
        .dr6 = state->dr6,
        .cr2 = state->cr2,
    };

    memcpy(live.dr, state->dr, sizeof(live.dr));
    if (vmx_live_possible(&live)) {
        vmx_live_load(&live);
    } else {
        vmx->attend |= ATTEND_REFUSED;
    }
}

static void restore_tables(struct arch_vcpu *vcpu,
                           const struct x86_state *state)
{
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        const struct x86_segment *segment = &state->segment[i];

        vmcs_write(VMCS_GUEST_BASE + 2 * i, segment->base);
        vmcs_write(VMCS_GUEST_LIMIT + 2 * i, segment->limit);
        vmcs_write(VMCS_GUEST_ACCESS + 2 * i, segment->access);
        vmcs_write(VMCS_GUEST_SELECTOR + 2 * i, segment->selector);
    }
    vmcs_write(VMCS_GUEST_GDT_LIMIT, state->gdt_limit);
    vmcs_write(VMCS_GUEST_IDT_LIMIT, state->idt_limit);
    vmx_set_pdptes(vcpu, state->pdpte);
}

static void restore_shadow(struct vmx_vcpu *vmx, const struct x86_state *state)
{
    uint32_t shadow = (state->sti_shadow ? SHADOW_STI : 0) |
                      (state->mov_ss_shadow ? SHADOW_MOV_SS : 0) |
                      (state->nmi_blocked ? SHADOW_NMI : 0);

    vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, shadow);
    vmcs_write(VMCS_GUEST_ACTIVITY, ACTIVITY_ACTIVE);
    vmx->known = 0;
}

/* What was abandoned may just have been about to write what it had noted
 * already. */
static void rewrite_noted(struct vmx_vcpu *vmx)
{
    vmx->entry.host_rsp = 0;
    vmcs_write(VMCS_PROC_CONTROLS, vmx->proc);
    vmcs_write(VMCS_PROC2_CONTROLS, vmx->proc2);
    vmcs_write(VMCS_ENTRY_CONTROLS, vmx->entry_controls);
    if (vmx->proc & PROC_TPR_SHADOW) {
        vmcs_write(VMCS_TPR_THRESHOLD, vmx->threshold);
    }
}

void vmx_restore(struct arch_vcpu *vcpu, const struct x86_state *state)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);

    vmx->attend &= ATTEND_NO_TIMER;
    vmx->attend |= ATTEND_FLUSH;
    vmx->forge_exit = false;
    vmx_attend_exit(vmx);
    rewrite_noted(vmx);
    memcpy(vcpu->gpr, state->gpr, sizeof(vcpu->gpr));
    for (unsigned i = 0; i < PLAIN; i++) {
        vmcs_write(plain[i].field, *member((char *)(uintptr_t)state, i));
    }
    vmx->efer = state->efer;
    vmx_set_cr(vcpu, 0, state->cr0);
    vmx_set_cr(vcpu, 4, state->cr4);
    vmx_set_efer(vcpu, state->efer);
    restore_tables(vcpu, state);
    restore_live(vmx, state);
    restore_shadow(vmx, state);
    vcpu->event = state->event;
    vmcs_write(VMCS_ENTRY_EVENT, 0); /* an abandoned run may have left one */
    vcpu->nmi_pending = state->nmi_pending;
    vmx_want_window(vcpu, false);
    vmx_want_nmi_window(vcpu, false);
    vmx_set_activity(vcpu, (enum x86_activity)state->activity);
    memcpy(vcpu->fpu, state->fpu, sizeof(vcpu->fpu));
    vmx_fpu_load(vcpu->fpu);
}
