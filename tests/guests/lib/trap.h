/* SPDX-License-Identifier: BSD-2-Clause */
/* The IDT, handlers, and instructions that may fault. */
#ifndef GUESTS_LIB_TRAP_H
#define GUESTS_LIB_TRAP_H

#include <stdbool.h>
#include <stdint.h>

#define TRAP_DE   0u
#define TRAP_DB   1u
#define TRAP_BP   3u
#define TRAP_UD   6u
#define TRAP_NM   7u
#define TRAP_GP   13u
#define TRAP_PF   14u
#define TRAP_NONE 256u /* what a captured instruction reports if it worked */

struct trap_frame {
    uint32_t edi, esi, ebp, esp, ebx, edx, ecx, eax;
    uint32_t vector, error, eip, cs, eflags;
};

typedef void (*trap_handler)(struct trap_frame *frame);

/* Fill and load the IDT; every vector ends the guest until it has a handler. */
void trap_init(void);

/* Load the IDT again, after something else was loaded. */
void trap_load(void);

/* Call handler for vector (0..255); a null pointer takes it away. */
void trap_set(uint32_t vector, trap_handler handler);

/* Point vector at an entry of the guest's own, which ends with IRET. */
void trap_set_entry(uint32_t vector, const void *entry);

/* Called by the entry stubs. */
void trap_dispatch(struct trap_frame *frame);

/* Where to go on after the next exception, 0 = nowhere; and what it was. */
extern volatile uint32_t trap_resume;
extern volatile uint32_t trap_caught;
extern volatile uint32_t trap_error;

/*
 * Run one instruction, written as a string with its operands behind it, and
 * give the vector of the exception that it raised, or TRAP_NONE.
 */
#define TRAP_TRY(instruction, ...)                                   \
    ({                                                               \
        trap_caught = TRAP_NONE;                                     \
        __asm__ volatile("movl $77f, trap_resume\n\t" instruction    \
                         "\n77:\tmovl $0, trap_resume" __VA_ARGS__); \
        trap_caught;                                                 \
    })

/* RDMSR: TRAP_NONE and *value, or the exception's vector. */
uint32_t trap_rdmsr(uint32_t msr, uint64_t *value);

/* WRMSR: TRAP_NONE, or the exception's vector. */
uint32_t trap_wrmsr(uint32_t msr, uint64_t value);

#endif
