/* SPDX-License-Identifier: BSD-2-Clause */
/* What the boot line and the module lines say, parsed. */
#ifndef KERNEL_CONFIG_H
#define KERNEL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/fault.h"

#define VM_NAME_SIZE     16 /* with the terminating NUL */
#define VM_CMDLINE_SIZE  1024
#define VM_MODULES_MAX   8 /* initrd or Multiboot modules of one VM */
#define VM_MAX           8
#define VM_LINES_MAX     32 /* definitions that are read, bad ones among them */
#define LADDER_MAX       4  /* actions tried one after the other */

#define SCRUB_DEFAULT_MS 10000           /* with verify=scrub */
#define VM_MEMORY_STEP   0x200000ULL     /* 2 MiB; also the least */
#define VM_MEMORY_MAX    0x1000000000ULL /* 64 GiB */

enum snapshot_when {
    SNAPSHOT_OFF,    /* no mirror is allocated */
    SNAPSHOT_MANUAL, /* by the monitor or by the guest */
    SNAPSHOT_ONCE,   /* once, ms after start */
    SNAPSHOT_EVERY,  /* every ms */
};

enum verify_mode {
    VERIFY_RESTORE, /* CRC32C of each page as it is restored */
    VERIFY_SCRUB,   /* by the scrubber only */
    VERIFY_FULL,    /* hash all RAM and state after each restore */
};

/* What ft may do about a fault; ACTION_NONE ends a ladder. */
enum action {
    ACTION_NONE,
    ACTION_LOG,      /* journal only */
    ACTION_HEAL,     /* replace the frame, guest goes on unaware */
    ACTION_RESTORE,  /* roll back to the newest good generation */
    ACTION_RESTART,  /* boot again from the kept images */
    ACTION_HALT,     /* stop for good */
    ACTION_PRESERVE, /* stop and keep all evidence */
    ACTION_KINDS
};

struct vm_config {
    char name[VM_NAME_SIZE];
    uint64_t memory; /* bytes, a multiple of 2 MiB */
    uint32_t vcpus;  /* number of vCPUs */
    uint64_t cpus;   /* bit set of allowed logical CPUs; 0: any */
    enum snapshot_when snapshot;
    uint32_t snapshot_ms; /* for SNAPSHOT_ONCE and SNAPSHOT_EVERY */
    enum verify_mode verify;
    uint32_t scrub_ms;  /* all copies are checked within so many ms; 0: not */
    uint32_t budget;    /* at most so many restores and restarts ... */
    uint32_t budget_ms; /* ... within so many ms; then the VM is halted */
    enum action on[FAULT_KINDS][LADDER_MAX]; /* the health table */
    bool kvm_signature; /* hv=kvm: CPUID leaf 0x40000000 says KVM */
    bool start_paused;  /* start=paused */
    unsigned line;      /* module line that defines this VM, from 1 */
    unsigned image;     /* module index of the image */
    unsigned modules[VM_MODULES_MAX]; /* module indexes, in order */
    unsigned module_count;
    char module_cmdline[VM_MODULES_MAX][64]; /* Multiboot module strings */
    char cmdline[VM_CMDLINE_SIZE];
};

/* What was wrong with a word of the configuration. */
struct config_error {
    unsigned line; /* module line, from 1; 0: the boot line */
    char word[48]; /* as far as it fits; an empty one as "" in quotes */
    char why[96];
};

/* The caller provides list and max; count starts at 0 and goes on counting
 * when the list is full. */
struct config_errors {
    struct config_error *list;
    unsigned max;
    unsigned count;
};

/* Adds an error, or only counts it when the list is full. */
void config_report(struct config_errors *errors, unsigned line,
                   const char *word, const char *why);

/* Fills in what holds for a VM whose line says nothing: one vCPU, on any CPU,
 * snapshot=manual, verify=restore, budget=5/60000, on=mce:heal,restore,restart,
 * halt and restore,restart,halt for every other kind. */
void config_defaults(struct vm_config *vm);

/* The word of the module line and of the journal: "log", "heal", ... and
 * "none"; "?" for a value that is no action. */
const char *action_name(enum action action);

#endif
