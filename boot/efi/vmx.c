/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Firmware that uses VMX itself may leave it on. Neither can paging then be
 * switched off nor CR4.VMXE be cleared (SDM vol. 3, 24.8), which the last step
 * does. Whether it is on cannot be read, and VMXOFF is #UD where it is off;
 * but after a VMXON it is on for sure: it was, or is now.
 */
#include "boot/efi/vmx.h"

#include <stdint.h>

#define CR0_NE          (1ul << 5)
#define CR4_VMXE        (1ul << 13)
#define MSR_FEATURE     0x3a
#define MSR_BASIC       0x480
#define LOCKED_WITH_VMX 5u

static uint32_t region[1024] __attribute__((aligned(4096)));

static uint32_t read_msr(uint32_t msr)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return low;
}

void vmx_leave(void)
{
    const uint64_t address = (uint64_t)region;
    uint64_t cr0, cr4;

    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    if (!(cr4 & CR4_VMXE) ||
        (read_msr(MSR_FEATURE) & LOCKED_WITH_VMX) != LOCKED_WITH_VMX) {
        return;
    }
    region[0] = read_msr(MSR_BASIC);
    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("mov %0, %%cr0" ::"r"(cr0 | CR0_NE));
    __asm__ volatile("vmxon %0\n\tvmxoff" ::"m"(address) : "cc", "memory");
}
