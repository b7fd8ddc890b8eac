/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two generations of a VM, and taking, restoring and checking them. All
 * of this lies in the VM's cell; call it only while that is loaded and the
 * VM is stopped.
 *
 * Each RAM page has one copy, with its CRC32C; the copies together are the
 * mirror: the newest generation's memory. A copy lies in a slot, a page of
 * the mirror or of the undo log. A snapshot that overwrites a copy does not
 * move it away: it takes a free slot for the new copy and leaves the old one
 * where it is, for the older generation. Going back is thus a matter of
 * exchanging slots, and nothing is copied twice.
 *
 * What always holds: a RAM page that is neither in the dirty set nor known
 * to the hardware as written is the same as its copy.
 */
#ifndef FT_SNAPSHOT_H
#define FT_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "ft/pages.h"
#include "ft/policy.h"
#include "ft/work.h"
#include "kernel/config.h"

struct cell;
struct guest;
struct guest_state;

#define COPY_SLOT    0x3fffffffu /* the number of the slot */
#define COPY_LOST    (1u << 30)  /* its frame went bad; it holds nothing */
#define COPY_WRITTEN (1u << 31)  /* else it has been zero ever since */

struct page_copy {
    uint32_t slot; /* COPY_*; below `pages`: in the mirror, else undo log */
    uint32_t crc;
};

/* Entries below count are what the newest generation overwrote, in order;
 * the slots of the others are free. */
struct undo_entry {
    uint32_t page;
    struct page_copy copy;
};

/* An exchange of slots: what is to be written, kept until it is, so that one
 * that was cut off is carried out after all and no slot is used twice. */
struct undo_step {
    bool pending;
    uint32_t place, count; /* the entry that changes; entries afterwards */
    struct undo_entry entry;
    struct page_copy copy; /* of entry.page */
};

struct undo_log {
    struct undo_entry *entries;
    uint32_t capacity, count;
    struct undo_step step;
};

struct generation {
    bool valid;
    uint32_t restored; /* how often; not rolled back */
    uint32_t crc;      /* of *state */
    struct guest_state *state;
    uint64_t *hashes; /* of each RAM page: verify.c; or NULL */
};

/* What verify=full found after the last restore. */
struct verify_result {
    uint64_t pages, mismatches;
    uint64_t first; /* page that differs, NO_PAGE: none or the state */
    bool state_differs;
};

struct snapshot {
    uint8_t *ram, *mirror, *undo_pages;
    uint64_t pages;  /* guest frame numbers; a multiple of 64 */
    uint64_t *dirty; /* the guest's dirty set */
    struct page_copy *copies;
    struct undo_log undo;
    struct generation generations[GENERATIONS];
    unsigned newest;  /* index of the newest generation */
    bool taking;      /* a snapshot has begun and is not complete */
    bool undoable;    /* it keeps what it overwrites */
    uint64_t damaged; /* page whose copy could not be restored, or NO_PAGE */
    struct guest_state *scratch; /* to compare with */
    struct verify_result verify;
};

/* Everything a VM's snapshots need, with its cell loaded, during start-up.
 * NULL when memory is used up. RAM must be all zero, or what differs marked
 * dirty. */
struct snapshot *snapshot_create(struct cell *cell, struct guest *guest,
                                 bool verify_full);

/* The first state of copies and undo log, whose arrays exist. */
void snapshot_init(struct snapshot *s);

/* Takes a snapshot in pieces; cannot fail. A guest that waits for the
 * result of its request gets 0. */
int snapshot_take(struct guest *guest, struct snapshot *s, struct work *work);

/* After a snapshot that was begun and will not be completed: the newest
 * generation is again what it was before, or none is left if it could not
 * be undone. False then. Harmless when none was begun. */
bool snapshot_abandon(struct snapshot *s);

/* Restores a generation in pieces. -ENOENT: there is none; -EIO: a copy is
 * lost or damaged (s->damaged) or, with VERIFY_FULL, the result differs
 * (s->verify). The VM must not run after a failure. Whichever generation was
 * restored is the newest afterwards. */
int snapshot_restore(struct guest *guest, struct snapshot *s,
                     unsigned generation, enum verify_mode mode,
                     struct work *work);

/* Forgets both generations, or the older one; RAM is left alone. */
void snapshot_drop(struct snapshot *s);
void snapshot_drop_older(struct snapshot *s);

/* Bit set of generations that there are: bit GENERATION_NEWEST, ... */
uint8_t snapshot_generations(const struct snapshot *s);

/* Would the older generation have another copy of this page? */
bool snapshot_older_differs(const struct snapshot *s, uint64_t page);

#endif
