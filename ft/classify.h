/* SPDX-License-Identifier: BSD-2-Clause */
/* Whose fault is it, and what is hit? Pure. */
#ifndef FT_CLASSIFY_H
#define FT_CLASSIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/fault.h"
#include "kernel/frame_owner.h"

/* The frame table's answer for the address of a machine check. */
struct address_owner {
    enum frame_owner owner;
    enum frame_role role; /* counts for OWNER_VM only */
    uint16_t vm;          /* counts for OWNER_VM only */
};

/* How much of the victim is hit, or of what it may need later. */
enum verdict_scope {
    SCOPE_NONE,   /* nothing that anybody misses */
    SCOPE_PAGE,   /* one page of the victim's RAM: it may be healed */
    SCOPE_VM,     /* the victim as a whole */
    SCOPE_MIRROR, /* RAM is good, its copy in the mirror is not */
    SCOPE_UNDO,   /* RAM is good, the older generation is not */
    SCOPE_SPARE,  /* one spare frame less */
    SCOPE_IMAGE,  /* a boot module: who starts from it cannot restart */
    SCOPE_KINDS
};

struct verdict {
    uint16_t victim; /* the VM whose memory or state is hit: FAULT_NO_VM */
    uint16_t lost;   /* the VM that cannot be continued where it was; the
                        victim, another one, or FAULT_NO_VM */
    bool core;       /* the core itself is hit */
    bool frame_bad;  /* take the frame out of use */
    enum verdict_scope scope;
    enum fault_severity severity; /* the fault's, or raised to fatal */
};

/*
 * Judges a fault; any values are allowed. *owner belongs to fault->address
 * and counts only for a machine check with an address. An address that is
 * valid only above bit 12 (lsb) stands for several frames: judge each one.
 *
 * A machine check names a frame: the victim is its owner, whoever ran. The
 * one that ran is lost besides when it is not restartable, or when it
 * consumed, as a guest, what belongs to no VM (it would do so again).
 * Without an address the VM that ran is the victim if the error was
 * consumed; in the core that is fatal. Any other fault is that of
 * fault->vm, except an exception in core code, or one without a VM.
 */
struct verdict classify(const struct fault *fault,
                        const struct address_owner *owner);

#endif
