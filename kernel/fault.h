/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults as data. A detector fills a struct fault and posts it; it decides
 * nothing. The ft layer drains the ring at the next safe point.
 */
#ifndef KERNEL_FAULT_H
#define KERNEL_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum fault_kind {
    FAULT_NONE,
    FAULT_MCE, /* machine check; address is host-physical */
    FAULT_EPT, /* EPT violation outside the guest's memory; address: GPA */
    FAULT_MISCONFIG, /* EPT misconfiguration; address: GPA */
    FAULT_TRIPLE,    /* triple fault of the guest */
    FAULT_ENTRY,     /* failed VM entry; detail: instruction error or reason */
    FAULT_EXIT,      /* an exit that no handler knows; detail: exit reason */
    FAULT_PANIC,     /* the guest's kernel told of a panic (pvpanic) */
    FAULT_ROOT,      /* a mistake of ours while the VM was served, see cause;
                        detail: vector, address: CR2 or RIP */
    FAULT_COPY,      /* a page of a snapshot fails its checksum, or, without
                        an address, a saved state; address: host-physical */
    FAULT_RESTORE,   /* an ft action failed (a rung of the ladder) */
    FAULT_KINDS
};

/* How bad it is, after the detector's own classification. */
enum fault_severity {
    SEVERITY_NONE,      /* nothing happened: drop it */
    SEVERITY_CORRECTED, /* the hardware repaired it: log */
    SEVERITY_DEFERRED,  /* UCNA: a bad frame that nobody consumed yet */
    SEVERITY_OPTIONAL,  /* SRAO: the frame is bad, execution is not */
    SEVERITY_ACTION,    /* SRAR, or any other fault: what was running is hit */
    SEVERITY_FATAL,     /* the machine cannot go on */
};

/* What the processor was doing when the fault was detected. */
enum fault_context {
    CONTEXT_GUEST,   /* non-root */
    CONTEXT_SERVING, /* root, depth 0, while a VM was served */
    CONTEXT_CORE,    /* root, in a core section, or with no VM served */
};

/* How a mistake of ours showed itself. */
enum fault_cause {
    CAUSE_EXCEPTION,
    CAUSE_CHECK,    /* a failed internal check: kernel/check.h */
    CAUSE_WATCHDOG, /* an endless loop: kernel/watchdog.h */
};

#define FAULT_NO_VM  UINT16_MAX
#define FAULT_NO_LSB 0

struct fault {
    enum fault_kind kind;
    enum fault_severity severity;
    enum fault_context context;
    uint16_t vm;   /* index of the VM being served, or FAULT_NO_VM */
    uint16_t vcpu; /* index of its vCPU */
    uint16_t cpu;  /* logical CPU that detected it */
    uint8_t lsb;   /* the address is valid down to this bit (MCi_MISC 5:0);
                      FAULT_NO_LSB: exact */
    bool has_address;
    bool injected;          /* by the monitor, not by hardware or the guest */
    bool restartable;       /* RIPV: the interrupted program can be continued */
    uint64_t address;       /* see the kind */
    uint64_t detail;        /* see the kind; MCE: MCi_STATUS */
    uint64_t info;          /* MCE: MCG_STATUS; EPT: exit qualification */
    uint64_t rip;           /* where the guest, or the hypervisor, was */
    uint64_t tsc;           /* host TSC at detection */
    enum fault_cause cause; /* of FAULT_ROOT */
    const char *what;       /* the check that failed, a constant; or NULL */
};

/* Posts a fault on this CPU's ring. Safe in NMI and #MC context: takes no
 * lock, allocates nothing, prints nothing. A full ring counts the loss. */
void fault_post(const struct fault *fault);

/* Takes the oldest fault of the first CPU that has posted one; false when
 * there is none. Machine checks can be broadcast, and banks shared, so that a
 * halted CPU may be the one that posts. For one caller at a time, at a safe
 * point: no post of this CPU may be under way. */
bool fault_take(struct fault *fault);
bool fault_waiting(void);

/* Faults lost on any CPU because a ring was full. */
uint64_t fault_lost(void);

/* The word of the module line and of the journal: "mce", "ept", ... */
const char *fault_kind_name(enum fault_kind kind);
const char *fault_severity_name(enum fault_severity severity);
const char *fault_context_name(enum fault_context context);
const char *fault_cause_name(enum fault_cause cause);

#endif
