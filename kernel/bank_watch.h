/* SPDX-License-Identifier: BSD-2-Clause */
/* Errors that no machine check signals wait in the banks until they are read:
 * corrected ones, and uncorrected ones that nobody consumed (UCNA). */
#ifndef KERNEL_BANK_WATCH_H
#define KERNEL_BANK_WATCH_H

/* Has CPU 0 read its banks once a second from now on. */
void bank_watch_start(void);

#endif
