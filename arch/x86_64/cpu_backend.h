/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a processor's virtualization extension offers to vmm/. The guest is
 * named by its x86 architecture, never by a VMCS or VMCB field. VT-x with
 * EPT (vmx/) is the first implementation; AMD-V with NPT comes beside it.
 *
 * All functions are called with the VM's cell loaded on this CPU, and those
 * that take a vCPU (but create) after vcpu_load().
 */
#ifndef ARCH_CPU_BACKEND_H
#define ARCH_CPU_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* General registers in encoding order. */
enum gpr {
    GPR_RAX,
    GPR_RCX,
    GPR_RDX,
    GPR_RBX,
    GPR_RSP,
    GPR_RBP,
    GPR_RSI,
    GPR_RDI,
    GPR_R8,
    GPR_R9,
    GPR_R10,
    GPR_R11,
    GPR_R12,
    GPR_R13,
    GPR_R14,
    GPR_R15,
    GPR_COUNT
};

enum segment_index {
    SEG_ES,
    SEG_CS,
    SEG_SS,
    SEG_DS,
    SEG_FS,
    SEG_GS,
    SEG_LDTR,
    SEG_TR,
    SEG_COUNT
};

struct x86_segment {
    uint64_t base;
    uint32_t limit;
    uint32_t access; /* SDM vol. 3, table 24-2: type, S, DPL, P, AVL, L,
                        D/B, G; bit 16: unusable */
    uint16_t selector;
};

#define SEGMENT_UNUSABLE (1u << 16)

/* Event types, as in SDM vol. 3, 24.8.3. */
enum x86_event_type {
    EVENT_INTERRUPT = 0,
    EVENT_NMI = 2,
    EVENT_EXCEPTION = 3,
    EVENT_SOFT_INTERRUPT = 4,
    EVENT_PRIVILEGED_SOFT = 5,
    EVENT_SOFT_EXCEPTION = 6,
};

/* An event that is being delivered to the guest. */
struct x86_event {
    bool valid;
    bool has_error;
    uint8_t type;
    uint8_t vector;
    uint8_t length; /* of the instruction, for software events */
    uint32_t error_code;
};

enum x86_activity {
    ACTIVITY_ACTIVE,
    ACTIVITY_HLT,
    ACTIVITY_SHUTDOWN,
    ACTIVITY_WAIT_SIPI,
};

/* The whole architectural state of a vCPU but its local APIC, which is a
 * device of vmm/. Free of pointers and padding that matters: a snapshot is
 * a copy, compared bytewise after clearing. */
struct x86_state {
    uint64_t gpr[GPR_COUNT];
    uint64_t rip, rflags;
    uint64_t cr0, cr2, cr3, cr4, efer;
    uint64_t pdpte[4]; /* with PAE paging */
    struct x86_segment segment[SEG_COUNT];
    uint64_t gdt_base, idt_base;
    uint32_t gdt_limit, idt_limit;
    uint64_t dr[4], dr6, dr7, debugctl;
    uint64_t star, lstar, cstar, fmask, kernel_gs_base, tsc_aux;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip, pat;
    uint64_t pending_debug; /* pending debug exceptions */
    struct x86_event event;
    uint8_t sti_shadow, mov_ss_shadow, nmi_blocked, nmi_pending;
    uint32_t activity;                             /* enum x86_activity */
    uint8_t fpu[512] __attribute__((aligned(16))); /* FXSAVE area */
};

/* A stage-2 address space (EPT) with its dirty tracking. Leaves of RAM are
 * 4 KiB when tracked. */
#define STAGE2_READ  1u
#define STAGE2_WRITE 2u
#define STAGE2_EXEC  4u

enum dirty_engine_kind {
    DIRTY_NONE,
    DIRTY_LOG,   /* PML */
    DIRTY_BITS,  /* a walk of all leaves for EPT dirty bits: O(RAM) */
    DIRTY_WRITE, /* write-protection: one exit a page */
};

struct stage2 {
    uint64_t root;  /* physical address of the top table */
    uint64_t token; /* EPTP, or whatever the hardware is given */
    uint16_t vm;
    enum dirty_engine_kind engine;
    uint64_t memory_top;  /* GPA above the last RAM byte */
    uint64_t generation;  /* counts changes that need an invalidation */
    uint64_t *dirty_bits; /* a bit for each guest frame number, set by the
                             engine and by vmm's own writes */
    uint64_t tables;      /* frames used for tables */
    uint64_t large;       /* leaves of 2 MiB, when they were made */
    uint64_t split;       /* the backend's, when large leaves are in use */
};

enum exit_kind {
    EXIT_NONE,      /* nothing for vmm: served, or the entry was aborted */
    EXIT_INTERRUPT, /* a host interrupt, already dispatched */
    EXIT_TIMER,     /* the deadline given to run() has come */
    EXIT_WINDOW,    /* interrupts can be delivered now */
    EXIT_NMI_WINDOW,
    EXIT_HOST_NMI, /* already handled */
    EXIT_MCE,      /* machine check: posted; go to a safe point */
    EXIT_EXCEPTION,
    EXIT_TRIPLE,
    EXIT_ENTRY_FAILED,
    EXIT_CPUID,
    EXIT_HLT,
    EXIT_CALL,
    EXIT_CR,
    EXIT_DR,
    EXIT_IO,
    EXIT_RDMSR,
    EXIT_WRMSR,
    EXIT_TASK_SWITCH,
    EXIT_XSETBV,
    EXIT_WBINVD,
    EXIT_INVD,
    EXIT_MONITOR,
    EXIT_MWAIT,
    EXIT_PAUSE,
    EXIT_RDPMC,
    EXIT_RDTSC,
    EXIT_INVLPG,
    EXIT_UNDEFINED,  /* VMX, SVM, SGX ... instructions: #UD */
    EXIT_STAGE2,     /* EPT violation, or nested page fault */
    EXIT_MISCONFIG,  /* EPT misconfiguration, reserved bits in NPT */
    EXIT_APIC_WRITE, /* virtual local APIC: written, trap-like */
    EXIT_APIC_EOI,   /* virtual local APIC: EOI of an asked-for vector */
    EXIT_INIT,
    EXIT_SIPI,
    EXIT_UNKNOWN,
    EXIT_KINDS
};

struct exit_io {
    uint16_t port;
    uint8_t size; /* bytes: 1, 2 or 4 */
    bool in, string, rep;
};

struct exit_cr {
    uint8_t cr; /* 0, 3, 4 or 8 */
    enum { CR_WRITE, CR_READ, CR_CLTS, CR_LMSW } access;
    uint8_t gpr;
    uint16_t lmsw; /* source data */
};

struct exit_stage2 {
    uint64_t gpa;
    bool fetch;
    bool table_walk; /* the guest's page tables, not its data */
};

struct exit_exception {
    uint8_t vector;
    bool has_error;
    uint8_t type;   /* enum x86_event_type */
    uint8_t length; /* of the instruction, for software exceptions */
    uint32_t error_code;
    uint64_t qualification; /* #DB: bits that DR6 and DR7 have taken over
                               already; #PF: address */
};

/* What a vCPU is created with. */
struct vcpu_setup {
    uint16_t vm, index;
    struct stage2 *stage2;
    void *apic_page;           /* page-aligned local APIC registers, in the
                                  cell; used as virtual-APIC page */
    const uint32_t *open_msrs; /* MSRs that the guest may touch freely */
    unsigned open_msr_count;
};

struct arch_vcpu_private; /* the backend's own part, at most this big: */
#define ARCH_VCPU_PRIVATE 2048

struct arch_vcpu {
    uint64_t gpr[GPR_COUNT]; /* valid between runs, but RSP: vcpu_rsp() */
    struct x86_event event;  /* delivered at the next entry */
    bool nmi_pending;
    bool apic_virtual; /* the processor delivers interrupts by itself */
    bool window;       /* what want_window() was told last */
    uint16_t vm, index;
    uint32_t exit_reason; /* of the last exit: raw, for journals */
    uint64_t rip;         /* after an exit, until advance(); else: cpu->rip() */
    uint64_t entered, exited; /* host TSC; the same when there was no entry */
    uint8_t fpu[512] __attribute__((aligned(16)));
    uint8_t private_[ARCH_VCPU_PRIVATE] __attribute__((aligned(16)));
};

/* The word and the MSR bit of a capability that is missing. */
struct cpu_missing {
    const char *name; /* "EPT", "unrestricted guest", ... */
    uint32_t msr;     /* or CPUID leaf */
    int bit;          /* -1: not a bit */
    const char *hint; /* what to do about it */
    bool cpuid;       /* msr is a CPUID leaf, bit one of ECX */
};

/* What is used of what was offered: for the start-up log and self-check. */
struct cpu_feature {
    const char *name;
    bool offered, used, forced; /* forced: hidden by the boot word */
    const char *cost;           /* what its absence costs, when it is missing */
};

struct cpu_backend {
    const char *name;

    /* Looks at this CPU. 0; -ENODEV with *missing filled. force: name of a
     * capability to treat as missing, or NULL (a test aid). */
    int (*probe)(const char *force, struct cpu_missing *missing);
    const struct cpu_feature *(*features)(unsigned *count);

    /* Turns virtualization on for this CPU. 0; -EIO with *missing. */
    int (*enable)(struct cpu_missing *missing);

    /* Stage 2. create takes all table frames that mapping memory_top bytes
     * of RAM by 4 KiB leaves can need; 0 or -ENOMEM. */
    int (*stage2_create)(struct stage2 *s2, uint16_t vm, uint64_t memory_top,
                         bool tracked, uint64_t *dirty_bits);
    /* Maps one 4 KiB page; 0, -ENOMEM. protection: STAGE2_*. */
    int (*stage2_map)(struct stage2 *s2, uint64_t gpa, uint64_t hpa,
                      unsigned protection);
    /* Everything below 512 GiB that is not mapped reads as this frame; the
     * pages in holes[] stay unmapped (MMIO). Call once, after stage2_map. */
    int (*stage2_fill)(struct stage2 *s2, uint64_t ones_hpa,
                       const uint64_t *holes, unsigned hole_count);
    /* Makes a leaf malformed on purpose (fault injection). */
    int (*stage2_corrupt)(struct stage2 *s2, uint64_t gpa);

    /* VMs that are created from now on use this engine; DIRTY_NONE: the best
     * there is. 0; -ENODEV with *missing when the processor lacks it. */
    int (*dirty_force)(enum dirty_engine_kind kind,
                       struct cpu_missing *missing);
    /* Dirty tracking: collect adds to dirty_bits whatever the hardware
     * knows (for the vCPU given, its log); rearm makes the engine notice the
     * next write to each page of dirty_bits and clears the bitmap. The
     * caller has stopped all vCPUs; those of other CPUs were put. */
    void (*dirty_collect)(struct stage2 *s2, struct arch_vcpu *vcpus[],
                          unsigned count);
    void (*dirty_rearm)(struct stage2 *s2);

    /* vCPUs. */
    int (*vcpu_create)(struct arch_vcpu *vcpu, const struct vcpu_setup *setup);
    void (*vcpu_load)(struct arch_vcpu *vcpu); /* on this CPU */
    void (*vcpu_put)(struct arch_vcpu *vcpu);  /* may move to another CPU */
    void (*save)(struct arch_vcpu *vcpu, struct x86_state *state);
    /* Takes any state: what an entry would refuse shows as
     * EXIT_ENTRY_FAILED at the next run. */
    void (*restore)(struct arch_vcpu *vcpu, const struct x86_state *state);

    /* Enters the guest, interrupts off, until something needs vmm; not later
     * than the host TSC deadline. tsc_offset is host minus guest, negated
     * (added by the hardware to reads). */
    enum exit_kind (*run)(struct arch_vcpu *vcpu, uint64_t deadline);
    void (*set_tsc_offset)(struct arch_vcpu *vcpu, uint64_t offset);

    /* Lazy details of the last exit. */
    uint64_t (*exit_qualification)(struct arch_vcpu *vcpu);
    /* What advance() skips, where the processor promises no length
     * (EXIT_STAGE2): until the next run. */
    void (*set_exit_length)(struct arch_vcpu *vcpu, uint8_t length);
    void (*exit_io)(struct arch_vcpu *vcpu, struct exit_io *io);
    struct exit_cr (*exit_cr)(struct arch_vcpu *vcpu);
    struct exit_stage2 (*exit_stage2)(struct arch_vcpu *vcpu);
    struct exit_exception (*exit_exception)(struct arch_vcpu *vcpu);
    uint16_t (*exit_apic_offset)(struct arch_vcpu *vcpu); /* or EOI vector */

    /* The common tail. advance: RIP past the instruction, shadows cleared,
     * BS pending when single-stepping. */
    void (*advance)(struct arch_vcpu *vcpu);
    bool (*can_interrupt)(struct arch_vcpu *vcpu); /* IF and no shadow */
    bool (*can_nmi)(struct arch_vcpu *vcpu);
    void (*want_window)(struct arch_vcpu *vcpu, bool on);
    void (*want_nmi_window)(struct arch_vcpu *vcpu, bool on);
    void (*set_activity)(struct arch_vcpu *vcpu, enum x86_activity activity);

    /* Virtual-interrupt delivery, with arch_vcpu's apic_virtual: the hardware
     * delivers by itself from RVI; then sync_apic tells it the highest
     * requested and in-service vectors (or -1), and which vectors' EOI must
     * exit. */
    void (*sync_apic)(struct arch_vcpu *vcpu, int requested, int in_service);
    void (*want_eoi)(struct arch_vcpu *vcpu, const uint64_t vectors[4]);
    /* APIC mode follows IA32_APIC_BASE: x2APIC accesses without exits. */
    void (*set_x2apic)(struct arch_vcpu *vcpu, bool on);

    /* Single registers, for handlers. */
    uint64_t (*rip)(struct arch_vcpu *vcpu);
    uint64_t (*rsp)(struct arch_vcpu *vcpu);
    void (*set_rsp)(struct arch_vcpu *vcpu, uint64_t value);
    uint64_t (*rflags)(struct arch_vcpu *vcpu);
    void (*set_rflags)(struct arch_vcpu *vcpu, uint64_t value);
    uint64_t (*cr)(struct arch_vcpu *vcpu, unsigned number); /* 0, 3, 4 as
                                                    the guest sees them */
    /* Checked by vmm before: owned bits are pinned by the backend. Number 2
     * too: the address of a page fault that vmm raises. */
    void (*set_cr)(struct arch_vcpu *vcpu, unsigned number, uint64_t value);
    /* With PAE paging and no long mode: the four entries at CR3, which
     * whoever switches that on, or reloads CR3, has to read from the guest's
     * memory. Reserved bits must be 0. */
    void (*set_pdptes)(struct arch_vcpu *vcpu, const uint64_t pdpte[4]);
    uint64_t (*efer)(struct arch_vcpu *vcpu);
    void (*set_efer)(struct arch_vcpu *vcpu, uint64_t value);
    void (*segment)(struct arch_vcpu *vcpu, enum segment_index index,
                    struct x86_segment *out);
    /* MSRs that live in the VMCS or in the processor: FS/GS base, SYSENTER,
     * PAT, STAR ..., DEBUGCTL. -ENODEV for any other. */
    int (*msr)(struct arch_vcpu *vcpu, uint32_t msr, uint64_t *value);
    int (*set_msr)(struct arch_vcpu *vcpu, uint32_t msr, uint64_t value);

    /* Bounds of CR0 and CR4 that hardware lets a guest have. */
    void (*cr_limits)(uint64_t *cr0_must, uint64_t *cr0_may, uint64_t *cr4_must,
                      uint64_t *cr4_may);

    /* Makes the next exit of this vCPU look like a machine check; reason41:
     * like one during VM entry (fault injection, decision 6a). */
    void (*forge_mce)(struct arch_vcpu *vcpu, bool reason41);
};

extern const struct cpu_backend vmx_backend;

/* Chooses the backend that this CPU has; force as in probe(). 0; -ENODEV with
 * *missing. */
int cpu_backend_select(const char *force, struct cpu_missing *missing);

/* The backend in use; set once by cpu_backend_select(). */
extern const struct cpu_backend *cpu;

#endif
