/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86_64/percpu.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/msr.h"
#include "kernel/fault.h"

uint32_t cpu_count = 1;

void percpu_load(struct percpu *self, uint32_t index)
{
    self->self = self;
    self->index = index;
    self->served_vm = FAULT_NO_VM;
    wrmsr(MSR_GS_BASE, (uint64_t)self);
}
