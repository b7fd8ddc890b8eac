/* SPDX-License-Identifier: BSD-2-Clause */
/* Starting and ending all VMs. */
#ifndef VMM_VMM_H
#define VMM_VMM_H

#include <stdint.h>

#include "kernel/cmdline.h"

/* Takes what the boot line says, and wall time (seconds since 1970) now;
 * registers the monitor's commands. */
void vmm_init(const struct boot_config *config, uint64_t wall_seconds);

/* Lets all VMs run that are not to start paused; emits ready, with the TSC
 * ticks that the start took since began. */
void vmm_start(uint64_t began);

/* Wall time now, seconds since 1970. */
uint64_t vmm_wall_seconds(void);

/* No VM is left (or none can run): does what when-done= says. Returns only
 * for when-done=stay. */
void vmm_machine_end(enum when_done what);

#endif
