/* SPDX-License-Identifier: BSD-2-Clause */
/* What ft knows of each VM. It lies in core memory; only what is said to be
 * in the cell needs the cell loaded. */
#ifndef FT_FT_VM_H
#define FT_FT_VM_H

#include <stdbool.h>
#include <stdint.h>

#include "ft/budget.h"
#include "ft/classify.h"
#include "ft/journal.h"
#include "ft/moment.h"
#include "ft/policy.h"
#include "ft/snapshot.h"
#include "ft/work.h"
#include "kernel/frame.h"
#include "kernel/run.h"
#include "vmm/vm.h"

#define SPARES     8 /* frames in reserve for each VM */
#define BAD_FRAMES 8 /* that one incident can repair */
#define MAPPINGS   8 /* the same; what is one too many will be met again */
#define NO_FRAME   UINT64_MAX
#define ROUNDS_MAX 16 /* of one incident, before the VM is given up */

/* A frame that went bad, and what was found out about its content. */
struct bad_frame {
    uint64_t frame, spare; /* host-physical; spare 0: there was none */
    uint64_t page;         /* RAM, or a copy: guest frame number */
    uint8_t role;          /* enum frame_role */
    bool contained;        /* the spare is in its place, content undefined */
    bool checked;          /* its other copy was looked at */
    bool is_copy;          /* it held the newest copy of page */
    bool healed;           /* which was made anew */
    bool page_clean, copy_good; /* see struct policy_state */
};

enum incident_stage { INCIDENT_CONTAIN, INCIDENT_DECIDE, INCIDENT_ACT };

/* From a fault, or an order, until an action succeeded. */
struct incident {
    uint32_t number;
    uint32_t first_entry, entry; /* in the journal: the first, the present
                                    attempt's; 0: not opened yet */
    const char *kind;            /* for the journal */
    enum incident_stage stage;
    struct fault fault; /* the first one; what follows is in the journal */
    uint64_t last_tsc;  /* of the last one */
    struct verdict verdict;
    struct bad_frame frames[BAD_FRAMES];
    unsigned frame_count;
    const char *beyond_why; /* only halt and preserve are left; or NULL */
    bool evidence_tried;
    bool contain_failed; /* containment was abandoned before it was done */
    bool ordered; /* by the operator or the guest: `decision` comes first */
    bool spent;   /* the budget was charged */
    uint8_t failed_actions, failed_generations;
    bool older_cut_off; /* the restore of the older one, and tried again */
    uint64_t mappings[MAPPINGS]; /* RAM pages, by GPA, to be mapped anew */
    unsigned mapping_count;
    unsigned rounds;
    struct decision decision;
    struct verify_result verify; /* of the present attempt */
};

/* Whatever was met since the start: how exact restores are is a matter of
 * large numbers. */
struct ft_record {
    uint64_t taken[MOMENTS];    /* snapshots, by what they were amid */
    uint64_t restored[MOMENTS]; /* the same of what was restored */
    uint64_t verified;          /* by verify=full: restores, ... */
    uint64_t differed;          /* and those that were not exact */
};

/* A guest that ran for less since its last restore has made no progress; one
 * that met the same fault again needs more to prove the contrary. */
#define PROGRESS_MS        1
#define PROGRESS_SAME_MS   10

#define SNAPSHOT_NOT_TIMED 0 /* counted from when the VM runs */

enum ft_job { JOB_NONE, JOB_SNAPSHOT, JOB_INCIDENT };

struct scrub {
    struct runnable turns;
    uint64_t place;             /* copy that comes next in this pass */
    uint64_t passes;            /* completed */
    uint64_t began, last_ticks; /* this pass, host TSC; length of the last */
    uint64_t damaged;           /* copies and states found so far */
};

struct ft_vm {
    struct vm *vm; /* NULL: there is no such VM */
    struct runnable turns;
    struct snapshot *snapshot; /* in the cell; NULL with snapshot=off */
    struct x86_state *scratch; /* in the cell: for evidence */
    uint8_t *ram;              /* in the cell */

    enum ft_job job;
    struct work work;
    bool in_work;  /* set while a piece is done: if it is at a safe point,
                      the piece was abandoned */
    bool finished; /* the job, with this result */
    int result;
    uint64_t began; /* host TSC */
    struct incident incident;
    struct scrub scrub;

    uint64_t spares[SPARES];
    unsigned spare_count;
    struct budget budget;
    bool no_snapshots; /* a bad frame of the mirror could not be replaced */
    struct memory_range images[VM_MODULES_MAX + 1]; /* host-physical */
    unsigned image_count;
    bool images_bad;
    uint8_t generations;       /* as snapshot_generations() said last */
    uint8_t last_generation;   /* see struct policy_state */
    struct fault restored_for; /* what the last restore answered */
    uint64_t ticks_at_restore; /* run time of the guest at the last restore */
    uint64_t snapshot_due;     /* host TSC, SNAPSHOT_NOT_TIMED, RUN_NEVER */
    uint64_t snapshots;        /* taken so far */
    uint64_t quarantined;      /* frames lost so far */
    uint64_t noted_tsc;        /* of the last fault that needed no work */
    uint32_t owed_incident;    /* to be reported; 0: none */
    uint32_t owed_from;        /* its first entry in the journal */
    uint64_t told_until;       /* bounds the guest's own events: report.c */
    uint64_t restores_told_until; /* and those of its restores */
    unsigned moments;             /* of the newest snapshot, or last restore */
    struct ft_record record;
    uint64_t reset_from; /* host TSC; no reset is carried out before */
    bool snapshot_lost;  /* one was abandoned and none is left: to be said */
};

extern struct ft_vm ft_vms[VM_MAX];

/* By name; NULL. */
struct ft_vm *ft_find(const char *name);

/* ---- ft.c: turns and safe points ---- */

/* Stops the VM and gives its turns to a job. From a safe point. */
void ft_start(struct ft_vm *ft, enum ft_job job, uint64_t now);
/* Prepares ft->turns, during start-up. */
void ft_turns_init(struct ft_vm *ft);
/* Makes ft->generations true; in the cell. */
void ft_note_generations(struct ft_vm *ft);

/* ---- scrub.c: reads copies while the VM runs ---- */

/* 0, also when none is wanted; -ENOSPC. */
int scrub_create(struct ft_vm *ft);

/* ---- request.c: snapshots and resets that are due ---- */

/* Starts what is due; the host TSC at which the next timer is, RUN_NEVER. */
uint64_t ft_requests(struct ft_vm *ft, uint64_t now);
bool ft_can_snapshot(const struct ft_vm *ft);

/* ---- detect.c: from a fault to the VMs concerned ---- */

void ft_detect(const struct fault *fault, uint64_t now);

/* ---- incident.c: how one begins and grows, at safe points ---- */

/* A fault concerns this VM: opens an incident, or adds to the one that is
 * open. bad: its frame that is hit, with its entry in the frame table; or
 * NO_FRAME. */
void incident_add(struct ft_vm *ft, const struct fault *fault,
                  const struct verdict *verdict, uint64_t bad,
                  const struct frame *entry, uint64_t now);
/* Somebody asks for an action. -EBUSY: ft works on the VM, or it has
 * ended. */
int incident_order(struct ft_vm *ft, enum action action, uint8_t generation,
                   const char *kind, uint64_t now);
/* It cannot be repaired: only halt and preserve are left. */
void incident_give_up(struct ft_vm *ft, const char *why);
/* Whatever was under way is begun anew, with what is known now. */
void incident_again(struct ft_vm *ft, uint64_t now);
/* A journal entry of the incident. */
struct journal_entry *incident_open_entry(struct ft_vm *ft, const char *kind);

/* ---- attempt.c: its attempts and its end, at safe points ---- */

/* The piece that was under way has been abandoned. */
void incident_abandoned(struct ft_vm *ft, uint64_t now);
/* Nothing more can be done in the cell: the decision is to halt it, made
 * without a look at the cell. */
bool incident_must_end(struct ft_vm *ft);
/* Its action is done. True when the incident is over. */
bool incident_result(struct ft_vm *ft, uint64_t now);

/* ---- act.c, contain.c: the work itself, in the cell ---- */

int incident_work(struct ft_vm *ft, struct guest *guest);
/* Whatever the vCPU and the RAM say, before it is overwritten. */
void incident_evidence(struct ft_vm *ft, struct guest *guest);
/* Takes bad frames away, and looks at what else holds their content. */
void incident_contain(struct ft_vm *ft, struct guest *guest);
/* Makes the copies anew whose frames went bad, as far as RAM has them. */
uint64_t incident_heal_copies(struct ft_vm *ft);

/* ---- keep.c: the black box; report.c: events and lines in the log ---- */

/* Writes what an entry says so far into the black box. */
void keep_entry(const struct journal_entry *entry);

void report_fault(const struct journal_entry *entry);
void report_action(const struct journal_entry *entry);
/* The incident that has just ended: all its entries, in order. */
void report_incident(struct ft_vm *ft);
/* The same when its guest has gone on: what is told takes longer than most
 * recoveries, so that it waits for the next event or safe point. Nothing is
 * begun for the VM before. */
void report_incident_later(struct ft_vm *ft);
/* What waits, of all VMs. Whatever a VM does next is told after it. */
void report_owed(void);
/* False when restores are more than the lines can tell of. */
bool report_may_tell_restore(struct ft_vm *ft);
/* The snapshot that has just been taken. */
void report_snapshot(struct ft_vm *ft, uint64_t ticks);

/* ---- commands.c, health.c, inject.c, frame_command.c ---- */

void ft_commands_register(void);
void ft_health_register(void);
void ft_bench_register(void);
void ft_hash_register(void);
void ft_inject_register(void);
void ft_frame_register(void);
void ft_reach_register(void);
/* inject VM flip ...: -EINVAL, -EFAULT (told). flip.c */
struct monitor;
int inject_flip(struct monitor *monitor, struct ft_vm *ft, unsigned count,
                char **words);

/* Prints what is wrong when there is no such VM. */
struct monitor;
struct ft_vm *ft_named(struct monitor *monitor, const char *name);

#endif
