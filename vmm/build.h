/* SPDX-License-Identifier: BSD-2-Clause */
/* Building the guest machine in its cell. */
#ifndef VMM_BUILD_H
#define VMM_BUILD_H

#include "vmm/vm.h"

struct boot_module;

/* Takes and maps all that the guest machine consists of and loads its images.
 * 0, or a negative errno with why[] filled. During start-up only. */
int guest_build(struct vm *vm, const struct boot_module *modules, char why[96]);

#endif
