/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest does to itself on request. */
#ifndef HARM_H
#define HARM_H

/* Writes to a physical address that no machine of ours gives to a guest. */
void harm_wild(void);

/* Resets by a triple fault (the kernel must be booted with reboot=t). */
void harm_triple(void);

/* Lets the kernel panic. */
void harm_panic(void);

/* Switches the machine off. */
void harm_power_off(void);

#endif
