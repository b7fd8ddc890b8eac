/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot line and the module lines: the whole configuration. */
#ifndef KERNEL_CMDLINE_H
#define KERNEL_CMDLINE_H

#include <stdint.h>

#include "drivers/uart.h"
#include "kernel/config.h"
#include "kernel/log.h"

#define FORCE_MISSING_SIZE 32

enum when_done { WHEN_DONE_STAY, WHEN_DONE_POWEROFF, WHEN_DONE_DEBUG_EXIT };
enum on_panic { ON_PANIC_HALT, ON_PANIC_REBOOT };
enum console_view { CONSOLE_MIXED, CONSOLE_MONITOR, CONSOLE_VM };

enum screen_use { SCREEN_AUTO, SCREEN_ON, SCREEN_OFF };

/* Which UART a serial line is to use. */
enum serial_choice {
    SERIAL_USUAL, /* the PC's port; without a UART there, the next on PCI */
    SERIAL_PLACE, /* this one, or none */
    SERIAL_PCI,   /* the next on PCI */
    SERIAL_OFF,
};

struct serial_word {
    enum serial_choice choice;
    struct uart_place place; /* for the first two */
};

struct boot_config {
    enum log_level loglevel;       /* loglevel=error|warn|info|debug */
    uint32_t slice_ms;             /* slice=1 to 1000 */
    struct serial_word com1;       /* com1=PORT|mmio:AT|mmio32:AT|pci|off */
    struct serial_word com2;       /* com2=...; ports and addresses in hex */
    uint32_t baud;                 /* baud=1200 to 115200 */
    enum screen_use screen;        /* screen=auto|on|off */
    enum console_view console;     /* console=mixed|monitor|VM */
    char console_vm[VM_NAME_SIZE]; /* for CONSOLE_VM; need not exist */
    enum when_done when_done;      /* when-done=stay|poweroff|debug-exit */
    enum on_panic on_panic;        /* on-panic=halt|reboot */
    unsigned dirty; /* dirty=best|pml|bits|protect: enum dirty_engine_kind */
    char force_missing[FORCE_MISSING_SIZE]; /* force-missing=WORD, or "" */
};

/*
 * Parses the boot line into *boot. What a line does not say: loglevel=info
 * slice=5, com1 and com2 where a PC has them, baud=115200 screen=auto
 * console=mixed when-done=stay on-panic=halt. An unknown word or a bad value is
 * reported as line 0 and otherwise ignored. A first word with a '/' is the
 * hypervisor's own file name, which Multiboot 1 loaders put there, and is
 * skipped.
 */
void boot_line_parse(const char *line, struct boot_config *boot,
                     struct config_errors *errors);

/*
 * Parses count module lines; vms has room for VM_LINES_MAX, of which the first
 * *vm_count, at most VM_MAX, hold in the end. Words before "--":
 *
 *   vm=NAME                  on every line: [a-z0-9_-], not mixed or monitor
 *   mem=SIZE                 K, M or G; required; a multiple of 2M, 2M to 64G
 *   vcpus=1
 *   cpus=LIST                e.g. 0,2-3; logical CPUs 0 to 63
 *   snapshot=off|manual|once:MS|every:MS
 *   verify=restore|scrub|full
 *   scrub=MS                 copies are checked within MS; 100 to a day
 *   budget=N/MS
 *   on=KIND:ACTION[,ACTION]  up to 4 actions, tried in turn; repeatable
 *   hv=none|kvm
 *   start=paused
 *   kernel-of=NAME           boot the image that the line of VM NAME loaded;
 *                            this line's own file is not the kernel
 *   initrd-of=NAME           use VM NAME's initrd or modules, behind own ones
 *   initrd                   this line's file is the VM's initrd
 *   module                   the same for a Multiboot guest: what follows "--"
 *                            is the module's string
 *
 * The first line of a VM defines it; its file is the image and what follows
 * "--" is the guest's command line. A later line of the same VM carries
 * `initrd` or `module` and no settings. With kernel-of= the first line may
 * carry `initrd` too; otherwise its file is not used, and can be any small one:
 *
 *   module2 /boot/vmlinuz vm=alpha mem=256M -- console=ttyS0
 *   module2 /boot/initrd  vm=alpha initrd
 *   module2 /boot/empty   vm=beta mem=256M kernel-of=alpha initrd-of=alpha
 *
 * kernel-of= and initrd-of= may name a VM of a later line, also one that was
 * refused, but not one that borrows the same thing itself.
 *
 * Whatever is wrong is reported with its line and word. A VM with an error on
 * any of its lines is refused and left out, the others go on; of two VMs with
 * one name the second is refused. Returns 0, or -EINVAL after an error.
 */
int config_parse(const char *const *lines, unsigned count,
                 struct vm_config *vms, unsigned *vm_count,
                 struct config_errors *errors);

#endif
