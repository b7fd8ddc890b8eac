/* SPDX-License-Identifier: BSD-2-Clause */
/* Instructions that C has no words for: ports, registers, MSRs, MMIO. */
#ifndef GUESTS_LIB_CPU_H
#define GUESTS_LIB_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CR0_MP              (1u << 1)
#define CR0_EM              (1u << 2)
#define CR0_TS              (1u << 3)
#define CR0_NE              (1u << 5)
#define CR0_WP              (1u << 16)
#define CR0_AM              (1u << 18)
#define CR0_NW              (1u << 29)
#define CR0_CD              (1u << 30)
#define CR0_PG              (1u << 31)

#define CR4_TSD             (1u << 2)
#define CR4_DE              (1u << 3)
#define CR4_PSE             (1u << 4)
#define CR4_PAE             (1u << 5)
#define CR4_MCE             (1u << 6)
#define CR4_PGE             (1u << 7)
#define CR4_OSFXSR          (1u << 9)
#define CR4_OSXMMEXCPT      (1u << 10)
#define CR4_VMXE            (1u << 13)

#define EFLAGS_CF           (1u << 0)
#define EFLAGS_TF           (1u << 8)
#define EFLAGS_IF           (1u << 9)
#define EFLAGS_DF           (1u << 10)

#define MSR_TSC             0x10u
#define MSR_APIC_BASE       0x1Bu
#define MSR_FEATURE_CONTROL 0x3Au
#define MSR_TSC_ADJUST      0x3Bu
#define MSR_UCODE_REV       0x8Bu
#define MSR_SYSENTER_CS     0x174u
#define MSR_SYSENTER_ESP    0x175u
#define MSR_SYSENTER_EIP    0x176u
#define MSR_MISC_ENABLE     0x1A0u
#define MSR_PAT             0x277u
#define MSR_TSC_DEADLINE    0x6E0u
#define MSR_EFER            0xC0000080u
#define MSR_STAR            0xC0000081u
#define MSR_LSTAR           0xC0000082u
#define MSR_CSTAR           0xC0000083u
#define MSR_FMASK           0xC0000084u
#define MSR_FS_BASE         0xC0000100u
#define MSR_GS_BASE         0xC0000101u
#define MSR_KERNEL_GS_BASE  0xC0000102u
#define MSR_TSC_AUX         0xC0000103u

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

static inline void outb(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void outw(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void outl(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint16_t inw(uint16_t port)
{
    uint16_t value;

    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint32_t inl(uint16_t port)
{
    uint32_t value;

    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

/* A plain MOV: the only form that a device is sure to understand. */
static inline uint32_t mmio_read(uint32_t address)
{
    uint32_t value;

    __asm__ volatile("movl (%1), %0" : "=r"(value) : "r"(address) : "memory");
    return value;
}

static inline void mmio_write(uint32_t address, uint32_t value)
{
    __asm__ volatile("movl %0, (%1)" : : "r"(value), "r"(address) : "memory");
}

static inline uint64_t rdtsc(void)
{
    uint64_t value;

    __asm__ volatile("rdtsc" : "=A"(value) : : "memory");
    return value;
}

static inline struct cpuid cpuid_count(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;

    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf)
                     : "memory");
    return r;
}

static inline struct cpuid cpuid(uint32_t leaf)
{
    return cpuid_count(leaf, 0);
}

static inline uint64_t rdmsr(uint32_t msr)
{
    uint64_t value;

    __asm__ volatile("rdmsr" : "=A"(value) : "c"(msr) : "memory");
    return value;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "A"(value) : "memory");
}

#define CPU_REGISTER(name)                                                   \
    static inline uint32_t read_##name(void)                                 \
    {                                                                        \
        uint32_t value;                                                      \
        __asm__ volatile("movl %%" #name ", %0" : "=r"(value) : : "memory"); \
        return value;                                                        \
    }                                                                        \
    static inline void write_##name(uint32_t value)                          \
    {                                                                        \
        __asm__ volatile("movl %0, %%" #name : : "r"(value) : "memory");     \
    }

CPU_REGISTER(cr0)
CPU_REGISTER(cr2)
CPU_REGISTER(cr3)
CPU_REGISTER(cr4)
CPU_REGISTER(dr0)
CPU_REGISTER(dr1)
CPU_REGISTER(dr2)
CPU_REGISTER(dr3)
CPU_REGISTER(dr6)
CPU_REGISTER(dr7)

static inline uint32_t read_eflags(void)
{
    uint32_t value;

    __asm__ volatile("pushfl\n\tpopl %0" : "=r"(value) : : "memory");
    return value;
}

static inline void cpu_sti(void)
{
    __asm__ volatile("sti" : : : "memory");
}

static inline void cpu_cli(void)
{
    __asm__ volatile("cli" : : : "memory");
}

/* Interrupts open from HLT on: none can slip in between. */
static inline void cpu_sti_hlt(void)
{
    __asm__ volatile("sti\n\thlt" : : : "memory");
}

static inline void cpu_pause(void)
{
    __asm__ volatile("pause" : : : "memory");
}

static inline void invlpg(uint32_t address)
{
    __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

#endif
