/* SPDX-License-Identifier: BSD-2-Clause */
/* IN and OUT; their string forms are in io_string.c. */
#include "vmm/exit_parts.h"

/* Bytes above the size of the operand stay, but for those of EAX in RAX. */
static void set_result(struct vcpu *vcpu, unsigned size, uint32_t value)
{
    uint64_t mask = size == 1 ? 0xff : size == 2 ? 0xffff : UINT64_MAX;
    uint64_t *rax = &vcpu->arch.gpr[GPR_RAX];

    *rax = (*rax & ~mask) | (value & mask);
}

static enum exit_result input(struct guest *guest, struct vcpu *vcpu,
                              const struct exit_io *io)
{
    enum exit_result result = EXIT_ADVANCE;
    uint32_t value;

    if (call_owns(io->port)) {
        result = call_in(guest, io->port, io->size, &value);
    } else {
        value = platform_in(guest, vcpu, io->port, io->size);
    }
    set_result(vcpu, io->size, value);
    return result;
}

static enum exit_result output(struct guest *guest, struct vcpu *vcpu,
                               const struct exit_io *io)
{
    uint32_t value =
        (uint32_t)vcpu->arch.gpr[GPR_RAX] & UINT32_MAX >> (32 - 8 * io->size);

    if (call_owns(io->port)) {
        return call_out(guest, io->port, io->size, value);
    }
    return platform_out(guest, vcpu, io->port, io->size, value);
}

enum exit_result io_exit(struct guest *guest, struct vcpu *vcpu)
{
    struct exit_io io;

    cpu->exit_io(&vcpu->arch, &io);
    if (io.string) {
        return io_string(guest, vcpu, &io);
    }
    return io.in ? input(guest, vcpu, &io) : output(guest, vcpu, &io);
}
