/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts the machine together: a list of steps, each told in start.h. */
#include "kernel/main.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/image.h"
#include "arch/x86_64/smp.h"
#include "drivers/clock.h"
#include "ft/ft.h"
#include "kernel/black_box_place.h"
#include "kernel/console.h"
#include "kernel/frame.h"
#include "kernel/monitor.h"
#include "kernel/run.h"
#include "kernel/self_check.h"
#include "kernel/start.h"
#include "vmm/vmm.h"

void kernel_main(uint32_t magic, uint64_t information)
{
    start.began = rdtsc();
    /* the loader's memory, while its map of it is loaded */
    boot_info_read(magic, information, &start.boot);
    smp_boot_cpu_early(); /* per-CPU data, IDT */
    paging_init();        /* our own page tables */
    start_boot_line();    /* words */
    start_pci();          /* no DMA from here on */
    start_memory();       /* the frame table */
    black_box_tell();     /* what an earlier boot left */
    start_serial();       /* the log can be read: */
    start_screen();       /* there, or here */
    smp_boot_cpu();       /* GDT, TSS, IST stacks */
    start_acpi();         /* CPUs, I/O APIC, timer */
    start_apics();        /* local and I/O APIC, no PICs */
    start_time();         /* TSC rate */
    start_cpus();         /* all others, CR4.MCE on */
    start_mca();
    start_crc32c();
    start_page_copy();
    start_interrupts();     /* of the serial lines */
    start_virtualization(); /* VT-x */
    monitor_start();
    self_check_register(&start.acpi);
    vmm_init(&start.config, clock_wall_seconds());
    ft_init();
    start_vms();      /* one for each line */
    frame_seal();     /* nothing allocates now */
    start_watchdog(); /* endless loops of ours */
    console_start(&start.config);
    vmm_start(start.began);     /* ready */
    smp_run_on_stack(run_loop); /* for ever */
}
