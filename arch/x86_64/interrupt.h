/* SPDX-License-Identifier: BSD-2-Clause */
/* Host interrupts and exceptions. */
#ifndef ARCH_INTERRUPT_H
#define ARCH_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

/* What an entry stub leaves on the stack. */
struct exception_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error_code;
    uint64_t rip, cs, rflags, rsp, ss;
};

/* Host interrupt vectors. */
#define VECTOR_TIMER    0x30
#define VECTOR_SERIAL1  0x34 /* COM1 */
#define VECTOR_SERIAL2  0x33 /* COM2 */
#define VECTOR_SPURIOUS 0xff

/* Serves a host interrupt that a VM exit acknowledged, or that the IDT
 * took: calls the registered handler, then ends the interrupt. */
void interrupt_dispatch(uint8_t vector);
void interrupt_register(uint8_t vector, void (*handler)(void));

/* Asked at each NMI that strikes in root mode: true when what this CPU does
 * there never ends. In the entry window the answer waits for the next one. */
void nmi_register(bool (*function)(void));

/* Runs function(argument) so that an exception in root mode at depth 0 comes
 * back here: 0 when it returned, 1 when it was abandoned (the fault has been
 * posted). Does not nest. */
int cpu_catch(void (*function)(void *), void *argument);

/* Waits for an interrupt, unless an NMI or #MC strikes before it has begun
 * to wait, or fault_waiting() is true: what they posted is not slept over. */
void idle_wait(void);
extern const char idle_begin[], idle_end[];

/* Code between these labels is the entry window: an NMI or stop that hits
 * there continues at vm_entry_abort (decision 7), a machine check that needs
 * an answer at vm_entry_abort_mce. */
extern const char vm_entry_begin[], vm_entry_end[], vm_entry_abort[],
    vm_entry_abort_mce[];

#endif
