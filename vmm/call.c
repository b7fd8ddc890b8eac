/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest interface, by ports and by VMCALL. */
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/timer.h"
#include "vmm/exit_parts.h"
#include "vmm/outside.h"

/* Heartbeat events: so many at once, and one in so many ms for ever. */
#define BEATS_BURST 32
#define BEATS_MS    20

/* A guest that beats without end must not crowd out everyone's events. Each
 * event books BEATS_MS of the time line; beats_until is how far it is
 * booked. */
static bool may_tell(struct guest *guest, uint64_t now)
{
    uint64_t each = BEATS_MS * tsc_per_ms;

    if (guest->beats_until < now) {
        guest->beats_until = now;
    }
    if (guest->beats_until - now > (BEATS_BURST - 1) * each) {
        return false;
    }
    guest->beats_until += each;
    return true;
}

/* The result stands in the register before the snapshot is taken; ft puts
 * another one there when it restores. */
static enum exit_result take_snapshot(struct guest *guest, uint32_t *result)
{
    if (guest->vm->config->snapshot == SNAPSHOT_OFF) {
        *result = CALL_REFUSED;
        return EXIT_ADVANCE;
    }
    *result = 0;
    guest->call_pending = true;
    outside_snapshot(guest);
    return EXIT_ADVANCE_STOP;
}

static uint32_t saturated(uint64_t value)
{
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static enum exit_result call(struct guest *guest, uint32_t function,
                             uint32_t argument, uint32_t *result)
{
    switch (function) {
    case CALL_GET_SIGNATURE:
        *result = CALL_SIGNATURE;
        break;
    case CALL_SNAPSHOT:
        return take_snapshot(guest, result);
    case CALL_RESTORES:
        *result = guest->vm->restores;
        break;
    case CALL_ROLLED_BACK:
        *result = saturated(guest->vm->rolled_back_ms);
        break;
    case CALL_HEARTBEAT:
        outside_heartbeat(guest, argument, may_tell(guest, rdtsc()));
        *result = 0;
        break;
    default:
        *result = CALL_REFUSED;
        break;
    }
    return EXIT_ADVANCE;
}

/* The function of a port; CALL_FUNCTIONS when there is none. */
static uint32_t function_of(uint16_t port, unsigned size)
{
    uint32_t offset = (uint32_t)port - CALL_PORT;

    if (size != 4 || offset % 4 || offset / 4 >= CALL_FUNCTIONS) {
        return CALL_FUNCTIONS;
    }
    return offset / 4;
}

enum exit_result call_in(struct guest *guest, uint16_t port, unsigned size,
                         uint32_t *value)
{
    uint32_t function = function_of(port, size);

    if (function == CALL_HEARTBEAT) {
        function = CALL_FUNCTIONS; /* nothing to read */
    }
    return call(guest, function, 0, value);
}

enum exit_result call_out(struct guest *guest, uint16_t port, unsigned size,
                          uint32_t value)
{
    uint32_t unused;

    if (function_of(port, size) != CALL_HEARTBEAT) {
        return EXIT_ADVANCE;
    }
    return call(guest, CALL_HEARTBEAT, value, &unused);
}

/* From user mode ports need the kernel's leave; VMCALL would not. */
enum exit_result call_exit(struct guest *guest, struct vcpu *vcpu)
{
    uint64_t *gpr = vcpu->arch.gpr;
    enum exit_result done = EXIT_ADVANCE;
    uint32_t result = CALL_REFUSED;

    if (vcpu_cpl(vcpu) == 0) {
        done = call(guest, (uint32_t)gpr[GPR_RAX], (uint32_t)gpr[GPR_RBX],
                    &result);
    }
    gpr[GPR_RAX] = result;
    return done;
}
