/* SPDX-License-Identifier: BSD-2-Clause */
/* Details of the last exit, read only when they are asked for: a VMREAD
 * costs, and costs an exit when nested. */
#include "arch/x86_64/vmx/cached.h"

uint64_t vmx_exit_qualification(struct arch_vcpu *vcpu)
{
    return qualification_of(vmx_of(vcpu));
}

uint8_t vmx_exit_length(struct arch_vcpu *vcpu)
{
    return (uint8_t)length_of(vmx_of(vcpu));
}

void vmx_set_exit_length(struct arch_vcpu *vcpu, uint8_t length)
{
    struct vmx_vcpu *vmx = vmx_of(vcpu);

    vmx->length = length;
    vmx->known |= KNOWN_LENGTH;
}

/* SDM vol. 3, table 27-5 */
void vmx_exit_io(struct arch_vcpu *vcpu, struct exit_io *io)
{
    uint64_t q = vmx_exit_qualification(vcpu);

    io->port = (uint16_t)(q >> 16);
    io->size = (uint8_t)((q & 7) + 1);
    io->in = q >> 3 & 1;
    io->string = q >> 4 & 1;
    io->rep = q >> 5 & 1;
}

/* SDM vol. 3, table 27-3 */
struct exit_cr vmx_exit_cr(struct arch_vcpu *vcpu)
{
    uint64_t q = vmx_exit_qualification(vcpu);
    struct exit_cr cr = {
        .cr = q & 15,
        .gpr = q >> 8 & 15,
        .lmsw = (uint16_t)(q >> 16),
    };

    switch (q >> 4 & 3) {
    case 0:
        cr.access = CR_WRITE;
        break;
    case 1:
        cr.access = CR_READ;
        break;
    case 2:
        cr.access = CR_CLTS;
        break;
    default:
        cr.access = CR_LMSW;
        break;
    }
    return cr;
}

/* SDM vol. 3, table 27-7 */
struct exit_stage2 vmx_exit_stage2(struct arch_vcpu *vcpu)
{
    uint64_t q = vmx_exit_qualification(vcpu);

    /* Bit 8 means nothing without bit 7: there is a linear address. */
    return (struct exit_stage2){
        .gpa = vmcs_read(VMCS_GUEST_PHYSICAL),
        .fetch = q >> 2 & 1,
        .table_walk = (q >> 7 & 3) == 1,
    };
}

struct exit_exception vmx_exit_exception(struct arch_vcpu *vcpu)
{
    uint32_t info = (uint32_t)vmcs_read(VMCS_EXIT_EVENT);
    uint32_t error = 0;
    struct x86_event event;

    if (info & EVENT_INFO_ERROR) {
        error = (uint32_t)vmcs_read(VMCS_EXIT_EVENT_ERROR);
    }
    event = vmx_event_decode(info, error, vmx_exit_length(vcpu));
    return (struct exit_exception){
        .vector = event.vector,
        .has_error = event.has_error,
        .type = event.type,
        .length = event.length,
        .error_code = event.error_code,
        .qualification = vmx_exit_qualification(vcpu),
    };
}

/* SDM vol. 3, 29.1.4 and 29.4.3.3: an offset, or a vector. */
uint16_t vmx_exit_apic_offset(struct arch_vcpu *vcpu)
{
    return vmx_exit_qualification(vcpu) & 0xfff;
}
