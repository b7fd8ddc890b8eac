/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of this folder share: the private part of a vCPU, and what
 * each CPU remembers. */
#ifndef VMX_VMX_H
#define VMX_VMX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* before cpu_backend.h, whose "cpu" names the backend */
#include "arch/x86_64/percpu.h"

#include "arch/x86_64/cpu_backend.h"
#include "arch/x86_64/vmx/caps.h"
#include "kernel/config.h"

/* What entry.S knows, at these offsets. */
struct vmx_entry {
    uint64_t host_rsp; /* 0: as VMCS_HOST_RSP holds it */
    uint8_t launched;  /* 8: VMRESUME, not VMLAUNCH */
};

/* How an entry ended that did not come to an exit. */
enum vmx_outcome { VMX_FAILED = 1, VMX_ABORTED, VMX_MCE, VMX_LATE };

/* State that the processor holds while the vCPU is loaded. */
struct vmx_live {
    uint64_t star, lstar, cstar, fmask, kernel_gs_base, tsc_aux;
    uint64_t dr[4], dr6, cr2;
};

/* What run() has to see to before the next entry, seldom. */
#define ATTEND_REFUSED  1u  /* the state that was restored is impossible */
#define ATTEND_FORGE    2u  /* a machine check during entry is asked for */
#define ATTEND_FLUSH    4u  /* stale linear translations */
#define ATTEND_ACTIVITY 8u  /* not ACTIVITY_ACTIVE, which the VMCS says */
#define ATTEND_NO_TIMER 32u /* always: a host timer bounds the run */

/* Cached fields of the VMCS. */
#define KNOWN_RIP           1u /* in struct arch_vcpu */
#define KNOWN_FLAGS         2u /* and interruptibility */
#define KNOWN_LENGTH        8u /* told by vmm */
#define KNOWN_QUALIFICATION 16u

struct vmx_vcpu {
    struct vmx_entry entry;
    uint32_t attend;
    uint32_t known;
    uint64_t rflags, qualification;
    uint32_t interruptibility, length;
    uint32_t proc, proc2, entry_controls; /* as the VMCS holds them */
    uint32_t threshold;                   /* the same */
    uint32_t activity;                    /* enum x86_activity */
    uint32_t host_cpu; /* CPU of the host-state fields; CPU_MAX: none */
    uint16_t vpid;
    /* Exit reasons below this may be plain (decode.c): 0 when the next exit
     * has to be looked at closely. */
    uint32_t plain_reasons;
    bool forge_exit; /* it is to look like a machine check */
    bool x2apic;
    uint64_t efer;
    uint64_t vmcs, bitmap, log; /* host-physical */
    const uint8_t *apic;        /* local APIC registers, or NULL */
    struct stage2 *stage2;
    uint64_t stage2_seen; /* generation that this CPU's TLB agrees with */
    struct vmx_live live; /* valid while the vCPU is not loaded */
} __attribute__((may_alias));

_Static_assert(sizeof(struct vmx_vcpu) <= ARCH_VCPU_PRIVATE,
               "the private part of a vCPU is too small");
_Static_assert(offsetof(struct arch_vcpu, gpr) == 0 &&
                   offsetof(struct vmx_entry, launched) == 8 &&
                   offsetof(struct vmx_vcpu, entry) == 0,
               "entry.S knows these offsets");

static inline struct vmx_vcpu *vmx_of(struct arch_vcpu *vcpu)
{
    return (struct vmx_vcpu *)(void *)vcpu->private_;
}

struct vmx_cpu {
    uint64_t vmxon;        /* host-physical; 0: none yet */
    uint64_t current;      /* VMCS that is loaded; 0: none */
    uint16_t last_vm;      /* VM that ran here last */
    uint64_t seen[VM_MAX]; /* stage-2 generation in this CPU's TLB */
};

extern struct vmx_cpu vmx_cpus[CPU_MAX];
extern struct vmx_caps vmx_caps;

static inline struct vmx_cpu *vmx_this_cpu(void)
{
    return &vmx_cpus[this_cpu()->index];
}

/* probe.c */
int vmx_probe(const char *force, struct cpu_missing *missing);
const struct cpu_feature *vmx_features(unsigned *count);
void vmx_read_raw(struct vmx_raw *raw);
int vmx_check_firmware(struct cpu_missing *missing);

/* enable.c */
int vmx_enable(struct cpu_missing *missing);
/* A frame of a VM, or of the core with FAULT_NO_VM, cleared; 0 when there
 * is none. */
uint64_t vmx_frame(uint16_t vm, bool state);

/* vcpu.c, controls.c, host.c, live.c, barrier.c */
int vmx_vcpu_create(struct arch_vcpu *vcpu, const struct vcpu_setup *setup);
void vmx_vcpu_load(struct arch_vcpu *vcpu);
void vmx_vcpu_put(struct arch_vcpu *vcpu);
void vmx_vmcs_relaunch(struct vmx_vcpu *vmx);
void vmx_write_controls(struct arch_vcpu *vcpu, uint64_t apic);
void vmx_set_proc(struct vmx_vcpu *vmx, uint32_t proc);
void vmx_set_proc2(struct vmx_vcpu *vmx, uint32_t proc2);
void vmx_set_entry(struct vmx_vcpu *vmx, uint32_t controls);
void vmx_host_state(void);
void vmx_live_init(void);
void vmx_live_load(const struct vmx_live *live);
void vmx_live_save(struct vmx_live *live);
bool vmx_live_possible(const struct vmx_live *live);
bool vmx_canonical(uint64_t address);
void vmx_fpu_load(uint8_t area[512]);
void vmx_fpu_save(uint8_t area[512]);
void vmx_barrier_init(void);
void vmx_barrier(void);

/* entry.S: enters the guest and goes on in vmx_decode(); without an exit in
 * vmx_not_exited(), and no guest register was stored then. */
enum exit_kind vmx_enter(struct arch_vcpu *vcpu, uint64_t deadline,
                         struct vmx_entry *entry);
extern const char vmx_exit_point[];

/* run.c */
enum exit_kind vmx_run(struct arch_vcpu *vcpu, uint64_t deadline);
void vmx_forge_mce(struct arch_vcpu *vcpu, bool reason41);

/* decode.c: from the exit to what vmm sees */
enum exit_kind vmx_decode(struct arch_vcpu *vcpu, uint64_t deadline);
void vmx_stay(struct arch_vcpu *vcpu); /* there is no entry, and no exit */
enum exit_kind vmx_not_exited(struct arch_vcpu *vcpu, uint64_t deadline,
                              enum vmx_outcome outcome);
void vmx_attend_exit(struct vmx_vcpu *vmx);
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* serve.c: the kinds with more to do than to be passed on; EXIT_NONE is a full
 * log. What vmm is told, or EXIT_NONE */
enum exit_kind vmx_serve(struct arch_vcpu *vcpu, enum exit_kind kind,
                         uint64_t deadline);
enum exit_kind vmx_machine_check(struct arch_vcpu *vcpu);

/* exit.c */
uint64_t vmx_exit_qualification(struct arch_vcpu *vcpu);
uint8_t vmx_exit_length(struct arch_vcpu *vcpu);
void vmx_set_exit_length(struct arch_vcpu *vcpu, uint8_t length);
void vmx_exit_io(struct arch_vcpu *vcpu, struct exit_io *io);
struct exit_cr vmx_exit_cr(struct arch_vcpu *vcpu);
struct exit_stage2 vmx_exit_stage2(struct arch_vcpu *vcpu);
struct exit_exception vmx_exit_exception(struct arch_vcpu *vcpu);
uint16_t vmx_exit_apic_offset(struct arch_vcpu *vcpu);

/* tail.c */
void vmx_advance(struct arch_vcpu *vcpu);
bool vmx_can_interrupt(struct arch_vcpu *vcpu);
bool vmx_can_nmi(struct arch_vcpu *vcpu);
void vmx_want_window(struct arch_vcpu *vcpu, bool on);
void vmx_want_nmi_window(struct arch_vcpu *vcpu, bool on);
void vmx_set_activity(struct arch_vcpu *vcpu, enum x86_activity activity);
uint32_t vmx_interruptibility(struct vmx_vcpu *vmx);
void vmx_set_interruptibility(struct vmx_vcpu *vmx, uint32_t value);

/* apic.c */
void vmx_sync_apic(struct arch_vcpu *vcpu, int requested, int in_service);
void vmx_want_eoi(struct arch_vcpu *vcpu, const uint64_t vectors[4]);
void vmx_set_x2apic(struct arch_vcpu *vcpu, bool on);

/* msr_bitmap.c */
void vmx_msr_open(uint64_t bitmap, uint32_t msr);
void vmx_msr_x2apic(uint64_t bitmap, bool on);

/* state.c */
void vmx_save(struct arch_vcpu *vcpu, struct x86_state *state);
void vmx_restore(struct arch_vcpu *vcpu, const struct x86_state *state);

/* control.c: control registers and EFER */
uint64_t vmx_cr(struct arch_vcpu *vcpu, unsigned number);
void vmx_set_cr(struct arch_vcpu *vcpu, unsigned number, uint64_t value);
void vmx_set_pdptes(struct arch_vcpu *vcpu, const uint64_t pdpte[4]);
uint64_t vmx_efer(struct arch_vcpu *vcpu);
void vmx_set_efer(struct arch_vcpu *vcpu, uint64_t value);
void vmx_cr_limits(uint64_t *cr0_must, uint64_t *cr0_may, uint64_t *cr4_must,
                   uint64_t *cr4_may);
uint64_t vmx_cr0_owned(void);
uint64_t vmx_cr4_owned(void);

/* registers.c */
uint64_t vmx_rip(struct arch_vcpu *vcpu);
uint64_t vmx_rsp(struct arch_vcpu *vcpu);
void vmx_set_rsp(struct arch_vcpu *vcpu, uint64_t value);
uint64_t vmx_rflags(struct arch_vcpu *vcpu);
void vmx_set_rflags(struct arch_vcpu *vcpu, uint64_t value);
void vmx_segment(struct arch_vcpu *vcpu, enum segment_index index,
                 struct x86_segment *out);
int vmx_msr(struct arch_vcpu *vcpu, uint32_t msr, uint64_t *value);
int vmx_set_msr(struct arch_vcpu *vcpu, uint32_t msr, uint64_t value);
void vmx_set_tsc_offset(struct arch_vcpu *vcpu, uint64_t offset);

/* invalidate.c */
void vmx_flush_stage2(struct vmx_vcpu *vmx, uint16_t vm);
void vmx_flush_linear(struct vmx_vcpu *vmx);

/* event.c, pure: between an event and its VMCS fields. error and length are
 * ignored where the event has none. */
struct x86_event vmx_event_decode(uint32_t info, uint32_t error,
                                  uint32_t length);
#define EVENT_INFO_VALID     (1u << 31)
#define EVENT_INFO_ERROR     (1u << 11)
#define EVENT_INFO_UNBLOCKED (1u << 12) /* NMIs, by an IRET */
static inline uint32_t vmx_event_encode(const struct x86_event *event)
{
    if (!event->valid) {
        return 0;
    }
    return EVENT_INFO_VALID | (event->has_error ? EVENT_INFO_ERROR : 0) |
           (event->type & 7u) << 8 | event->vector;
}

/* pml.c: takes the log of the loaded vCPU into the dirty bits */
void vmx_log_drain(struct vmx_vcpu *vmx);

#endif
