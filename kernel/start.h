/* SPDX-License-Identifier: BSD-2-Clause */
/* The steps of kernel_main(), and what they pass on. */
#ifndef KERNEL_START_H
#define KERNEL_START_H

#include "drivers/acpi.h"
#include "kernel/boot_info.h"
#include "kernel/cmdline.h"

#define START_ERRORS_MAX 64

/* Filled once, then only read. */
struct start {
    struct boot_info boot;
    struct boot_config config;
    struct acpi_info acpi;
    struct config_error errors[START_ERRORS_MAX];
};

extern struct start start;

void start_boot_line(void);      /* words, serial lines */
void start_memory(void);         /* the frame table */
void start_acpi(void);           /* firmware's tables */
void start_apics(void);          /* local and I/O APIC; the PICs off */
void start_time(void);           /* TSC rate */
void start_cpus(void);           /* all others, CR4.MCE on */
void start_mca(void);            /* what of machine checks is seen */
void start_virtualization(void); /* returns only when guests can run */
void start_vms(void);            /* one for each line */
void start_watchdog(void);       /* endless loops of ours */

/* Tells of errors that found no room in the list. */
void start_tell_more(const struct config_errors *errors);

#endif
