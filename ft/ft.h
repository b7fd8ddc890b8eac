/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ft layer: decides what is done about each fault, and does it. Whoever
 * detects a fault posts it (kernel/fault.h); ft looks at every safe point.
 */
#ifndef FT_FT_H
#define FT_FT_H

struct vm;

/* Registers the safe-point hook and the monitor's commands. Before any VM is
 * created. */
void ft_init(void);

/* Takes all memory that snapshots, restores and repairs of this VM will
 * need. After vm_create(), with the core alone loaded, during start-up.
 * -ENOMEM, -ERANGE (budget) with why[] filled. */
int ft_vm_create(struct vm *vm, char why[96]);

#endif
