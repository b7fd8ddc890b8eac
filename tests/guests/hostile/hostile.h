/* SPDX-License-Identifier: BSD-2-Clause */
/* What the attempts share. */
#ifndef GUESTS_HOSTILE_HOSTILE_H
#define GUESTS_HOSTILE_HOSTILE_H

#include <stdbool.h>
#include <stdint.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Absent memory: reads as ones, no writing, no fetching. */
#define HOLE          0xD0000000u
#define NON_CANONICAL 0x0000800000000000ull

/* How a deed ends, if the guest does not survive it: with a fault of this
 * kind and a restore; or not at all, until the operator restores it. */
#define ENDLESS "endless"

struct deed {
    const char *name;
    void (*commit)(void);
    const char *ends; /* a kind of fault, ENDLESS, or NULL: it survives */
};

struct attempt {
    const char *name;
    const struct deed *deeds;
    uint32_t count;
};

#define ATTEMPT(word, list) \
    const struct attempt attempt_##word = {#word, list, COUNT(list)}

/* A surviving deed found something wrong; says so. */
void wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* wrong(), with both values, unless they are the same. */
void must(const char *what, uint64_t got, uint64_t wanted);

/* ---- code.S, try.c: pieces of code that may fault ---- */

struct
try {
    uint32_t eax, ecx, edx, ebx, esi, edi; /* before; and after */
    uint32_t error;                        /* the exception's code */
};

/* Call code, which ends with RET: the vector of its exception, TRAP_NONE if
 * it returned. In ring 0, or in ring 3 with IOPL 0, interrupts off. */
uint32_t try_kernel(struct try *t, const void *code);
uint32_t try_user(struct try *t, const void *code);

/* The same without caring for registers. */
uint32_t try_code(const void *code);

/* Bytes as a piece of code: what follows is the assembler's. */
#define CODE(name, text)                                           \
    extern const uint8_t name[];                                   \
    __asm__(".pushsection .text\n" #name ":\n\t" text "\n\tret\n." \
            "popsection\n")

/* ---- long.c: 64-bit code ---- */

struct try64 {
    uint64_t rax, rcx, rdx, rbx, rsi, rdi; /* before; and after */
    uint64_t error, cr2;
    uint64_t code, vector, rsp;
};

/* As try_kernel(), in 64-bit mode with all of 4 GiB in place; code.S has
 * code for it. TRAP_NONE also where there is no long mode. */
uint32_t try_long(struct try64 *t, const void *code);

/* Give linear 512 GiB and what follows a page table of the caller's own:
 * entry is that of the PML4; 0 takes it away. */
#define OWN_LINEAR 0x8000000000ull
void long_own(uint64_t entry);

/* The 64-bit IDT and its stack 1 for vector, or none. */
void long_stack(uint32_t vector, uint64_t top);

/* ---- gdt.c ---- */

#define SELECTOR_CODE      0x08u
#define SELECTOR_DATA      0x10u
#define SELECTOR_USER_CODE 0x23u
#define SELECTOR_USER_DATA 0x2Bu
#define SELECTOR_TSS       0x30u
#define SELECTOR_FREE      0x40u /* and the following, for each deed */
#define GDT_ENTRIES        24u

#define ACCESS_TSS         0x89u
#define ACCESS_LDT         0x82u
#define ACCESS_TASK_GATE   0x85u
#define FLAGS_32           0xCu /* 32 bits, in pages */

extern uint64_t gdt[GDT_ENTRIES];

/* The TSS in use, 32-bit layout; its stack 1 is where 64-bit code finds it. */
struct tss {
    uint32_t link, esp0, ss0, esp1, ss1, esp2, ss2, cr3;
    uint32_t eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
    uint32_t es, cs, ss, ds, fs, gs, ldt, iomap;
};
extern struct tss tss;

/* Our own descriptor table and TSS. */
void gdt_init(void);
void gdt_set(uint32_t selector, uint32_t base, uint32_t limit, uint32_t access,
             uint32_t flags);

/* LGDT and LIDT of anything. */
void load_gdt(uint32_t base, uint32_t limit);
void load_idt(uint32_t base, uint32_t limit);

/* Two words of the IDT in use. */
volatile uint32_t *idt_gate(uint32_t vector);

/* ---- help ---- */

/* Free memory behind the image, page-aligned; pages further on. */
uint8_t *spare_page(uint32_t n);

/* Page n of paging's window is mapped so; its linear address. */
uint32_t window_map(uint32_t n, uint32_t entry);

/* Handle vector by counting it: what was counted, since then. */
void count_vector(uint32_t vector);
extern volatile uint32_t counted;

#endif
