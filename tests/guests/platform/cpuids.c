/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/platform/platform.h"

#include "tests/guests/lib/check.h"
#include "tests/guests/lib/clock.h"
#include "tests/guests/lib/console.h"
#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/paging.h"

#define LEAF1_MONITOR    (1u << 3)
#define LEAF1_VMX        (1u << 5)
#define LEAF1_XSAVE      (3u << 26 | 1u << 28) /* OSXSAVE and AVX too */
#define LEAF1_HYPERVISOR (1u << 31)

static bool bit(uint32_t word, uint32_t n)
{
    return (word >> n & 1) != 0;
}

static void topology(void)
{
    struct cpuid one = cpuid(1), b = cpuid_count(0xB, 0);
    uint32_t id = one.ebx >> 24;

    check_equal("cpuid.b_apic_id", b.edx, id);
    check_equal("cpuid.b_level0", b.ecx >> 8 & 0xFF, 1);
    check(b.ebx >= 1, "cpuid.b_threads");
    check_equal("cpuid.b_end", cpuid_count(0xB, 2).ecx >> 8 & 0xFF, 0);
    check((cpuid_count(4, 0).eax & 0x1F) != 0, "cpuid.4_first_cache");
    check(!bit(one.edx, 28) || (one.ebx >> 16 & 0xFF) >= 1, "cpuid.1_threads");
}

static void clocks(void)
{
    struct cpuid c = cpuid(0x15);
    uint32_t mhz = cpuid(0x16).eax & 0xFFFF;
    uint32_t khz = clock_tsc_khz();

    check(c.eax != 0 && c.ebx != 0 && c.ecx != 0, "cpuid.15");
    if (khz + 1000 >= mhz * 1000 && khz <= mhz * 1000 + 1000)
        check(true, "cpuid.16_agrees");
    else
        check_failed("cpuid.16_agrees", "%u MHz and %u kHz", mhz, khz);
}

static void shown(void)
{
    struct cpuid one = cpuid(1), host = cpuid(0x40000000u);
    char name[13] = {0};

    *(uint32_t *)(void *)&name[0] = host.ebx;
    *(uint32_t *)(void *)&name[4] = host.ecx;
    *(uint32_t *)(void *)&name[8] = host.edx;
    print("cpuid hypervisor '%s', highest %x\n", name, host.eax);
    check(host.eax >= 0x40000000u && host.ebx != 0, "cpuid.signature");
    check((one.ecx & LEAF1_HYPERVISOR) != 0, "cpuid.hypervisor");
    check(cpuid(0).eax >= 0x16, "cpuid.highest");
    check(bit(one.ecx, 21) && bit(one.ecx, 24), "cpuid.x2apic_deadline");
    check(bit(cpuid(6).eax, 2), "cpuid.arat");
    check(bit(cpuid_count(7, 0).ebx, 1), "cpuid.tsc_adjust");
    check(cpuid(0x80000000u).eax >= 0x80000008u &&
              bit(cpuid(0x80000007u).edx, 8),
          "cpuid.invariant_tsc");
}

static void hidden(void)
{
    struct cpuid one = cpuid(1), seven = cpuid_count(7, 0);

    check((one.ecx & LEAF1_VMX) == 0, "cpuid.no_vmx");
    check((one.ecx & LEAF1_MONITOR) == 0, "cpuid.no_monitor");
    check((one.ecx & LEAF1_XSAVE) == 0, "cpuid.no_xsave");
    check((cpuid(0xA).eax & 0xFF) == 0, "cpuid.no_pmu");
    check(!bit(seven.ebx, 2) && !bit(seven.ebx, 5) && !bit(seven.ebx, 16) &&
              !bit(seven.ebx, 25),
          "cpuid.no_sgx_avx_pt");
    check(!bit(seven.ecx, 5) && !bit(seven.ecx, 16), "cpuid.no_waitpkg_la57");
    check(!bit(seven.edx, 5), "cpuid.no_uintr");
    check_equal("cpuid.no_xsave_leaf", cpuid_count(0xD, 0).eax, 0);
}

static void same_twice(void)
{
    struct cpuid a = cpuid(1), b = cpuid(1);

    check(a.eax == b.eax && a.ebx == b.ebx && a.ecx == b.ecx && a.edx == b.edx,
          "cpuid.stable");
    check(bit(a.edx, 0) && bit(a.edx, 4) && bit(a.edx, 5) && bit(a.edx, 9) &&
              bit(a.edx, 24) && bit(a.edx, 26),
          "cpuid.fpu_tsc_msr_apic_sse2");
    check(long_mode_available(), "cpuid.long_mode");
    cpuid(0x7FFFFFFFu);
    cpuid(0xFFFFFFFFu);
    check(true, "cpuid.absent_leaves");
}

void platform_cpuid(void)
{
    same_twice();
    if (!machine_hosted())
        return;
    topology();
    clocks();
    shown();
    hidden();
}
