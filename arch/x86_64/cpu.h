/* SPDX-License-Identifier: BSD-2-Clause */
/* Privileged and special instructions, one inline function each. */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include <stdbool.h>
#include <stdint.h>

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

struct descriptor_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;

    asm volatile("cpuid"
                 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                 : "a"(leaf), "c"(subleaf));
    return r;
}

/* RDTSC and RDMSR clear the upper halves of both registers. */
static inline uint64_t rdtsc(void)
{
    uint64_t low, high;

    asm volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return high << 32 | low;
}

/* Only for MSRs that are known to exist: see msr_read() for the others. */
static inline uint64_t rdmsr(uint32_t msr)
{
    uint64_t low, high;

    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
    return high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
    asm volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value),
                 "d"((uint32_t)(value >> 32))
                 : "memory");
}

/* Reads or writes an MSR that may be absent: 0, or -ENODEV when it #GPs. */
int msr_read(uint32_t msr, uint64_t *value);
int msr_write(uint32_t msr, uint64_t value);

static inline uint8_t inb(uint16_t port)
{
    uint8_t value;

    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint32_t inl(uint16_t port)
{
    uint32_t value;

    asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void outb(uint16_t port, uint8_t value)
{
    asm volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static inline void outw(uint16_t port, uint16_t value)
{
    asm volatile("outw %0, %1" ::"a"(value), "Nd"(port));
}

static inline void outl(uint16_t port, uint32_t value)
{
    asm volatile("outl %0, %1" ::"a"(value), "Nd"(port));
}

#define CPU_ACCESSOR(reg)                                           \
    static inline uint64_t read_##reg(void)                         \
    {                                                               \
        uint64_t value;                                             \
        asm volatile("mov %%" #reg ", %0" : "=r"(value)::"memory"); \
        return value;                                               \
    }                                                               \
    static inline void write_##reg(uint64_t value)                  \
    {                                                               \
        asm volatile("mov %0, %%" #reg ::"r"(value) : "memory");    \
    }

CPU_ACCESSOR(cr0)
CPU_ACCESSOR(cr2)
CPU_ACCESSOR(cr3)
CPU_ACCESSOR(cr4)
CPU_ACCESSOR(dr0)
CPU_ACCESSOR(dr1)
CPU_ACCESSOR(dr2)
CPU_ACCESSOR(dr3)
CPU_ACCESSOR(dr6)
CPU_ACCESSOR(dr7)

static inline void invlpg(const volatile void *address)
{
    asm volatile("invlpg (%0)" ::"r"(address) : "memory");
}

static inline void interrupts_off(void)
{
    asm volatile("cli" ::: "memory");
}

/* Never again on this CPU. */
static inline _Noreturn void cpu_stop(void)
{
    for (;;) {
        asm volatile("cli; hlt" ::: "memory");
    }
}

static inline void cpu_pause(void)
{
    asm volatile("pause" ::: "memory");
}

/* Writes that the processor combines are in the device behind this. */
static inline void cpu_write_fence(void)
{
    asm volatile("sfence" ::: "memory");
}

/* CR0 and CR4 bits (SDM vol. 3, 2.5). */
#define CR0_PE         (1ul << 0)
#define CR0_MP         (1ul << 1)
#define CR0_EM         (1ul << 2)
#define CR0_TS         (1ul << 3)
#define CR0_ET         (1ul << 4)
#define CR0_NE         (1ul << 5)
#define CR0_WP         (1ul << 16)
#define CR0_AM         (1ul << 18)
#define CR0_NW         (1ul << 29)
#define CR0_CD         (1ul << 30)
#define CR0_PG         (1ul << 31)

#define CR4_VME        (1ul << 0)
#define CR4_PVI        (1ul << 1)
#define CR4_TSD        (1ul << 2)
#define CR4_DE         (1ul << 3)
#define CR4_PSE        (1ul << 4)
#define CR4_PAE        (1ul << 5)
#define CR4_MCE        (1ul << 6)
#define CR4_PGE        (1ul << 7)
#define CR4_PCE        (1ul << 8)
#define CR4_OSFXSR     (1ul << 9)
#define CR4_OSXMMEXCPT (1ul << 10)
#define CR4_UMIP       (1ul << 11)
#define CR4_VMXE       (1ul << 13)
#define CR4_SMXE       (1ul << 14)
#define CR4_FSGSBASE   (1ul << 16)
#define CR4_PCIDE      (1ul << 17)
#define CR4_OSXSAVE    (1ul << 18)
#define CR4_SMEP       (1ul << 20)
#define CR4_SMAP       (1ul << 21)
#define CR4_PKE        (1ul << 22)

#define RFLAGS_FIXED   (1ul << 1)
#define RFLAGS_TF      (1ul << 8)
#define RFLAGS_IF      (1ul << 9)
#define RFLAGS_RF      (1ul << 16)
#define RFLAGS_VM      (1ul << 17)
#define RFLAGS_AC      (1ul << 18)

#define EFER_SCE       (1ul << 0)
#define EFER_LME       (1ul << 8)
#define EFER_LMA       (1ul << 10)
#define EFER_NXE       (1ul << 11)

/* Exception vectors (SDM vol. 3, table 6-1). */
enum vector {
    VECTOR_DE = 0,
    VECTOR_DB = 1,
    VECTOR_NMI = 2,
    VECTOR_BP = 3,
    VECTOR_OF = 4,
    VECTOR_BR = 5,
    VECTOR_UD = 6,
    VECTOR_NM = 7,
    VECTOR_DF = 8,
    VECTOR_TS = 10,
    VECTOR_NP = 11,
    VECTOR_SS = 12,
    VECTOR_GP = 13,
    VECTOR_PF = 14,
    VECTOR_MF = 16,
    VECTOR_AC = 17,
    VECTOR_MC = 18,
    VECTOR_XM = 19,
};

#endif
