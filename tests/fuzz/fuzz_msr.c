/* sources: vmm/apic_*.c vmm/c[apr]*.c vmm/[dempr]*.c vmm/ins*.c vmm/io*.c */
/* sources: vmm/line*.c vmm/op*.c vmm/walk.c vmm/devices/[a-z]*.c */
/* fuzz: -runs=60000 -max_len=160 */
/* SPDX-License-Identifier: BSD-2-Clause */
/* RDMSR and WRMSR of anything: what is accepted reads back as its register
 * says, what is refused changes nothing, and nothing that the processor would
 * not load is ever kept. */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/exit_rig.h"

/* Those that are there, some whose feature is hidden, and neighbours. */
static const uint32_t msrs[] = {MSR_TSC_DEADLINE,
                                MSR_APIC_BASE,
                                MSR_TSC,
                                MSR_TSC_ADJUST,
                                MSR_EFER,
                                MSR_FS_BASE,
                                MSR_GS_BASE,
                                MSR_KERNEL_GS_BASE,
                                MSR_STAR,
                                MSR_LSTAR,
                                MSR_CSTAR,
                                MSR_FMASK,
                                MSR_TSC_AUX,
                                MSR_SYSENTER_CS,
                                MSR_SYSENTER_ESP,
                                MSR_SYSENTER_EIP,
                                MSR_PAT,
                                MSR_MTRRCAP,
                                MSR_MTRR_DEF_TYPE,
                                MSR_DEBUGCTL,
                                MSR_MISC_ENABLE,
                                MSR_UCODE_REV,
                                MSR_FEATURE_CONTROL,
                                MSR_SPEC_CTRL,
                                MSR_PRED_CMD,
                                MSR_ARCH_CAPS,
                                MSR_FLUSH_CMD,
                                MSR_MCG_CAP,
                                MSR_MC0_CTL,
                                MSR_MC0_STATUS,
                                MSR_VMX_BASIC,
                                MSR_MTRR_PHYSBASE0,
                                MSR_XSS,
                                MSR_X2APIC_FIRST};
#define MSRS_THERE 23

static struct rig before;

static bool is_there(uint32_t msr)
{
    bool there = msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST &&
                 lapic_is_x2apic(&before.guest.vcpu[0].lapic);

    for (unsigned i = 0; i < MSRS_THERE; i++)
        there |= msrs[i] == msr;
    return there;
}

static bool is_canonical(uint64_t value)
{
    return value + (1ull << 47) < 1ull << 48;
}

static bool is_pat(uint64_t value)
{
    bool good = true;

    for (unsigned i = 0; i < 64; i += 8) {
        uint8_t type = (uint8_t)(value >> i);

        good &= type <= 1 || (type >= 4 && type <= 7);
    }
    return good;
}

static uint64_t known_efer(void)
{
    return EFER_LMA | (rig.guest.cpuid.long_mode ? EFER_SCE | EFER_LME : 0) |
           (rig.guest.cpuid.nx ? EFER_NXE : 0);
}

/* What the next entry loads. */
static void check_kept(void)
{
    for (unsigned i = 0; i < rig.kept_count; i++) {
        uint64_t value = rig.kept[i];

        switch (rig.kept_msr[i]) {
        case MSR_FS_BASE:
        case MSR_GS_BASE:
        case MSR_KERNEL_GS_BASE:
        case MSR_LSTAR:
        case MSR_CSTAR:
        case MSR_SYSENTER_ESP:
        case MSR_SYSENTER_EIP:
            require(is_canonical(value));
            break;
        case MSR_FMASK:
        case MSR_TSC_AUX:
            require(value >> 32 == 0);
            break;
        case MSR_PAT:
            require(is_pat(value));
            break;
        case MSR_DEBUGCTL: /* BTF, or the next entry is refused */
            require((value & ~2ull) == 0);
            break;
        }
    }
    require((rig.efer & ~known_efer()) == 0);
    require(!(rig.efer & EFER_LMA) == !(before.efer & EFER_LMA));
    require(!(rig.cr[0] & CR0_PG) || !((rig.efer ^ before.efer) & EFER_LME));
    require(rig.x2apic == lapic_is_x2apic(&vcpu->lapic));
    require(rig.tsc_offset == rig.guest.tsc_offset);
    require((vcpu->msrs.mtrr_def_type & ~0xcffull) == 0);
    require(rig.faults == 0 && rig.writes == 0);
}

/* #GP, and all else is as it was. */
static void check_refused(enum exit_result result)
{
    expect_gp(result);
    vcpu->arch.event = before.guest.vcpu[0].arch.event;
    vcpu->look = before.guest.vcpu[0].look;
    require(memcmp(&before.guest, &rig.guest, sizeof(rig.guest)) == 0);
    require(memcmp(before.kept, rig.kept, sizeof(rig.kept)) == 0);
    require(before.efer == rig.efer && before.x2apic == rig.x2apic);
}

/* False: refused. */
static bool read(uint32_t msr, uint64_t *value)
{
    enum exit_result result;

    gpr[GPR_RCX] = 0xabcdull << 32 | msr;
    gpr[GPR_RAX] = gpr[GPR_RDX] = UINT64_MAX;
    before = rig;
    result = exit_handle(&rig.guest, vcpu, EXIT_RDMSR);
    memcpy(&before.guest.vcpu[0].exits, &vcpu->exits, sizeof(vcpu->exits));
    if (result != EXIT_ADVANCE) {
        check_refused(result);
        return false;
    }
    require(is_there(msr));
    require(gpr[GPR_RAX] >> 32 == 0 && gpr[GPR_RDX] >> 32 == 0);
    require(gpr[GPR_RCX] == (0xabcdull << 32 | msr));
    *value = gpr[GPR_RDX] << 32 | gpr[GPR_RAX];
    return true;
}

/* What a register that took this value says of it. */
static void check_back(uint32_t msr, uint64_t value)
{
    uint64_t back;

    if (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST)
        return; /* fuzz_lapic.c */
    require(read(msr, &back));
    switch (msr) {
    case MSR_EFER:
        require(((back ^ value) & ~EFER_LMA) == 0);
        break;
    case MSR_TSC:
        require(back - value < 1ull << 60);
        break;
    case MSR_TSC_DEADLINE:
        require(back == value || back == 0);
        break;
    case MSR_MISC_ENABLE:
    case MSR_UCODE_REV:
        require(back == (msr == MSR_UCODE_REV ? 1ull << 32 : 0x1801));
        break;
    default:
        require(back == value);
        break;
    }
}

static void write(uint32_t msr, uint64_t value)
{
    enum exit_result result;

    gpr[GPR_RCX] = msr;
    gpr[GPR_RAX] = 0xabcdull << 32 | (uint32_t)value;
    gpr[GPR_RDX] = 0xabcdull << 32 | value >> 32;
    before = rig;
    result = exit_handle(&rig.guest, vcpu, EXIT_WRMSR);
    memcpy(&before.guest.vcpu[0].exits, &vcpu->exits, sizeof(vcpu->exits));
    if (result != EXIT_ADVANCE) {
        check_refused(result);
        return;
    }
    require(is_there(msr));
    require(msr != MSR_MTRRCAP && msr != MSR_FEATURE_CONTROL);
    require(vcpu->arch.event.valid == false);
    check_kept();
    check_back(msr, value);
}

/* A number that the register might take; at times it is a small change of
 * what it holds. */
static uint64_t take_value(struct input *in, uint32_t msr)
{
    uint64_t value = take_number(in), old;
    unsigned how = (unsigned)take(in, 1) % 4;

    if (how == 0 && read(msr, &old))
        return old ^ value;
    return how == 1 ? (uint64_t)((int64_t)(value << 16) >> 16) : value;
}

static uint32_t take_msr(struct input *in)
{
    unsigned n = (unsigned)take(in, 1);

    if (n >= 0xf0)
        return (uint32_t)take(in, 4);
    if (n >= 0xe0)
        return msrs[n % MSRS_THERE] + 1;
    if (n >= 0xb0)
        return MSR_X2APIC_FIRST + n % 64;
    return msrs[n % COUNT(msrs)];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    unsigned mode = (unsigned)take(&in, 1);

    rig_reset();
    if (mode & 1)
        rig_long_mode();
    rig.guest.cpuid.long_mode = mode & 1 || mode & 2;
    rig.guest.cpuid.nx = mode & 1 || mode & 4;
    while (in.left) {
        unsigned what = (unsigned)take(&in, 1);
        uint32_t msr = take_msr(&in);
        uint64_t value;

        if (what % 4 == 0)
            read(msr, &value);
        else
            write(msr, take_value(&in, msr));
        check_kept();
    }
    return 0;
}
