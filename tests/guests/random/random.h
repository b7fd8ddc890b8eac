/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the random guest share; launch.S includes it, too. */
#ifndef GUESTS_RANDOM_H
#define GUESTS_RANDOM_H

/* Selectors. SYSCALL and SYSRET fix the order of 0x30 to 0x40. */
#define CODE_32      0x08
#define DATA_0       0x10
#define CODE_64      0x18
#define TASK         0x20
#define CODE_32_USER 0x33
#define DATA_3       0x3b
#define CODE_64_USER 0x43
#define CODE_16      0x48
#define CODE_16_USER 0x5b
#define GDT_LAST     0xb0

/* Guest-physical and linear: random code runs here ... */
#define CODE_BASE 0x300000u
#define CODE_SIZE 0x10000u
/* ... and this it may write, as it may the code. */
#define DATA_BASE   0x310000u
#define DATA_SIZE   0x10000u
#define STACK_BASE  0x320000u   /* of exceptions: one page */
#define RAM_SIZE    0x400000u   /* what is mapped of it */
#define WINDOW_BASE 0x40000000u /* 2 MiB with random page table entries */
#define HOLE_BASE   0xc8000000u /* no memory: reads as ones */

/* The page of STACK_BASE begins with what the tick may write. */
#define TICK_ATTEMPT STACK_BASE

#define TICK_VECTOR  0xef  /* nothing else keeps it out for long */
#define TICK_COUNT   40000 /* crystal ticks: an attempt has two of them */

/* Registers between two attempts: PE MP ET NE WP PG; PAE DE PGE OSFXSR
 * OSXMMEXCPT; SCE LME LMA NXE. */
#define WANTED_CR0  0x80010033
#define WANTED_CR4  0x6a8
#define WANTED_EFER 0xd01
#define WANTED_DR7  0x400

#define GPRS        15
#define ATTEMPT_DS  160

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stdint.h>

/* RAX, RCX, RDX, RBX, RBP, RSI, RDI, R8 to R15 in gpr[]. */
enum gpr { RAX, RCX, RDX, RBX, RBP, RSI, RDI };

/* What one attempt starts with, in the order in which launch.S loads it. */
struct attempt {
    uint64_t gpr[GPRS];
    uint64_t rip, cs, rflags, rsp, ss;
    uint32_t ds, es, fs, gs;
};

/* How it ended. */
struct outcome {
    uint32_t vector, error, rip;
};

extern struct attempt attempt;
extern volatile struct outcome outcome;
extern volatile uint32_t attempt_number;

/* launch.S: into long mode, where this 32-bit code goes on as it is; one
 * attempt, which ends with any exception or with the second tick. */
void random_enter(void);
void random_launch(void);
extern const char random_entries[];
extern const char random_text_end[];

extern uint64_t wild_pml4[];

/* world.c: descriptor tables, and two address spaces: ours, and the one in
 * which random code runs and what is ours cannot be written. */
void world_make(void);
/* Fills code, data and window of a new chunk. */
void world_fill(uint32_t *state);
void apic_arm(void);
/* Puts registers back that an attempt may have changed: always, and those
 * which the local APIC or the TSC timer depends on. */
void world_rearm(bool apic);

/* recipe.c: one instruction somewhere in the code, perhaps more behind it, and
 * its registers; state is the generator's, digest takes the bytes. */
void recipe_make(uint32_t *state, uint32_t *digest);

/* Makes it the attempt: in ring 0 or 3, in 64-bit or in 32- or 16-bit code, by
 * the lower bits of variant. True: call world_rearm() afterwards. */
bool recipe_aim(uint32_t variant);

#endif
#endif
