/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest machine. Everything here lies in the VM's cell: call these
 * functions only while that cell is loaded (run_in_cell(), or a turn).
 */
#ifndef VMM_GUEST_H
#define VMM_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/x86_64/cpu_backend.h"
#include "kernel/config.h"
#include "vmm/cpuid.h"
#include "vmm/devices/cmos.h"
#include "vmm/devices/ioapic.h"
#include "vmm/devices/lapic.h"
#include "vmm/devices/power.h"
#include "vmm/devices/uart16550.h"
#include "vmm/load.h"
#include "vmm/vm.h"

#define EXIT_HISTORY 32 /* a power of two */

/* One exit, for the evidence in the journal. */
struct exit_record {
    uint64_t tsc, rip;
    uint32_t reason; /* the processor's own number */
};

/* MSRs that only exist here; plain data, saved with the vCPU. */
struct vcpu_msrs {
    uint64_t tsc_adjust;    /* what the guest's own writes have added up to */
    uint64_t mtrr_def_type; /* kept, no effect: all of RAM is write-back */
    uint64_t pv_eoi;        /* MSR_KVM_PV_EOI: vmm/pv_eoi.h */
};

/* What may have changed since the last entry. */
#define LOOK_TIMER \
    1u /* when the local APIC's timer is due, or it is now; the turn's end */
#define LOOK_EVENTS                                                        \
    2u              /* IRR, ISR, TPR, NMIs, or a window is open; the timer \
                     */
#define LOOK_EOI 4u /* the guest may have ended its interrupt: pv_eoi.h */

struct vcpu {
    struct lapic lapic; /* first: its page is the virtual-APIC page */
    struct arch_vcpu arch;
    struct vcpu_msrs msrs;
    uint32_t activity; /* enum x86_activity */
    uint32_t index;
    uint8_t look;       /* LOOK_*: to be looked at before the next entry */
    uint64_t turn_end;  /* host TSC */
    uint64_t slice_end; /* the same, once others want something */
    struct exit_record history[EXIT_HISTORY];
    uint32_t history_next;
    uint64_t exits[EXIT_KINDS];
    uint64_t guest_ticks; /* from entries to exits */
};

/* Devices that all vCPUs share; plain data, no pointers. */
struct platform {
    struct uart uart;
    struct ioapic ioapic;
    struct cmos cmos;
    struct power power;
};

struct guest {
    struct vm *vm;
    struct vcpu vcpu[VCPUS_MAX];
    struct platform platform;
    struct stage2 stage2;
    uint64_t memory;          /* bytes of RAM */
    uint64_t top;             /* GPA above the last RAM byte */
    uint64_t *dirty_bits;     /* by guest frame number; top / 4096 bits */
    uint64_t tsc_offset;      /* guest TSC = host TSC + tsc_offset */
    bool call_pending;        /* the vCPU waits for the result of its request
                                 for a snapshot: see guest_call_result() */
    uint64_t beats_until;     /* see call.c: bounds heartbeat events */
    struct cpuid_table cpuid; /* what CPUID shows, built at creation */
    uint32_t root_injection;  /* enum root_injection: vmm/inject.h */
    bool root_in_core;        /* it strikes in a core section */
    uint64_t root_address;    /* what a wild write is to hit */
    struct image kernel, modules[VM_MODULES_MAX];
    uint64_t ones_frame; /* what absent memory reads as */
};

/* ---- memory: guest_memory.c ---- */

/* Is the page that holds gpa RAM? */
bool guest_has_page(const struct guest *guest, uint64_t gpa);

/* The only writer of guest memory besides the guest and ft: marks the pages
 * dirty. 0; -EFAULT when any byte is not RAM (nothing is written then). */
int guest_write(struct guest *guest, uint64_t gpa, const void *data,
                uint64_t size);
int guest_read(const struct guest *guest, uint64_t gpa, void *data,
               uint64_t size);

/* Puts another host frame behind a RAM page: in the window and in stage 2.
 * The caller owns content, frame table and the old frame. 0; -ENOMEM. */
int guest_set_frame(struct guest *guest, uint64_t gpa, uint64_t frame);

/* Dirty tracking, with the vCPUs stopped. collect: what the hardware knows
 * goes into guest->dirty_bits. rearm: the bitmap is cleared, and the next
 * write to each page that was in it is noticed again. */
void guest_dirty_collect(struct guest *guest);
void guest_dirty_rearm(struct guest *guest);

/* ---- life: guest.c ---- */

/* Cold state of vCPUs and devices, and the images into RAM, which must be
 * all zero. 0, or a negative errno with why[] filled. */
int guest_load(struct guest *guest, char why[96]);

/* ---- state: guest_state.c ---- */

/* Everything but RAM, in canonical form: what a snapshot keeps. Compared
 * bytewise, so it is cleared before it is filled. */
struct vcpu_state {
    struct x86_state x86;
    struct lapic_state lapic;
    struct vcpu_msrs msrs;
};

struct guest_state {
    struct vcpu_state vcpu[VCPUS_MAX];
    struct platform platform;
    uint64_t tsc; /* virtual TSC at the snapshot */
    bool call_pending;
};

/* The vCPUs must be stopped; loads each on this CPU in turn. */
void guest_save(struct guest *guest, struct guest_state *state);
/* The registers of one vCPU alone: what guest_save() says of them. */
void guest_registers(struct guest *guest, unsigned vcpu,
                     struct x86_state *state);
/* Also sets the virtual clock back to state->tsc. */
void guest_restore(struct guest *guest, const struct guest_state *state);

/* The guest asked for a snapshot by its interface; it gets this number (0:
 * taken, n: the n-th restore of it) as the result. */
void guest_call_result(struct guest *guest, uint32_t result);

/* The table behind save and restore, for the test that compares it with the
 * structs: every byte of guest_state is covered once. */
struct state_part {
    const char *name;
    size_t offset, size; /* in struct guest_state */
};
extern const struct state_part guest_state_parts[];
extern const unsigned guest_state_part_count;

/* Virtual TSC now. */
static inline uint64_t guest_now(const struct guest *guest, uint64_t host_tsc)
{
    return host_tsc + guest->tsc_offset;
}

#endif
