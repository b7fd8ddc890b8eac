/* SPDX-License-Identifier: BSD-2-Clause */
/* verify=full: is all of RAM, and the state, what was saved? The hashes are
 * made from RAM itself, not from what the dirty set says. */
#ifndef FT_VERIFY_H
#define FT_VERIFY_H

#include "ft/snapshot.h"

uint32_t verify_state_crc(const struct guest_state *state);

/* A page's hash, mixed into that of those before it. */
uint64_t verify_mix(uint64_t hash, const void *page);

/* Hashes each RAM page into generation->hashes, in pieces; does nothing when
 * there are none. */
int verify_hash(struct guest *guest, const struct snapshot *s,
                struct generation *generation, struct work *work);

/* Compares with the newest generation; what differs is added to s->verify:
 * all of RAM, in pieces; then the state, right after guest_restore(). */
int verify_ram(struct guest *guest, struct snapshot *s, struct work *work);
void verify_state(struct guest *guest, struct snapshot *s,
                  const struct generation *generation);

#endif
