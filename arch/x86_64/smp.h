/* SPDX-License-Identifier: BSD-2-Clause */
/* Starting the other logical CPUs. */
#ifndef ARCH_SMP_H
#define ARCH_SMP_H

#include <stdint.h>

/* Makes the boot CPU's own tables current: per-CPU data, GDT, TSS, IDT. */
void smp_boot_cpu_early(void);
void smp_boot_cpu(void);

/* Leaves the boot stack for this CPU's own, which has a guard page below it,
 * and calls a function that never returns. */
_Noreturn void smp_run_on_stack(void (*function)(void));

/* The page below 1 MiB in which other CPUs start: usable memory that the
 * frame table never hands out. */
void smp_use_start_page(uint64_t physical);

/* Starts the CPU with this APIC id and waits until it runs our code with
 * CR4.MCE on. 0; -EIO when it does not answer; -EINVAL when no message can
 * reach it alone; -ENOSPC above CPU_MAX; -ENOMEM without a start page. */
int smp_start(uint32_t apic_id);

/* From now on CPU 1, which must be there, calls work each time that it wakes
 * from its HLT, with interrupts off: it has no other work. */
void smp_guard(void (*work)(void));

#endif
