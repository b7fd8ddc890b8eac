/* SPDX-License-Identifier: BSD-2-Clause */
/* Every MSR of both ranges, read and written with values that are wrong. */
#include "tests/guests/hostile/hostile.h"

#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/trap.h"

enum how { CANONICAL, LOW, BRANCHES, FREE, CHECKED };

/* All that a guest is promised; any other raises #GP. */
static const struct known {
    uint32_t msr;
    enum how how;
} known[] = {
    {MSR_TSC, FREE},
    {MSR_APIC_BASE, CHECKED},
    {MSR_FEATURE_CONTROL, CHECKED},
    {MSR_TSC_ADJUST, FREE},
    {MSR_UCODE_REV, FREE},
    {0xFE, CHECKED}, /* MTRRCAP */
    {MSR_SYSENTER_CS, FREE},
    {MSR_SYSENTER_ESP, CANONICAL},
    {MSR_SYSENTER_EIP, CANONICAL},
    {MSR_MISC_ENABLE, CHECKED},
    {0x1D9, BRANCHES}, /* DEBUGCTL */
    {MSR_PAT, CHECKED},
    {0x2FF, CHECKED}, /* MTRR_DEF_TYPE */
    {MSR_TSC_DEADLINE, FREE},
    {MSR_EFER, CHECKED},
    {MSR_STAR, FREE},
    {MSR_LSTAR, CANONICAL},
    {MSR_CSTAR, CANONICAL},
    {MSR_FMASK, LOW},
    {MSR_FS_BASE, CANONICAL},
    {MSR_GS_BASE, CANONICAL},
    {MSR_KERNEL_GS_BASE, CANONICAL},
    {MSR_TSC_AUX, LOW},
};

static const struct known *find(uint32_t msr)
{
    for (uint32_t i = 0; i < COUNT(known); i++) {
        if (known[i].msr == msr)
            return &known[i];
    }
    return NULL;
}

static bool is_canonical(uint64_t value)
{
    return (uint64_t)((int64_t)(value << 16) >> 16) == value;
}

static void must_gp(const char *what, uint32_t msr, uint32_t caught)
{
    if (caught != TRAP_GP || trap_error != 0)
        wrong("%s of %x: exception %u, error %x", what, msr, caught,
              trap_error);
}

static void put(const struct known *k, uint64_t value)
{
    uint32_t caught = trap_wrmsr(k->msr, value);
    bool good = k->how == FREE || (k->how == LOW && value >> 32 == 0) ||
                (k->how == CANONICAL && is_canonical(value)) ||
                (k->how == BRANCHES && (value & ~2ull) == 0);

    if (k->how == CHECKED) {
        if (caught != TRAP_NONE && caught != TRAP_GP)
            wrong("exception %u", caught);
        return;
    }
    if (caught != (good ? TRAP_NONE : TRAP_GP))
        wrong("wrmsr %x of %llx: exception %u", k->msr,
              (unsigned long long)value, caught);
    if (good && k->how != FREE && rdmsr(k->msr) != value)
        wrong("rdmsr %x: not %llx", k->msr, (unsigned long long)value);
}

static void spoil(const struct known *k)
{
    uint64_t before = rdmsr(k->msr);

    put(k, 0);
    put(k, ~0ull);
    put(k, NON_CANONICAL);
    put(k, 0xFFFF7FFFFFFFFFFFull);
    put(k, 0x00007FFFFFFFFFFFull);
    for (uint32_t bit = 0; bit < 64; bit++) {
        put(k, 1ull << bit);
        put(k, ~(1ull << bit));
        put(k, before ^ 1ull << bit);
        trap_wrmsr(k->msr, before);
    }
}

static void one(uint32_t msr)
{
    const struct known *k = find(msr);
    uint64_t value;
    uint32_t caught = trap_rdmsr(msr, &value);

    if (k != NULL) {
        if (caught == TRAP_NONE)
            spoil(k);
        else if (msr != MSR_TSC_AUX)
            wrong("rdmsr of %x: exception %u", msr, caught);
        return;
    }
    must_gp("rdmsr", msr, caught);
    must_gp("wrmsr 0", msr, trap_wrmsr(msr, 0));
    must_gp("wrmsr ~0", msr, trap_wrmsr(msr, ~0ull));
    must_gp("wrmsr", msr, trap_wrmsr(msr, 1ull << msr % 64));
}

static void low(void)
{
    uint64_t tsc = rdtsc();

    for (uint32_t msr = 0; msr < 0x2000; msr++)
        one(msr);
    wrmsr(MSR_TSC_ADJUST, 0);
    if (rdtsc() < tsc || rdtsc() - tsc > 1ull << 33)
        wrong("the TSC is lost");
    must("APIC_BASE", rdmsr(MSR_APIC_BASE), 0xFEE00900u);
}

static void high(void)
{
    uint32_t msr = 12345;

    for (uint32_t i = 0; i < 0x2000; i++)
        one(0xC0000000u + i);
    for (uint32_t i = 0; i < 2000; i++) {
        msr = msr * 1664525u + 1013904223u;
        one(msr | 0x4000u);
    }
    for (uint32_t i = 0; i < 0x400; i++) {
        one(0x40000000u + i);
        one(0xC0010000u + i);
        one(0xFFFFFFFFu - i);
    }
    must("EFER", rdmsr(MSR_EFER) & 0xFFF, 0);
}

static const struct deed lows[] = {{"msrs-low", low, NULL}};
static const struct deed highs[] = {{"msrs-high", high, NULL}};

ATTEMPT(msrs_low, lows);
ATTEMPT(msrs_high, highs);
