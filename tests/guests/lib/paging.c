/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/lib/paging.h"

#include "tests/guests/lib/cpu.h"

#define TABLE __attribute__((aligned(4096)))

#define LARGE (PTE_PRESENT | PTE_WRITE | PTE_LARGE)
#define HIGH  0x9000000000ull

static uint32_t directory[1024] TABLE;
static volatile uint32_t window[1024] TABLE;

/* Used by longmode.S. */
uint64_t long_pml4[512] TABLE;
static uint64_t long_pdpt[512] TABLE;
static uint64_t long_pd[5][512] TABLE;

void paging_on(void)
{
    for (uint32_t i = 0; i < 1024; i++)
        directory[i] = i << 22 | LARGE;
    directory[WINDOW >> 22] = (uint32_t)window | PTE_PRESENT | PTE_WRITE;
    write_cr4(read_cr4() | CR4_PSE);
    write_cr3((uint32_t)directory);
    write_cr0(read_cr0() | CR0_PG | CR0_WP);
}

void paging_off(void)
{
    write_cr0(read_cr0() & ~(CR0_PG | CR0_WP));
    write_cr3(0);
}

volatile uint32_t *paging_window(uint32_t page)
{
    return &window[page % 1024];
}

bool long_mode_available(void)
{
    return cpuid(0x80000000u).eax >= 0x80000001u &&
           (cpuid(0x80000001u).edx >> 29 & 1) != 0;
}

uint32_t long_mode_call(const void *code, void *argument)
{
    for (uint32_t i = 0; i < 4 * 512; i++)
        long_pd[i / 512][i % 512] = (uint64_t)i << 21 | LARGE;
    long_pd[4][0] = HIGH | LARGE;
    for (uint32_t i = 0; i < 5; i++)
        long_pdpt[i] = (uint32_t)long_pd[i] | PTE_PRESENT | PTE_WRITE;
    long_pml4[0] = (uint32_t)long_pdpt | PTE_PRESENT | PTE_WRITE;
    return long_mode_enter(code, argument);
}
