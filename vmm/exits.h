/* SPDX-License-Identifier: BSD-2-Clause */
/* What each VM exit leads to. */
#ifndef VMM_EXITS_H
#define VMM_EXITS_H

#include <stdint.h>

#include "kernel/fault.h"
#include "vmm/guest.h"

enum exit_result {
    EXIT_RESUME = 0,  /* enter again as it is */
    EXIT_ADVANCE = 1, /* the instruction is done: skip it */
    EXIT_STOP = 2,    /* the turn ends here; nothing is skipped */
    EXIT_ADVANCE_STOP = EXIT_ADVANCE | EXIT_STOP,
};

typedef enum exit_result exit_handler(struct guest *, struct vcpu *);
extern exit_handler *const exit_handlers[EXIT_KINDS];

/* Handles one exit by a table; EXIT_UNKNOWN posts FAULT_EXIT. Reachable by any
 * guest: never asserts, loops bounded. */
static inline enum exit_result exit_handle(struct guest *guest,
                                           struct vcpu *vcpu,
                                           enum exit_kind kind)
{
    return exit_handlers[kind](guest, vcpu);
}

/* For statistics: "cpuid", "wrmsr", ... exit_names.c */
const char *exit_kind_name(enum exit_kind kind);

/* Raises an exception in the guest at the next entry. Where one is being
 * delivered already: #DF, or FAULT_TRIPLE is posted (SDM vol. 3, table 6-5;
 * the result then is EXIT_STOP, else EXIT_RESUME). */
enum exit_result vcpu_raise(struct guest *guest, struct vcpu *vcpu,
                            uint8_t vector, bool has_error,
                            uint32_t error_code);

/* Posts a fault of this VM in guest context; always EXIT_STOP. */
enum exit_result vcpu_fault(struct guest *guest, struct vcpu *vcpu,
                            enum fault_kind kind, bool has_address,
                            uint64_t address, uint64_t detail);

/* ---- platform.c: what the exits act on ---- */

/* Port access of 1, 2 or 4 bytes. What has no device reads as ones and
 * swallows writes. */
uint32_t platform_in(struct guest *guest, struct vcpu *vcpu, uint16_t port,
                     unsigned size);
enum exit_result platform_out(struct guest *guest, struct vcpu *vcpu,
                              uint16_t port, unsigned size, uint32_t value);

/* Device registers in memory: is gpa one's, and access to it. */
bool platform_is_mmio(const struct guest *guest, const struct vcpu *vcpu,
                      uint64_t gpa);
uint64_t platform_mmio_read(struct guest *guest, struct vcpu *vcpu,
                            uint64_t gpa, unsigned size);
enum exit_result platform_mmio_write(struct guest *guest, struct vcpu *vcpu,
                                     uint64_t gpa, unsigned size,
                                     uint64_t value);

/* Console input into the UART, NMIs from the monitor, interrupt levels that
 * wait into the local APICs. At the start of each turn; exits by interrupts do
 * it by themselves, and so does reading a character. Sets
 * LOOK_EVENTS when it delivers. */
void platform_sync(struct guest *guest);

/* Tells the processor which ends of interrupt must exit: after a restore of
 * the platform. The guest's own writes to the I/O APIC do it by themselves. */
void platform_eoi_wanted(struct guest *guest);

/* A local APIC register was written: EOIs, IPIs; the timer may have changed,
 * too. */
void platform_apic_send(struct guest *guest, struct vcpu *vcpu,
                        const struct lapic_effect *effect);
static inline void platform_apic_effect(struct guest *guest, struct vcpu *vcpu,
                                        const struct lapic_effect *effect)
{
    vcpu->look |= LOOK_EVENTS;
    if (effect->eoi_vector >= 0 || effect->targets != LAPIC_NOBODY) {
        platform_apic_send(guest, vcpu, effect);
    }
}

/* Somebody else, or the safe point, has something to do: the turn ends with
 * its slice, at once if it has outlasted that. */
static inline void vcpu_hurry(struct vcpu *vcpu)
{
    if (vcpu->turn_end > vcpu->slice_end) {
        vcpu->turn_end = vcpu->slice_end;
        vcpu->look |= LOOK_TIMER;
    }
}

/* ---- call.c: the guest interface (decision 16) ---- */

/*
 * By ports of 32 bits, function n at CALL_PORT + 4 * n, for whoever the
 * guest's kernel lets have them; or by VMCALL in kernel mode, function in
 * EAX, argument in EBX, result in EAX (the upper half of RAX is cleared).
 * What there is not, another port size and VMCALL in user mode read
 * CALL_REFUSED; string instructions do not reach it.
 */
#define CALL_PORT      0x5b00 /* first port of the guest interface */
#define CALL_PORTS     0x20
#define CALL_SIGNATURE 0x4b484c42u /* "BLHK" */
#define CALL_REFUSED   0xffffffffu /* -EPERM */

enum call_function {
    CALL_GET_SIGNATURE, /* 0x5b00, IN */
    CALL_SNAPSHOT,      /* 0x5b04, IN: 0 when taken, n for the n-th restore;
                           CALL_REFUSED with snapshot=off */
    CALL_RESTORES,      /* 0x5b08, IN: restores so far */
    CALL_ROLLED_BACK,   /* 0x5b0c, IN: ms that the last restore went back */
    CALL_HEARTBEAT,     /* 0x5b10, OUT: number; VMCALL: result 0. Events are
                           limited: 32 at once, and one in 5 ms */
    CALL_FUNCTIONS
};

#endif
