/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/fault.h"

#include <stddef.h>

#include "arch/x86_64/percpu.h"

#define RING_SIZE 32 /* a power of two */

struct fault_ring {
    struct fault faults[RING_SIZE];
    bool filled[RING_SIZE]; /* set last by the writer, cleared by the reader */
    uint32_t head, tail;
    uint64_t lost;
};

static struct fault_ring rings[CPU_MAX];

static const char *const kind_names[FAULT_KINDS] = {
    [FAULT_NONE] = "none",       [FAULT_MCE] = "mce",
    [FAULT_EPT] = "ept",         [FAULT_MISCONFIG] = "misconfig",
    [FAULT_TRIPLE] = "triple",   [FAULT_ENTRY] = "entry",
    [FAULT_EXIT] = "exit",       [FAULT_PANIC] = "panic",
    [FAULT_ROOT] = "root",       [FAULT_COPY] = "copy",
    [FAULT_RESTORE] = "restore",
};

void fault_post(const struct fault *fault)
{
    struct fault_ring *ring = &rings[this_cpu()->index];
    /* One instruction, so that an NMI or #MC between two posts gets a place
     * of its own. */
    uint32_t place = __atomic_fetch_add(&ring->head, 1, __ATOMIC_RELAXED);

    if (place - ring->tail >= RING_SIZE) {
        __atomic_fetch_sub(&ring->head, 1, __ATOMIC_RELAXED);
        ring->lost++;
        return;
    }
    ring->faults[place % RING_SIZE] = *fault;
    __atomic_store_n(&ring->filled[place % RING_SIZE], true, __ATOMIC_RELEASE);
}

static bool *next_of(struct fault_ring *ring)
{
    bool *filled = &ring->filled[ring->tail % RING_SIZE];

    return __atomic_load_n(filled, __ATOMIC_ACQUIRE) ? filled : NULL;
}

bool fault_waiting(void)
{
    for (unsigned i = 0; i < cpu_count; i++) {
        if (next_of(&rings[i])) {
            return true;
        }
    }
    return false;
}

/* A post that was abandoned half-way never fills its place, which must not
 * hold up those behind it. */
static void skip_abandoned(struct fault_ring *ring)
{
    while (ring->tail != ring->head && !next_of(ring)) {
        __atomic_store_n(&ring->tail, ring->tail + 1, __ATOMIC_RELEASE);
        ring->lost++;
    }
}

bool fault_take(struct fault *fault)
{
    skip_abandoned(&rings[this_cpu()->index]);
    for (unsigned i = 0; i < cpu_count; i++) {
        struct fault_ring *ring = &rings[i];
        bool *filled = next_of(ring);

        if (filled) {
            *fault = ring->faults[ring->tail % RING_SIZE];
            *filled = false;
            __atomic_store_n(&ring->tail, ring->tail + 1, __ATOMIC_RELEASE);
            return true;
        }
    }
    return false;
}

uint64_t fault_lost(void)
{
    uint64_t lost = 0;

    for (unsigned i = 0; i < CPU_MAX; i++) {
        lost += rings[i].lost;
    }
    return lost;
}

const char *fault_kind_name(enum fault_kind kind)
{
    return kind < FAULT_KINDS ? kind_names[kind] : "?";
}

const char *fault_severity_name(enum fault_severity severity)
{
    static const char *const names[] = {"none",     "corrected", "deferred",
                                        "optional", "action",    "fatal"};

    return severity <= SEVERITY_FATAL ? names[severity] : "?";
}

const char *fault_context_name(enum fault_context context)
{
    static const char *const names[] = {"guest", "serving", "core"};

    return context <= CONTEXT_CORE ? names[context] : "?";
}

const char *fault_cause_name(enum fault_cause cause)
{
    static const char *const names[] = {"exception", "check", "watchdog"};

    return cause <= CAUSE_WATCHDOG ? names[cause] : "?";
}
