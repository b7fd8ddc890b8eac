/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/platform/platform.h"

#include "tests/guests/lib/check.h"
#include "tests/guests/lib/clock.h"
#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/trap.h"
#include "tests/guests/lib/util.h"

#define XMM_OFFSET 160u /* in the FXSAVE image; SDM vol. 1, table 10-2 */

static uint8_t before[512] __attribute__((aligned(16)));
static uint8_t after[512] __attribute__((aligned(16)));

static void load_pattern(void)
{
    memset(before, 0, sizeof(before));
    __asm__ volatile("fninit\n\tfxsave %0" : "=m"(before) : : "memory");
    for (uint32_t i = 0; i < 128; i++)
        before[XMM_OFFSET + i] = (uint8_t)(i * 37 + 11);
    for (uint32_t i = 0; i < 128; i++) {
        if (i % 16 < 10)
            before[32 + i] = (uint8_t)(i * 5 + 3);
    }
    before[4] = 0xFF; /* all eight x87 registers in use */
    __asm__ volatile("fxrstor %0" : : "m"(before) : "memory");
}

/* Exits of all kinds, and other guests' turns, must not show in it. */
static void disturb(void)
{
    uint64_t end = clock_after(20);

    while (rdtsc() < end) {
        cpuid(0);
        inb(0x3FF);
    }
}

void platform_fpu(void)
{
    uint32_t cr0 = read_cr0(), bad = 0;

    write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
    write_cr0((cr0 & ~(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE);
    load_pattern();
    disturb();
    __asm__ volatile("fxsave %0" : "=m"(after) : : "memory");
    for (uint32_t i = 0; i < XMM_OFFSET + 128; i++)
        bad += before[i] != after[i];
    check_equal("fpu.kept", bad, 0);
    write_cr0(read_cr0() | CR0_TS);
    check_equal("fpu.nm", TRAP_TRY("fnop", : :), TRAP_NM);
    write_cr0(read_cr0() & ~CR0_TS);
    check_equal("fpu.ts_cleared", TRAP_TRY("fnop", : :), TRAP_NONE);
    __asm__ volatile("clts" : : : "memory");
    write_cr0(cr0);
}
