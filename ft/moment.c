/* SPDX-License-Identifier: BSD-2-Clause */
#include "ft/moment.h"

#include "kernel/format.h"
#include "vmm/guest.h"

#define FLAG_TF (1u << 8)

static unsigned when(bool is, enum moment moment)
{
    return is ? 1u << moment : 0;
}

/* Eight registers of 32 vectors each, 16 bytes apart. */
static bool any_vector(const struct lapic_state *lapic, unsigned first)
{
    uint32_t vectors = 0;

    for (unsigned i = 0; i < 8; i++) {
        vectors |= lapic->regs[first / 4 + i * 4];
    }
    return vectors != 0;
}

static unsigned of_vcpu(const struct vcpu_state *vcpu)
{
    const struct x86_state *x86 = &vcpu->x86;

    return when(x86->event.valid, MOMENT_EVENT) |
           when(x86->sti_shadow, MOMENT_STI) |
           when(x86->mov_ss_shadow, MOMENT_MOV_SS) |
           when(x86->nmi_pending, MOMENT_NMI) |
           when(x86->nmi_blocked, MOMENT_NMI_BLOCKED) |
           when(x86->rflags & FLAG_TF, MOMENT_STEP) |
           when(x86->pending_debug, MOMENT_DEBUG) |
           when(any_vector(&vcpu->lapic, LAPIC_IRR), MOMENT_IRQ) |
           when(any_vector(&vcpu->lapic, LAPIC_ISR), MOMENT_SERVICE) |
           when(x86->activity == ACTIVITY_HLT, MOMENT_HLT);
}

unsigned moments_of(const struct guest_state *state)
{
    unsigned set = when(state->call_pending, MOMENT_CALL);

    for (unsigned i = 0; i < VCPUS_MAX; i++) {
        set |= of_vcpu(&state->vcpu[i]);
    }
    return set;
}

void moments_count(uint64_t counts[MOMENTS], unsigned set)
{
    for (unsigned i = 0; i < MOMENTS; i++) {
        counts[i] += set >> i & 1;
    }
}

static const char *const names[MOMENTS] = {
    [MOMENT_EVENT] = "event",
    [MOMENT_STI] = "sti",
    [MOMENT_MOV_SS] = "mov-ss",
    [MOMENT_NMI] = "nmi",
    [MOMENT_NMI_BLOCKED] = "nmi-blocked",
    [MOMENT_STEP] = "step",
    [MOMENT_DEBUG] = "debug",
    [MOMENT_IRQ] = "irq",
    [MOMENT_SERVICE] = "service",
    [MOMENT_HLT] = "hlt",
    [MOMENT_CALL] = "call",
};

const char *moment_name(enum moment moment)
{
    return (unsigned)moment < MOMENTS ? names[moment] : "?";
}

void moments_print(char *text, size_t size, unsigned set)
{
    size_t length = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < MOMENTS && length < size; i++) {
        if (set >> i & 1) {
            length += (size_t)format(text + length, size - length, "%s%s",
                                     length ? " " : "", names[i]);
        }
    }
}
