/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small PC on the Linux KVM API, for running a Multiboot 1 kernel that is
 * itself a hypervisor. Interrupt controllers and the PIT are KVM's; the rest
 * (two UARTs, the ACPI registers, a CMOS clock) is in ports.c.
 */
#ifndef NESTED_MACHINE_H
#define NESTED_MACHINE_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_CPUS    8
#define MAX_MODULES 8
#define MAX_STEPS   32
#define LINE_SIZE   2048
#define RX_SIZE     4096

/* Where FADT and ports.c agree that the ACPI registers are. */
#define ACPI_PM1A_EVENT   0x600
#define ACPI_PM1A_CONTROL 0x604
#define ACPI_PM_TIMER     0x608

struct vcpu {
    struct machine *machine;
    int fd;
    struct kvm_run *run;
    pthread_t thread;
    bool mce_pending;
    struct kvm_x86_mce mce;
};

struct uart {
    unsigned irq;
    const char *prefix; /* of each line on standard output */
    uint8_t ier, lcr, mcr, scratch, fcr, dll, dlm;
    bool thri; /* transmitter-empty interrupt not yet acknowledged */
    char line[LINE_SIZE];
    size_t line_length;
    uint8_t rx[RX_SIZE];
    size_t rx_head, rx_tail; /* free running */
};

enum step_action { STEP_WAIT, STEP_SEND, STEP_MCE, STEP_END };

/* One line of the script: once a line holding `text` was printed, act. */
struct step {
    const char *text;
    enum step_action action;
    const char *send;  /* STEP_SEND: the line for COM2 */
    unsigned delay_ms; /* STEP_MCE, STEP_END */
};

struct machine {
    int kvm, fd;
    uint8_t *ram;
    size_t ram_size;
    const char *kernel, *append;
    const char *modules[MAX_MODULES]; /* FILE:words */
    unsigned module_count;
    unsigned cpu_count;
    uint32_t hidden; /* secondary VMX controls that the kernel shall not see */
    struct vcpu cpus[MAX_CPUS];
    pthread_mutex_t lock; /* everything below, and the vCPUs' MCE requests */
    struct uart com1, com2;
    uint8_t cmos_index;
    struct step steps[MAX_STEPS];
    unsigned step_count, step_next;
    struct kvm_x86_mce mce; /* what STEP_MCE raises; addr may come later */
    bool mce_addr_fixed;    /* --mce-addr was given */
    bool mce_anywhere;      /* also while the kernel itself runs */
    unsigned strange_ports; /* unknown accesses told so far */
};

/* Ends the process after a last line `nested: WHY status N`. */
_Noreturn void machine_end(struct machine *m, int status, const char *why);

/* The result of a system call, or the end of the process. */
int machine_must(struct machine *m, int result, const char *what);

/* Makes the virtual machine with its vCPUs: memory, interrupt controllers,
 * PIT, and on each vCPU what CPUID KVM offers and ten machine-check banks. */
void machine_open(struct machine *m);

/* Puts vCPU 0 where a Multiboot 1 loader leaves a processor. */
void machine_enter(struct machine *m, uint32_t entry, uint32_t info);

/* Runs all vCPUs until something ends the process. */
_Noreturn void machine_run(struct machine *m);

/* Raises the script's machine check on vCPU 0 as soon as that runs the
 * kernel's guest (or at once: mce_anywhere); for a thread of its own. */
void machine_mce(struct machine *m);

/* Loads kernel and modules, builds the Multiboot information. Returns the
 * entry point (physical) and sets *info; ends the process when the kernel is
 * unfit, saying why. */
uint32_t mbload(struct machine *m, uint32_t *info);

/* Writes RSDP, RSDT, FADT, DSDT and MADT into 0xE0000. */
void acpi_build(struct machine *m);

/* One port access, of any size; the lock is taken inside. */
uint32_t port_read(struct machine *m, uint16_t port);
void port_write(struct machine *m, uint16_t port, uint32_t value);

/* One register access of a 16550; the lock is held. */
uint8_t uart_read(struct machine *m, struct uart *u, unsigned reg);
void uart_write(struct machine *m, struct uart *u, unsigned reg, uint8_t value);
/* Queues a line and its newline as received; what does not fit is lost. */
void uart_receive(struct machine *m, struct uart *u, const char *line);
/* Prints a last line that lacks its newline. */
void uart_flush(struct uart *u);

/* Adds `TEXT=>wait`, `TEXT=>send WORDS`, `TEXT=>mce MS` or `TEXT=>end MS`;
 * false when it is none of these. The string must stay. */
bool script_add(struct machine *m, char *text);
/* Shows the script a finished line of output; the lock is held. */
void script_line(struct machine *m, const char *line);

#endif
