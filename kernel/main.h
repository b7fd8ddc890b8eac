/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_MAIN_H
#define KERNEL_MAIN_H

#include <stdint.h>

/* Entered from boot/ in long mode on the boot loader's page tables: the
 * loader's magic number and the physical address of its information. */
_Noreturn void kernel_main(uint32_t magic, uint64_t information);

#endif
