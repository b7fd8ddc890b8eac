/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The few things that serving an exit changes outside of the VM's cell.
 * Everything else that exit handlers touch lies in the cell.
 *
 * The end of the VM and the posting of a fault are core sections (decision
 * 4). The rest need not be: it is whole between any two instructions, so that
 * whoever is abandoned in the middle leaves a line told twice or not at all,
 * and what is the core's goes on.
 */
#ifndef VMM_OUTSIDE_H
#define VMM_OUTSIDE_H

#include <stdbool.h>
#include <stdint.h>

struct guest;

/* The VM's console. */
void outside_put(struct guest *guest, uint8_t c);
bool outside_get(struct guest *guest, uint8_t *c);
bool outside_break(struct guest *guest);
bool outside_nmi(struct guest *guest);

/* What the guest asks for. */
void outside_power_off(struct guest *guest);
void outside_reset(struct guest *guest);
void outside_snapshot(struct guest *guest);

/* The guest is alive. tell: emit an event, too. */
void outside_heartbeat(struct guest *guest, uint32_t number, bool tell);

#endif
