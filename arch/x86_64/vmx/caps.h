/* SPDX-License-Identifier: BSD-2-Clause */
/* From the capability MSRs to the controls that are used. Pure. */
#ifndef VMX_CAPS_H
#define VMX_CAPS_H

#include <stdbool.h>
#include <stdint.h>

struct cpu_feature;
struct cpu_missing;

/* The control words, and the capabilities of EPT and VPID. */
enum vmx_word { VMX_PIN, VMX_PROC, VMX_PROC2, VMX_EXIT, VMX_ENTRY, VMX_EPT };
#define VMX_WORDS 6

/* Pin-based controls (SDM vol. 3, table 24-5). */
#define PIN_INTERRUPT_EXIT   (1u << 0)
#define PIN_NMI_EXIT         (1u << 3)
#define PIN_VIRTUAL_NMI      (1u << 5)
#define PIN_PREEMPTION_TIMER (1u << 6)
#define PIN_POSTED           (1u << 7)

/* Primary processor-based controls (SDM vol. 3, table 24-6). */
#define PROC_INTERRUPT_WINDOW (1u << 2)
#define PROC_TSC_OFFSET       (1u << 3)
#define PROC_HLT_EXIT         (1u << 7)
#define PROC_MWAIT_EXIT       (1u << 10)
#define PROC_RDPMC_EXIT       (1u << 11)
#define PROC_CR8_LOAD_EXIT    (1u << 19)
#define PROC_CR8_STORE_EXIT   (1u << 20)
#define PROC_TPR_SHADOW       (1u << 21)
#define PROC_NMI_WINDOW       (1u << 22)
#define PROC_IO_EXIT          (1u << 24)
#define PROC_MSR_BITMAP       (1u << 28)
#define PROC_MONITOR_EXIT     (1u << 29)
#define PROC_SECONDARY        (1u << 31)

/* Secondary processor-based controls (SDM vol. 3, table 24-7). */
#define PROC2_EPT                (1u << 1)
#define PROC2_RDTSCP             (1u << 3)
#define PROC2_X2APIC             (1u << 4)
#define PROC2_VPID               (1u << 5)
#define PROC2_WBINVD_EXIT        (1u << 6)
#define PROC2_UNRESTRICTED       (1u << 7)
#define PROC2_APIC_REGISTERS     (1u << 8)
#define PROC2_INTERRUPT_DELIVERY (1u << 9)
#define PROC2_INVPCID            (1u << 12)
#define PROC2_ENCLS_EXIT         (1u << 15)
#define PROC2_PML                (1u << 17)
#define PROC2_XSAVES             (1u << 20)
#define PROC2_TSC_SCALING        (1u << 25)

/* VM-exit controls (SDM vol. 3, table 24-13). */
#define EXIT_SAVE_DEBUG    (1u << 2)
#define EXIT_HOST_64       (1u << 9)
#define EXIT_ACK_INTERRUPT (1u << 15)
#define EXIT_SAVE_PAT      (1u << 18)
#define EXIT_LOAD_PAT      (1u << 19)
#define EXIT_LOAD_EFER     (1u << 21)

/* VM-entry controls (SDM vol. 3, table 24-15). */
#define ENTRY_LOAD_DEBUG (1u << 2)
#define ENTRY_GUEST_64   (1u << 9)
#define ENTRY_LOAD_PAT   (1u << 14)
#define ENTRY_LOAD_EFER  (1u << 15)

/* IA32_VMX_EPT_VPID_CAP (SDM vol. 3, A.10). */
#define EPT_CAP_WALK_4      (1ul << 6)
#define EPT_CAP_WRITE_BACK  (1ul << 14)
#define EPT_CAP_2M          (1ul << 16)
#define EPT_CAP_INVEPT      (1ul << 20)
#define EPT_CAP_DIRTY       (1ul << 21)
#define EPT_CAP_INVEPT_ONE  (1ul << 25)
#define EPT_CAP_INVEPT_ALL  (1ul << 26)
#define EPT_CAP_INVVPID     (1ul << 32)
#define EPT_CAP_INVVPID_ONE (1ul << 41)
#define EPT_CAP_INVVPID_ALL (1ul << 42)

/* What the MSRs say; for each control word the "true" one if there is. */
struct vmx_raw {
    uint64_t word[VMX_WORDS];
    uint64_t basic, misc;
    uint64_t cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
};

#define VMX_FEATURES_MAX 48

struct vmx_caps {
    uint64_t word[VMX_WORDS]; /* what is used; controls that change while a
                                 VM runs are left out */
    uint64_t may[VMX_WORDS];  /* what may be used */
    uint64_t cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
    uint32_t revision;        /* of the VMCS */
    uint8_t timer_shift;      /* the preemption timer counts TSC >> shift */
    uint64_t invept, invvpid; /* type that is used; invvpid 0: no VPID */
};

/*
 * A control word: the bits that must be 1, and those of want that may be 1.
 * capability: bits 31:0 must be 1, bits 63:32 may be 1 (SDM vol. 3, A.3.1).
 */
uint32_t vmx_adjust(uint64_t capability, uint32_t want);

/*
 * Decides what is used. force: a feature to treat as missing, or NULL; a
 * hyphen in it stands for a blank ("unrestricted-guest").
 * feature: VMX_FEATURES_MAX entries, *count of which are filled in. 0;
 * -ENODEV with *missing when something that is needed is not offered.
 */
int vmx_caps_decide(const struct vmx_raw *raw, const char *force,
                    struct vmx_caps *caps, struct cpu_feature *feature,
                    unsigned *count, struct cpu_missing *missing);

#endif
