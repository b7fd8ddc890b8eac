/* SPDX-License-Identifier: BSD-2-Clause */
/* Everything of the guest machine but its RAM, in and out. */
#include "vmm/guest.h"

#include "arch/x86_64/cpu.h"
#include "kernel/string.h"
#include "vmm/exits.h"
#include "vmm/pv_eoi.h"

#define PART(member)                                   \
    {                                                  \
#member, offsetof(struct guest_state, member), \
            sizeof(((struct guest_state *)0)->member)  \
    }

const struct state_part guest_state_parts[] = {
    PART(vcpu[0].x86),     PART(vcpu[0].msrs),
    PART(vcpu[0].lapic),   PART(platform.uart),
    PART(platform.ioapic), PART(platform.cmos),
    PART(platform.power),  PART(tsc),
    PART(call_pending),
};
const unsigned guest_state_part_count =
    sizeof(guest_state_parts) / sizeof(guest_state_parts[0]);

void guest_registers(struct guest *guest, unsigned vcpu,
                     struct x86_state *state)
{
    struct vcpu *from = &guest->vcpu[vcpu];

    cell_switch(&guest->vm->cell, &from->arch);
    cpu->save(&from->arch, state);
    state->activity = from->activity;
}

void guest_save(struct guest *guest, struct guest_state *state)
{
    memset(state, 0, sizeof(*state));
    for (unsigned i = 0; i < VCPUS_MAX; i++) {
        struct vcpu *vcpu = &guest->vcpu[i];

        guest_registers(guest, i, &state->vcpu[i].x86);
        if (vcpu->look & LOOK_EOI) {
            pv_eoi_settle(guest, vcpu); /* its exit was abandoned */
        }
        state->vcpu[i].msrs = vcpu->msrs;
        lapic_save(&vcpu->lapic, &state->vcpu[i].lapic);
    }
    memcpy(&state->platform, &guest->platform, sizeof(guest->platform));
    state->tsc = guest_now(guest, rdtsc());
    state->call_pending = guest->call_pending;
}

void guest_restore(struct guest *guest, const struct guest_state *state)
{
    guest->tsc_offset = state->tsc - rdtsc();
    for (unsigned i = 0; i < VCPUS_MAX; i++) {
        struct vcpu *vcpu = &guest->vcpu[i];

        cell_switch(&guest->vm->cell, &vcpu->arch);
        lapic_load(&vcpu->lapic, &state->vcpu[i].lapic);
        vcpu->msrs = state->vcpu[i].msrs;
        cpu->restore(&vcpu->arch, &state->vcpu[i].x86);
        cpu->set_x2apic(&vcpu->arch, lapic_is_x2apic(&vcpu->lapic));
        cpu->set_tsc_offset(&vcpu->arch, guest->tsc_offset);
        cpu->set_activity(&vcpu->arch, ACTIVITY_ACTIVE);
        vcpu->activity = state->vcpu[i].x86.activity;
        vcpu->look |= LOOK_EVENTS;
        pv_eoi_forget(guest, vcpu);
    }
    memcpy(&guest->platform, &state->platform, sizeof(guest->platform));
    platform_eoi_wanted(guest);
    guest->call_pending = state->call_pending;
}

void guest_call_result(struct guest *guest, uint32_t result)
{
    guest->vcpu[0].arch.gpr[GPR_RAX] = result;
    guest->call_pending = false;
}
