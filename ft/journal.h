/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The journal: binary records of faults and of what was done about them, in
 * a ring. An entry is filled in step by step; `valid` says how far. Nothing
 * is printed until somebody asks.
 */
#ifndef FT_JOURNAL_H
#define FT_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "ft/classify.h"
#include "ft/policy.h"
#include "ft/verify.h"
#include "kernel/fault.h"
#include "vmm/guest.h"

#define JOURNAL_SIZE  64 /* entries; a power of two */
#define JOURNAL_EXITS 8  /* of the newest exits */

/* What an entry holds. */
#define JOURNAL_FAULT     0x01u
#define JOURNAL_VERDICT   0x02u
#define JOURNAL_REGISTERS 0x04u
#define JOURNAL_HISTORY   0x08u
#define JOURNAL_DECISION  0x10u
#define JOURNAL_OUTCOME   0x20u
#define JOURNAL_VERIFY    0x40u

struct journal_registers {
    uint64_t gpr[GPR_COUNT];
    uint64_t rip, rflags, cr0, cr2, cr3, cr4, efer;
    uint64_t fs_base, gs_base;
    uint16_t cs, ss;
    uint32_t activity;
    struct x86_event event; /* that was being delivered */
};

/* One fault, or one more attempt to answer it. */
struct journal_entry {
    uint32_t number;   /* from 1; 0: never used */
    uint32_t incident; /* entries of one incident share it; 0: none */
    uint16_t vm;       /* that it is about, or FAULT_NO_VM */
    uint8_t valid;     /* JOURNAL_* */
    bool ok;           /* the action's outcome */
    const char *kind;  /* "mce", ...; "operator" and "reset" for what was
                          asked for */
    const char *why;   /* of a decision or a failure; a constant */
    struct fault fault;
    struct verdict verdict;
    struct decision decision;
    uint64_t pages; /* copied or cleared */
    uint64_t ticks; /* TSC ticks from detection to the decision to go on */
    uint64_t work;  /* of these, what the action took; 0: it did not begin */
    struct verify_result verify;
    struct journal_registers registers;
    struct exit_record history[JOURNAL_EXITS]; /* newest first */
};

/* The next entry, cleared but for number, vm and kind; the oldest goes. */
struct journal_entry *journal_open(uint16_t vm, const char *kind);

/* An entry by its number; NULL once it is overwritten. */
struct journal_entry *journal_find(uint32_t number);

/* The newest entry's number; 0: none yet. */
uint32_t journal_last(void);

/* Evidence: registers, and the vCPU's newest exits. */
void journal_evidence(struct journal_entry *entry,
                      const struct x86_state *state, const struct vcpu *vcpu);

/* Prints an entry to whoever asked; vm_name is that of entry->vm. */
struct monitor;
void journal_print(struct monitor *monitor, const struct journal_entry *entry,
                   const char *vm_name);

#endif
