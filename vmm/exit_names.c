/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>

#include "vmm/exits.h"

static const char *const names[EXIT_KINDS] = {
    [EXIT_NONE] = "none",
    [EXIT_INTERRUPT] = "interrupt",
    [EXIT_TIMER] = "timer",
    [EXIT_WINDOW] = "window",
    [EXIT_NMI_WINDOW] = "nmi-window",
    [EXIT_HOST_NMI] = "host-nmi",
    [EXIT_MCE] = "mce",
    [EXIT_EXCEPTION] = "exception",
    [EXIT_TRIPLE] = "triple",
    [EXIT_ENTRY_FAILED] = "entry-failed",
    [EXIT_CPUID] = "cpuid",
    [EXIT_HLT] = "hlt",
    [EXIT_CALL] = "call",
    [EXIT_CR] = "cr",
    [EXIT_DR] = "dr",
    [EXIT_IO] = "io",
    [EXIT_RDMSR] = "rdmsr",
    [EXIT_WRMSR] = "wrmsr",
    [EXIT_TASK_SWITCH] = "task-switch",
    [EXIT_XSETBV] = "xsetbv",
    [EXIT_WBINVD] = "wbinvd",
    [EXIT_INVD] = "invd",
    [EXIT_MONITOR] = "monitor",
    [EXIT_MWAIT] = "mwait",
    [EXIT_PAUSE] = "pause",
    [EXIT_RDPMC] = "rdpmc",
    [EXIT_RDTSC] = "rdtsc",
    [EXIT_INVLPG] = "invlpg",
    [EXIT_UNDEFINED] = "undefined",
    [EXIT_STAGE2] = "stage2",
    [EXIT_MISCONFIG] = "misconfig",
    [EXIT_APIC_WRITE] = "apic-write",
    [EXIT_APIC_EOI] = "apic-eoi",
    [EXIT_INIT] = "init",
    [EXIT_SIPI] = "sipi",
    [EXIT_UNKNOWN] = "unknown",
};

const char *exit_kind_name(enum exit_kind kind)
{
    return (unsigned)kind < EXIT_KINDS && names[kind] ? names[kind] : "?";
}
