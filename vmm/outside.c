/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86_64/percpu.h"

#include "vmm/outside.h"

#include "arch/x86_64/cpu.h"
#include "kernel/console.h"
#include "kernel/event.h"
#include "vmm/exits.h"

void outside_put(struct guest *guest, uint8_t c)
{
    console_guest_put(guest->vm->id, c);
    vcpu_hurry(&guest->vcpu[0]);
}

bool outside_get(struct guest *guest, uint8_t *c)
{
    return console_guest_get(guest->vm->id, c);
}

bool outside_break(struct guest *guest)
{
    return console_guest_break(guest->vm->id);
}

bool outside_nmi(struct guest *guest)
{
    return console_guest_nmi(guest->vm->id);
}

void outside_power_off(struct guest *guest)
{
    core_enter();
    vm_end(guest->vm, VM_OFF, "poweroff");
    core_leave();
}

void outside_reset(struct guest *guest)
{
    guest->vm->reset_wanted = true;
}

void outside_snapshot(struct guest *guest)
{
    guest->vm->snapshot_wanted = true;
}

void outside_heartbeat(struct guest *guest, uint32_t number, bool tell)
{
    struct event event;

    guest->vm->heartbeat = number;
    if (tell) {
        vcpu_hurry(&guest->vcpu[0]);
        event_begin(&event, "heartbeat");
        event_text(&event, "vm", guest->vm->config->name);
        event_number(&event, "n", number);
        event_end_of(&event, guest->vm->id);
    }
}

/* What of a fault's meaning lies in the exit qualification. */
static uint64_t info_of(struct vcpu *vcpu, enum fault_kind kind)
{
    return kind == FAULT_EPT || kind == FAULT_EXIT
               ? cpu->exit_qualification(&vcpu->arch)
               : 0;
}

enum exit_result vcpu_fault(struct guest *guest, struct vcpu *vcpu,
                            enum fault_kind kind, bool has_address,
                            uint64_t address, uint64_t detail)
{
    struct fault fault = {
        .kind = kind,
        .severity = SEVERITY_ACTION,
        .context = CONTEXT_GUEST,
        .vm = guest->vm->id,
        .vcpu = (uint16_t)vcpu->index,
        .cpu = (uint16_t)this_cpu()->index,
        .has_address = has_address,
        .address = address,
        .detail = detail,
        .info = info_of(vcpu, kind),
        .rip = cpu->rip(&vcpu->arch),
        .tsc = rdtsc(),
    };

    core_enter();
    fault_post(&fault);
    core_leave();
    return EXIT_STOP;
}
