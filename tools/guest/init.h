/* SPDX-License-Identifier: BSD-2-Clause */
/* The first process of a guest. */
#ifndef INIT_H
#define INIT_H

#include <stddef.h>

/*
 * Mounts the file systems, loads the modules, reads the kernel's command
 * line:
 *   bh.name=NAME              what the guest calls itself
 *   bh.mode=heartbeat|shell   what it does (default: shell)
 *   bh.seed=N bh.size=MIB     of the heartbeat
 * Returns for heartbeat mode, with *seed and *mib set where the line names
 * them; never returns from shell mode.
 */
void init_run(unsigned long *seed, size_t *mib);

#endif
