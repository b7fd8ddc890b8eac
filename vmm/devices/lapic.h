/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A local APIC (SDM vol. 3, chapter 11) in xAPIC or x2APIC mode. The register
 * page can serve as the VMX virtual-APIC page (SDM vol. 3, 30.1.1): the
 * processor may change TPR, IRR, ISR and ICR in it, so that PPR is computed
 * anew whenever it matters. With APIC-register virtualization keep reads of
 * the current count (0x390) intercepted; the page does not hold it.
 *
 * All times are guest-TSC ticks. Whatever a call delivers to the local APIC
 * itself is only set in IRR: look at lapic_pending() before every entry.
 */
#ifndef VMM_DEVICES_LAPIC_H
#define VMM_DEVICES_LAPIC_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/errno.h"
#include "vmm/devices/apic_message.h"

#define LAPIC_DEFAULT_BASE 0xfee00000ull
#define LAPIC_PAGE_SIZE    0x1000
#define LAPIC_VERSION      0x50014 /* six LVT entries, no directed EOI */
#define LAPIC_NEVER        UINT64_MAX

/* IA32_APIC_BASE, MSR 0x1b. */
#define LAPIC_BASE_BSP  (1ull << 8)
#define LAPIC_BASE_EXTD (1ull << 10)
#define LAPIC_BASE_EN   (1ull << 11)

/* The x2APIC MSRs; 0x10 bytes of the page for each. */
#define LAPIC_MSR_FIRST 0x800
#define LAPIC_MSR_LAST  0x8ff

/* A periodic timer fires at most once in so many ticks (some 30 us), however
 * short a period the guest asks for. */
#define LAPIC_MIN_PERIOD 100000

enum lapic_register {
    LAPIC_ID = 0x020,
    LAPIC_VER = 0x030,
    LAPIC_TPR = 0x080,
    LAPIC_PPR = 0x0a0,
    LAPIC_EOI = 0x0b0,
    LAPIC_LDR = 0x0d0,
    LAPIC_DFR = 0x0e0,
    LAPIC_SVR = 0x0f0,
    LAPIC_ISR = 0x100, /* eight registers of 32 vectors */
    LAPIC_TMR = 0x180,
    LAPIC_IRR = 0x200,
    LAPIC_ESR = 0x280,
    LAPIC_ICR = 0x300,       /* 64 bits in x2APIC mode */
    LAPIC_ICR_UPPER = 0x304, /* their upper half */
    LAPIC_ICR_HIGH = 0x310,  /* xAPIC mode: the destination */
    LAPIC_LVT_TIMER = 0x320,
    LAPIC_LVT_THERMAL = 0x330,
    LAPIC_LVT_PERF = 0x340,
    LAPIC_LVT_LINT0 = 0x350,
    LAPIC_LVT_LINT1 = 0x360,
    LAPIC_LVT_ERROR = 0x370,
    LAPIC_INITIAL_COUNT = 0x380,
    LAPIC_CURRENT_COUNT = 0x390,
    LAPIC_DIVIDE = 0x3e0,
    LAPIC_SELF_IPI = 0x3f0, /* x2APIC mode only */
};

#define LAPIC_SVR_ENABLED    0x100u

#define LAPIC_LVT_PENDING    (1u << 12) /* read-only, never set here */
#define LAPIC_LVT_REMOTE_IRR (1u << 14) /* the same */
#define LAPIC_LVT_MASKED     (1u << 16)
#define LAPIC_TIMER_MODE     (3u << 17)
#define LAPIC_TIMER_ONE_SHOT (0u << 17)
#define LAPIC_TIMER_PERIODIC (1u << 17)
#define LAPIC_TIMER_DEADLINE (2u << 17)

/* ESR (SDM vol. 3, 11.5.3). */
#define LAPIC_ERROR_SEND_VECTOR    0x20
#define LAPIC_ERROR_RECEIVE_VECTOR 0x40
#define LAPIC_ERROR_REGISTER       0x80

struct lapic {
    _Alignas(LAPIC_PAGE_SIZE) uint32_t regs[LAPIC_PAGE_SIZE / 4];
    uint64_t base;          /* IA32_APIC_BASE */
    uint64_t tsc_deadline;  /* IA32_TSC_DEADLINE; 0: disarmed */
    uint64_t timer_at;      /* TSC at which the timer expires; LAPIC_NEVER */
    uint32_t id;            /* the x2APIC id */
    uint32_t tsc_per_count; /* TSC ticks in one of the timer's, undivided */
    uint32_t errors;        /* ESR bits since the guest last wrote ESR */
};

/* What a snapshot keeps of it. No register lies behind the first KiB of the
 * page: the rest stays 0. */
#define LAPIC_USED 0x400
struct lapic_state {
    uint32_t regs[LAPIC_USED / 4];
    uint64_t base, tsc_deadline, timer_at;
    uint32_t id, tsc_per_count, errors;
};

/* lapic_state.c */
void lapic_save(const struct lapic *l, struct lapic_state *state);
void lapic_load(struct lapic *l, const struct lapic_state *state);

/* Who else gets the message of an ICR write. */
enum lapic_targets {
    LAPIC_NOBODY,
    LAPIC_MATCHING, /* whoever lapic_matches(); perhaps the sender */
    LAPIC_OTHERS,   /* everyone but the sender, dest means nothing */
};

/* What the caller of lapic_write() has to do. */
struct lapic_effect {
    int eoi_vector; /* call ioapic_eoi() with it; -1: nothing */
    enum lapic_targets targets;
    struct apic_message message; /* unless targets is LAPIC_NOBODY */
};

/* Any register of the page, by its offset (a multiple of 16; 0-0xff0). */
static inline uint32_t lapic_reg(const struct lapic *l, unsigned offset)
{
    return l->regs[(offset % LAPIC_PAGE_SIZE) / 4];
}

static inline void lapic_set_reg(struct lapic *l, unsigned offset,
                                 uint32_t value)
{
    l->regs[(offset % LAPIC_PAGE_SIZE) / 4] = value;
}

static inline bool lapic_is_enabled(const struct lapic *l)
{
    return l->base & LAPIC_BASE_EN;
}

static inline bool lapic_is_x2apic(const struct lapic *l)
{
    return (l->base & LAPIC_BASE_EN) && (l->base & LAPIC_BASE_EXTD);
}

/* ---- Modes: lapic.c ---- */

/* Power-on state in xAPIC or x2APIC mode; id 0 is the bootstrap processor.
 * tsc_per_count is CPUID leaf 0x15's EBX/EAX: TSC ticks in one of the crystal
 * that the timer counts; 0 is taken as 1. */
void lapic_reset(struct lapic *l, uint32_t id, bool x2apic,
                 uint32_t tsc_per_count);

/* The guest writes IA32_APIC_BASE. 0, or -EINVAL (raise #GP): reserved bits, a
 * page elsewhere than at LAPIC_DEFAULT_BASE (not supported), or a transition
 * that SDM vol. 3, 11.12.5 forbids. Disabling resets the registers; ask
 * lapic_timer_next() again. */
int lapic_write_base(struct lapic *l, uint64_t value);

/* TPR as CR8 shows it: 0-15. Higher bits of value are ignored. */
uint8_t lapic_cr8(const struct lapic *l);
void lapic_set_cr8(struct lapic *l, uint64_t value);

/* Masks all LVT entries, as a software disable does. */
void lapic_mask_lvts(struct lapic *l);

/* ---- Registers: lapic_regs.c ---- */

/* The guest reads the register at offset (xAPIC: the page's 32 bits there).
 * Works as the mode in APIC_BASE says. 0, or -EINVAL (x2APIC: reserved or
 * write-only; raise #GP). Reads of reserved xAPIC registers give 0 and an ESR
 * error, those of a disabled APIC all ones. May fire the timer. */
int lapic_read(struct lapic *l, uint32_t offset, uint64_t now, uint64_t *value);

/* The guest writes the register at offset; *effect is always filled. 0, or
 * -EINVAL (x2APIC: reserved or read-only register, reserved bits; raise #GP,
 * nothing has changed). In xAPIC mode only the low 32 bits count, reserved
 * bits are ignored; a disabled APIC ignores everything. */
int lapic_write(struct lapic *l, uint32_t offset, uint64_t value, uint64_t now,
                struct lapic_effect *effect);

/* Is the MSR one of 0x800-0x8ff, and in x2APIC mode? Then the offset of its
 * register, which need not exist, for lapic_read() and lapic_write(). */
static inline bool lapic_has_msr(const struct lapic *l, uint32_t msr)
{
    return msr >= LAPIC_MSR_FIRST && msr <= LAPIC_MSR_LAST &&
           lapic_is_x2apic(l);
}

static inline uint32_t lapic_msr_offset(uint32_t msr)
{
    return (msr - LAPIC_MSR_FIRST) * 16;
}

/* ---- Interrupts: lapic_irq.c ---- */

/* An interrupt of mode FIXED or LOWEST arrives; level says how it was
 * triggered. False: not accepted, since the APIC is disabled by APIC_BASE or
 * SVR, or the vector is below 16 (which is flagged in ESR). */
bool lapic_deliver(struct lapic *l, uint8_t vector, bool level);

/* The vector to inject next: the highest in IRR, if its class is above PPR's.
 * -1: none. Brings the PPR register up to date. */
int lapic_pending(struct lapic *l);

/* The same, of the highest in IRR (or -1), which the caller knows. */
int lapic_deliverable(struct lapic *l, int vector);

/* The vector that lapic_pending() gave is injected: moves it from IRR to ISR.
 * Nothing is left then that could be injected at once. Nothing happens if it
 * is not in IRR. */
void lapic_accept(struct lapic *l, uint8_t vector);

/* Ends the interrupt of the highest vector in ISR and returns that vector;
 * *level says whether the I/O APIC must be told. -1: none is in service. */
int lapic_eoi(struct lapic *l, bool *level);

/* For RVI and SVI; -1: none. */
int lapic_highest_irr(const struct lapic *l);
int lapic_highest_isr(const struct lapic *l);

/* Computes PPR, and stores it in the page. */
uint8_t lapic_update_ppr(struct lapic *l);

/* Is this local APIC addressed? dest_mode is APIC_PHYSICAL or APIC_LOGICAL. */
bool lapic_matches(const struct lapic *l, uint32_t dest, uint8_t dest_mode);

/* Flags ESR bits, and raises the error interrupt if the guest wants it. */
void lapic_error(struct lapic *l, uint32_t bits);

/* Sends what a write of ICR asks for: delivers to the sender where a shorthand
 * includes it, tells the rest in *effect. INIT and SIPI are told like others;
 * ignore them where there is one vCPU. Forbidden combinations send nothing. */
void lapic_send(struct lapic *l, uint32_t icr, uint32_t dest,
                struct lapic_effect *effect);

/* ---- Timer: lapic_timer.c ---- */

/* The guest reads or writes IA32_TSC_DEADLINE. Outside TSC-deadline mode it
 * reads 0, and writes are ignored. A deadline in the past fires at once. A
 * write returns whether that, or the former one, has set IRR. */
uint64_t lapic_read_deadline(struct lapic *l, uint64_t now);
bool lapic_write_deadline(struct lapic *l, uint64_t deadline, uint64_t now);

/* When the timer next raises an interrupt; LAPIC_NEVER also when masked. */
static inline uint64_t lapic_timer_next(const struct lapic *l)
{
    return lapic_reg(l, LAPIC_LVT_TIMER) & LAPIC_LVT_MASKED ? LAPIC_NEVER
                                                            : l->timer_at;
}

/* Fires the timer if it is due. True: the interrupt was set in IRR. Periods
 * that were missed are lost, not made up for. */
bool lapic_timer_expire(struct lapic *l, uint64_t now);
static inline bool lapic_timer_poll(struct lapic *l, uint64_t now)
{
    return l->timer_at <= now && lapic_timer_expire(l, now);
}

/* Register accesses that concern the timer, for lapic.c; each polls first. */
uint32_t lapic_timer_count(struct lapic *l, uint64_t now);
void lapic_timer_write_lvt(struct lapic *l, uint32_t lvt, uint64_t now);
void lapic_timer_write_initial(struct lapic *l, uint32_t count, uint64_t now);
void lapic_timer_write_divide(struct lapic *l, uint32_t divide, uint64_t now);

#endif
