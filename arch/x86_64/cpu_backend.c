/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86_64/cpu_backend.h"

const struct cpu_backend *cpu;

int cpu_backend_select(const char *force, struct cpu_missing *missing)
{
    int error = vmx_backend.probe(force, missing);

    if (!error) {
        cpu = &vmx_backend;
    }
    return error;
}
