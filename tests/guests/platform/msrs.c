/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/platform/platform.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/check.h"
#include "tests/guests/lib/clock.h"
#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/trap.h"

#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))

#define NON_CANONICAL 0x0000800000000000ull

/* Written and read back. */
static const struct kept {
    const char *name;
    uint32_t msr;
    uint64_t value;
} kept[] = {
    {"msr.sysenter_cs", MSR_SYSENTER_CS, 0x1234},
    {"msr.sysenter_esp", MSR_SYSENTER_ESP, 0x87654321},
    {"msr.sysenter_eip", MSR_SYSENTER_EIP, 0x12345678},
    {"msr.pat", MSR_PAT, 0x0007010600070106ull},
    {"msr.star", MSR_STAR, 0x0023001012345678ull},
    {"msr.lstar", MSR_LSTAR, 0xFFFF812345678000ull},
    {"msr.cstar", MSR_CSTAR, 0xFFFF876543210000ull},
    {"msr.fmask", MSR_FMASK, 0x47700},
    {"msr.kernel_gs_base", MSR_KERNEL_GS_BASE, 0x00007ABC12345678ull},
};

/* Readable in a guest, whatever the processor below. */
static const struct readable {
    const char *name;
    uint32_t msr;
} readable[] = {
    {"msr.read_tsc", MSR_TSC},
    {"msr.read_apic_base", MSR_APIC_BASE},
    {"msr.read_feature_control", MSR_FEATURE_CONTROL},
    {"msr.read_tsc_adjust", MSR_TSC_ADJUST},
    {"msr.read_ucode", MSR_UCODE_REV},
    {"msr.read_misc_enable", MSR_MISC_ENABLE},
    {"msr.read_efer", MSR_EFER},
    {"msr.read_deadline", MSR_TSC_DEADLINE},
};

static const struct refused {
    const char *name;
    uint32_t msr;
} refused[] = {
    {"msr.gp_vmx_basic", 0x480},
    {"msr.gp_vmx_misc", 0x485},
    {"msr.gp_pmc0", 0xC1},
    {"msr.gp_perf_global", 0x38F},
    {"msr.gp_smm", 0x9B},
    {"msr.gp_rapl", 0x606},
    {"msr.gp_rtit", 0x570},
    {"msr.gp_xss", 0xDA0},
    {"msr.gp_vm_hsave", 0xC0010117},
    {"msr.gp_unknown", 0x12345678},
    {"msr.gp_between", 0x00002000},
    {"msr.gp_high", 0xC0002000},
    {"msr.gp_hypervisor", 0x40000000},
    {"msr.gp_last", 0xFFFFFFFF},
};

static const struct bad_write {
    const char *name;
    uint32_t msr;
    uint64_t value;
} bad_writes[] = {
    {"msr.gp_lstar_canonical", MSR_LSTAR, NON_CANONICAL},
    {"msr.gp_cstar_canonical", MSR_CSTAR, NON_CANONICAL},
    {"msr.gp_kernel_gs_canonical", MSR_KERNEL_GS_BASE, NON_CANONICAL},
    {"msr.gp_sysenter_canonical", MSR_SYSENTER_EIP, NON_CANONICAL},
    {"msr.gp_fs_canonical", MSR_FS_BASE, NON_CANONICAL},
    {"msr.gp_efer_reserved", MSR_EFER, 1ull << 9},
    {"msr.gp_pat_type", MSR_PAT, 2},
    {"msr.gp_apic_base_reserved", MSR_APIC_BASE, 0xFEE00900u | 1u},
    {"msr.gp_apic_base_x2_only", MSR_APIC_BASE, 0xFEE00500u},
    {"msr.gp_feature_control", MSR_FEATURE_CONTROL, 5},
    {"msr.gp_fmask_high", MSR_FMASK, 1ull << 32},
};

static void check_kept(void)
{
    for (uint32_t i = 0; i < COUNT(kept); i++) {
        uint64_t before, after = 0;
        uint32_t caught = trap_rdmsr(kept[i].msr, &before);

        if (caught == TRAP_NONE)
            caught = trap_wrmsr(kept[i].msr, kept[i].value);
        if (caught == TRAP_NONE)
            caught = trap_rdmsr(kept[i].msr, &after);
        if (caught != TRAP_NONE)
            check_failed(kept[i].name, "exception %u", caught);
        else
            check_equal(kept[i].name, after, kept[i].value);
        trap_wrmsr(kept[i].msr, before);
    }
}

static void check_refused(void)
{
    uint64_t value;

    for (uint32_t i = 0; i < COUNT(refused); i++) {
        uint32_t caught = trap_rdmsr(refused[i].msr, &value);

        check(caught == TRAP_GP && trap_error == 0 &&
                  trap_wrmsr(refused[i].msr, 0) == TRAP_GP,
              refused[i].name);
    }
}

static void tsc_adjust(void)
{
    uint64_t before = rdmsr(MSR_TSC_ADJUST), start = rdtsc(), after;

    wrmsr(MSR_TSC_ADJUST, before + 0x4000000000ull);
    after = rdtsc();
    wrmsr(MSR_TSC_ADJUST, before);
    check(after - start >= 0x4000000000ull && after - start < 0x4100000000ull,
          "msr.tsc_adjust");
    check(rdtsc() - start < 0x100000000ull, "msr.tsc_adjust_back");
    check(rdmsr(MSR_TSC) - rdtsc() + 0x40000000ull < 0x80000000ull,
          "msr.tsc_is_rdtsc");
}

void platform_msr(void)
{
    check_kept();
    if (!machine_hosted())
        return;
    for (uint32_t i = 0; i < COUNT(readable); i++) {
        uint64_t value;

        check_equal(readable[i].name, trap_rdmsr(readable[i].msr, &value),
                    TRAP_NONE);
    }
    check_refused();
    for (uint32_t i = 0; i < COUNT(bad_writes); i++) {
        check_equal(bad_writes[i].name,
                    trap_wrmsr(bad_writes[i].msr, bad_writes[i].value),
                    TRAP_GP);
    }
    check_equal("msr.ucode_write", trap_wrmsr(MSR_UCODE_REV, 0), TRAP_NONE);
    check_equal("msr.apic_base", rdmsr(MSR_APIC_BASE), 0xFEE00900u);
    check_equal("msr.feature_control", rdmsr(MSR_FEATURE_CONTROL) & 1, 1);
    tsc_adjust();
}
