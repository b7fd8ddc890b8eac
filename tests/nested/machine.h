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
#define MAX_STEPS   64
#define LINE_SIZE   2048
#define RX_SIZE     4096

#define COM1        0x3F8
#define COM2        0x2F8

/* The same two UARTs once more, as some machines have them: COM1 with its
 * registers a byte apart, COM2 a 32-bit word apart, without interrupts. */
#define COM1_MMIO   0xFE400000
#define COM2_MMIO32 0xFE401000

/* Where FADT and ports.c agree that the ACPI registers are. */
#define ACPI_PM1A_EVENT   0x600
#define ACPI_PM1A_CONTROL 0x604
#define ACPI_PM_TIMER     0x608

/* While what runs shall a machine check be raised? */
enum strike_when {
    STRIKE_GUEST,    /* the kernel's guest */
    STRIKE_ROOT,     /* the kernel itself */
    STRIKE_ENTERING, /* neither: an entry is under way, and KVM forgets it */
    STRIKE_AT,       /* the kernel's instruction at `at` */
    STRIKE_ANY,      /* whatever it is */
};

/* A machine check that is to be raised. */
struct strike {
    struct kvm_x86_mce mce;
    enum strike_when when;
    uint64_t at;       /* virtual address, of which the kernel runs */
    bool last_address; /* mce.addr is the one that the kernel told last */
    bool broadcast;    /* the other vCPUs get one, too, that names nothing */
    bool shared;       /* ... that says the same: the bank is shared */
    unsigned cpu;
    unsigned delay_ms;
};

/* What became of a vCPU's strike. */
enum strike_state {
    STRIKE_NONE,    /* there is none, or it was done */
    STRIKE_WAITING, /* for the right moment */
    STRIKE_PLANTED, /* the instruction is a breakpoint now */
};

struct vcpu {
    struct machine *machine;
    int fd;
    struct kvm_run *run;
    pthread_t thread;
    enum strike_state state;
    struct strike strike;
    uint8_t overwritten; /* by the breakpoint */
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

enum step_action { STEP_WAIT, STEP_SEND, STEP_STRIKE, STEP_END };

/* One line of the script: once a line holding `text` was printed, act. */
struct step {
    const char *text;
    enum step_action action;
    const char *send;     /* STEP_SEND: the line for COM2 */
    unsigned delay_ms;    /* STEP_END */
    struct strike strike; /* STEP_STRIKE */
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
    struct kvm_coalesced_mmio_ring *bunch; /* of bytes written, or NULL */
    uint8_t cmos_index;
    struct step steps[MAX_STEPS];
    unsigned step_count, step_next;
    uint64_t told_address;  /* what the kernel told last as an "hpa" */
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

/* Raises a machine check at the right moment; returns when it was raised. For
 * a thread of its own. */
void machine_strike(struct machine *m, const struct strike *strike);

/* Makes a vCPU leave KVM_RUN soon, also one that halts. */
void machine_kick(struct vcpu *v);

/* Loads kernel and modules, builds the Multiboot information. Returns the
 * entry point (physical) and sets *info; ends the process when the kernel is
 * unfit, saying why. */
uint32_t mbload(struct machine *m, uint32_t *info);

/* Writes RSDP, RSDT, FADT, DSDT and MADT into 0xE0000. */
void acpi_build(struct machine *m);

/* One port access, of any size; the lock is taken inside. */
uint32_t port_read(struct machine *m, uint16_t port);
void port_write(struct machine *m, uint16_t port, uint32_t value);
/* The same in memory; false where nothing is. */
bool mmio_read(struct machine *m, uint64_t address, uint32_t *value);
bool mmio_write(struct machine *m, uint64_t address, uint32_t value);
/* Takes what was written to the serial lines since the last exit; the lock is
 * taken inside. */
void port_take_bunch(struct machine *m);

/* One register access of a 16550; the lock is held. */
uint8_t uart_read(struct machine *m, struct uart *u, unsigned reg);
void uart_write(struct machine *m, struct uart *u, unsigned reg, uint8_t value);
/* Queues a line and its newline as received; what does not fit is lost. */
void uart_receive(struct machine *m, struct uart *u, const char *line);
/* Prints a last line that lacks its newline. */
void uart_flush(struct uart *u);

/* Reads the words of a strike (KEY=VALUE, broadcast, shared); false when there
 * is another one. */
bool strike_parse(struct strike *strike, char *words);
/* With the lock held, between two runs of the vCPU: does what is possible
 * now of its strike. */
void strike_advance(struct vcpu *v);
/* The vCPU has come to a breakpoint; the lock is held. */
void strike_breakpoint(struct vcpu *v);

/* Adds `TEXT=>wait`, `TEXT=>send WORDS`, `TEXT=>strike WORDS` or `TEXT=>end
 * MS`; false when it is none of these. The string must stay. */
bool script_add(struct machine *m, char *text);
/* Shows the script a finished line of output; the lock is held. */
void script_line(struct machine *m, const char *line);

#endif
