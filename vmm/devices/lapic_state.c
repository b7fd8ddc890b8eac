/* SPDX-License-Identifier: BSD-2-Clause */
/* A local APIC into a snapshot, and back. */
#include "kernel/string.h"
#include "vmm/devices/lapic.h"

/* What follows the page is the same in both structs. */
#define REST_SIZE                                        \
    (offsetof(struct lapic, errors) + sizeof(uint32_t) - \
     offsetof(struct lapic, base))

_Static_assert(offsetof(struct lapic_state, errors) + sizeof(uint32_t) -
                       offsetof(struct lapic_state, base) ==
                   REST_SIZE,
               "members as in struct lapic");
_Static_assert(sizeof(struct lapic) - offsetof(struct lapic, base) - REST_SIZE <
                   LAPIC_PAGE_SIZE,
               "nothing but padding behind errors");

void lapic_save(const struct lapic *l, struct lapic_state *state)
{
    memcpy(state->regs, l->regs, sizeof(state->regs));
    memcpy(&state->base, &l->base, REST_SIZE);
}

void lapic_load(struct lapic *l, const struct lapic_state *state)
{
    memcpy(l->regs, state->regs, sizeof(state->regs));
    memcpy(&l->base, &state->base, REST_SIZE);
}
