/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptor tables of a logical CPU. */
#ifndef ARCH_DESCRIPTORS_H
#define ARCH_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>

#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10
#define SELECTOR_TSS  0x18

/* Interrupt stack table slots (SDM vol. 3, 6.14.5). */
enum ist { IST_DF = 1, IST_NMI, IST_MC, IST_COUNT = 3 };

struct tss {
    uint32_t reserved_0;
    uint64_t rsp[3];
    uint64_t reserved_1;
    uint64_t ist[7];
    uint64_t reserved_2;
    uint16_t reserved_3;
    uint16_t io_bitmap;
} __attribute__((packed));

struct cpu_descriptors {
    uint64_t gdt[8] __attribute__((aligned(16)));
    struct tss tss;
    uint64_t stack_top; /* of the CPU's ordinary stack */
};

/* Fills the IDT, which all CPUs share. Once. */
void idt_init(void);

/* Builds GDT and TSS and takes the stacks of a CPU; only at start-up. */
void descriptors_prepare(struct cpu_descriptors *descriptors);

/* Can a stack frame be read at this address? */
bool descriptors_on_stack(uint64_t address);

/* Loads them on this CPU. */
void descriptors_load(struct cpu_descriptors *descriptors);

#endif
