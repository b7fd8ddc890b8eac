/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VMM_COMMANDS_H
#define VMM_COMMANDS_H

/* Registers what the monitor can do with VMs: list, pause, resume, send ... */
void vmm_commands_register(void);

#endif
