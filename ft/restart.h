/* SPDX-License-Identifier: BSD-2-Clause */
/* Booting a VM again from the images that are kept for it. */
#ifndef FT_RESTART_H
#define FT_RESTART_H

#include "ft/snapshot.h"

/* In pieces (but for the loading of the images): drops the snapshots of s,
 * which may be NULL, clears all RAM, loads the images, sets cold state. A
 * negative errno when the images cannot be loaded. */
int restart(struct guest *guest, struct snapshot *s, uint8_t *ram,
            struct work *work);

#endif
