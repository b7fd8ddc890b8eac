/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files that handle exits share; for them only. */
#ifndef VMM_EXIT_PARTS_H
#define VMM_EXIT_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/exits.h"

/* ---- the handlers: each serves one exit of the vCPU that is loaded ---- */

enum exit_result cpuid_exit(struct guest *guest, struct vcpu *vcpu);
enum exit_result rdmsr_exit(struct guest *guest, struct vcpu *vcpu);
enum exit_result wrmsr_exit(struct guest *guest, struct vcpu *vcpu);
enum exit_result cr_exit(struct guest *guest, struct vcpu *vcpu);
enum exit_result io_exit(struct guest *guest, struct vcpu *vcpu);
enum exit_result mmio_exit(struct guest *guest, struct vcpu *vcpu);
enum exit_result misconfig_exit(struct guest *guest, struct vcpu *vcpu);
enum exit_result call_exit(struct guest *guest, struct vcpu *vcpu);
enum exit_result exception_exit(struct guest *guest, struct vcpu *vcpu);
enum exit_result apic_write_exit(struct guest *guest, struct vcpu *vcpu);
enum exit_result apic_eoi_exit(struct guest *guest, struct vcpu *vcpu);

/* String forms of IN and OUT: io_string.c. */
enum exit_result io_string(struct guest *guest, struct vcpu *vcpu,
                           const struct exit_io *io);

/* ---- raise.c ---- */

/* Delivers an event at the next entry, by the rules of vcpu_raise(). */
enum exit_result vcpu_deliver(struct guest *guest, struct vcpu *vcpu,
                              const struct x86_event *event);

static inline enum exit_result vcpu_raise_gp(struct guest *guest,
                                             struct vcpu *vcpu)
{
    return vcpu_raise(guest, vcpu, VECTOR_GP, true, 0);
}

/* ---- registers ---- */

/* n: enum gpr; RSP lives elsewhere than the others. */
static inline uint64_t vcpu_gpr(struct vcpu *vcpu, unsigned n)
{
    return n == GPR_RSP ? cpu->rsp(&vcpu->arch) : vcpu->arch.gpr[n % GPR_COUNT];
}

static inline void vcpu_set_gpr(struct vcpu *vcpu, unsigned n, uint64_t value)
{
    if (n == GPR_RSP) {
        cpu->set_rsp(&vcpu->arch, value);
    } else {
        vcpu->arch.gpr[n % GPR_COUNT] = value;
    }
}

/* What reading a local APIC register may have changed: the current count's
 * reader fires the timer, and a reserved register raises an error. */
static inline uint8_t vcpu_look_after_read(const struct lapic *l,
                                           uint32_t offset)
{
    return offset == LAPIC_CURRENT_COUNT || l->errors ? LOOK_EVENTS : 0;
}

/* Segment access rights (SDM vol. 3, table 24-2). */
#define ACCESS_CODE     (1u << 3)
#define ACCESS_DOWN     (1u << 2) /* data: expands downwards */
#define ACCESS_WRITABLE (1u << 1) /* data; code: readable */
#define ACCESS_LONG     (1u << 13)
#define ACCESS_BIG      (1u << 14)

/* 64-bit mode, in which registers have 64 bits. */
static inline bool vcpu_is_64bit(struct vcpu *vcpu)
{
    struct x86_segment cs;

    if (!(cpu->efer(&vcpu->arch) & EFER_LMA)) {
        return false;
    }
    cpu->segment(&vcpu->arch, SEG_CS, &cs);
    return cs.access & ACCESS_LONG;
}

/* The processor keeps it in SS.DPL, in every mode. */
static inline unsigned vcpu_cpl(struct vcpu *vcpu)
{
    struct x86_segment ss;

    cpu->segment(&vcpu->arch, SEG_SS, &ss);
    return ss.access >> 5 & 3;
}

/* ---- call.c: the interface by ports ---- */

static inline bool call_owns(uint16_t port)
{
    return port >= CALL_PORT && port < CALL_PORT + CALL_PORTS;
}

enum exit_result call_in(struct guest *guest, uint16_t port, unsigned size,
                         uint32_t *value);
enum exit_result call_out(struct guest *guest, uint16_t port, unsigned size,
                          uint32_t value);

/* ---- platform_*.c ---- */

uint32_t uart_port_in(struct guest *guest, uint16_t port, unsigned size);
enum exit_result uart_port_out(struct guest *guest, struct vcpu *vcpu,
                               uint16_t port, unsigned size, uint32_t value);
/* Takes console input, as far as the receiver has room. */
void uart_pull(struct guest *guest);

/* Sends what the I/O APIC has to send. Bounded. */
void platform_messages(struct guest *guest);

#endif
