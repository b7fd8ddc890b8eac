/* SPDX-License-Identifier: BSD-2-Clause */
/* The steps of kernel_main(), and what they pass on. */
#ifndef KERNEL_START_H
#define KERNEL_START_H

#include "arch/x86_64/cpu_backend.h"
#include "drivers/acpi.h"
#include "drivers/pci.h"
#include "kernel/boot_info.h"
#include "kernel/cmdline.h"

#define START_ERRORS_MAX 64

/* Filled once, then only read. */
struct start {
    uint64_t began; /* TSC at the first line of kernel_main() */
    struct boot_info boot;
    struct boot_config config;
    struct pci_scan pci;
    struct acpi_info acpi;
    struct config_error errors[START_ERRORS_MAX];
};

extern struct start start;

/* In the order in which they are called. Each tells its facts. */
void start_boot_line(void);      /* words; who started us */
void start_pci(void);            /* DMA that firmware left is stopped */
void start_memory(void);         /* the frame table */
void start_serial(void);         /* the lines that the words name */
void start_screen(void);         /* for the log, when it is needed */
void start_acpi(void);           /* firmware's tables */
void start_apics(void);          /* local and I/O APIC; the PICs off */
void start_time(void);           /* TSC rate */
void start_cpus(void);           /* all others, CR4.MCE on */
void start_mca(void);            /* what of machine checks is seen */
void start_page_copy(void);      /* which instruction copies pages */
void start_crc32c(void);         /* how checksums are made */
void start_interrupts(void);     /* of the serial lines */
void start_virtualization(void); /* returns only when guests can run */
void start_vms(void);            /* one for each line */
void start_watchdog(void);       /* endless loops of ours */

/* Tells of errors that found no room in the list. */
void start_tell_more(const struct config_errors *errors);

/* The one clear message of a machine that cannot run guests, then the end
 * that when-done= asks for. */
_Noreturn void start_refuse(const struct cpu_missing *missing);

#endif
