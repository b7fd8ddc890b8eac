/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the black box lies: the same place at every boot. */
#ifndef KERNEL_BLACK_BOX_PLACE_H
#define KERNEL_BLACK_BOX_PLACE_H

#include <stdbool.h>
#include <stdint.h>

struct boot_info;

/* Right below each power of two from 32 MiB to 2 GiB: far from what firmware
 * and loaders use for themselves, and the same whatever else is loaded. */
#define BLACK_BOX_PLACES 7
uint64_t black_box_place(unsigned n); /* host-physical; 0 <= n < PLACES */

/* Is all of the place plain memory that the loader left free? image is
 * where Bulkhead's own image ends. */
bool black_box_fits(uint64_t place, const struct boot_info *boot,
                    uint64_t image);

/* Reserves up to BLACK_BOX_COPIES places, the highest ones. Before
 * frame_table_init(). */
void black_box_reserve(const struct boot_info *boot);

/* Looks for a box of an earlier boot in all places, and opens the copies.
 * After frame_table_init(). */
void black_box_start(void);

/* Tells what the boot before this one left, in the log and by events. */
void black_box_tell(void);

#endif
