/* sources: */
/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest's processor is set to, whatever the guest wants; and the tail
 * of an exit. Much of it cannot be seen on an emulator: Bochs has no caches,
 * raises no machine check, and ends a storm of #DB or #AC by itself. */
#include "tests/unit/vmcs_rig.h"

#include "arch/x86_64/msr.h"
#include "kernel/errno.h"

#include "arch/x86_64/vmx/control.c"
#include "arch/x86_64/vmx/controls.c"
#include "arch/x86_64/vmx/registers.c"
#include "arch/x86_64/vmx/tail.c"

bool vmx_canonical(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

#define SHADOWS (SHADOW_STI | SHADOW_MOV_SS | SHADOW_NMI)
#define BS      (1u << 14)
#define BTF     2u

/* CVE-2015-8104, CVE-2015-5307; and a machine check is the core's. */
static void test_exceptions(void **state)
{
    (void)state;
    vmx_write_controls(&rig_vcpu, 0);
    assert_int_equal(vmcs_read(VMCS_EXCEPTION_BITMAP),
                     1u << VECTOR_DB | 1u << VECTOR_AC | 1u << VECTOR_MC);
}

/* Every instruction of SGX is an exit, where there are any. */
static void test_enclaves(void **state)
{
    (void)state;
    vmx_write_controls(&rig_vcpu, 0);
    assert_int_equal(vmcs_read(VMCS_ENCLS_BITMAP), 0);
    vmx_caps.word[VMX_PROC2] = PROC2_ENCLS_EXIT;
    vmx_write_controls(&rig_vcpu, 0);
    assert_int_equal(vmcs_read(VMCS_ENCLS_BITMAP), UINT64_MAX);
}

/* The guest reads what it wrote; the processor goes on caching. */
static void test_cr0(void **state)
{
    static const uint64_t values[] = {0, CR0_CD, CR0_CD | CR0_NW,
                                      CR0_PE | CR0_PG | CR0_CD | CR0_NW,
                                      CR0_PE | CR0_WP | CR0_AM | CR0_TS};

    (void)state;
    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        uint64_t real;

        vmx_set_cr(&rig_vcpu, 0, values[i]);
        real = vmcs_read(VMCS_GUEST_CR0);
        assert_int_equal(vmx_cr(&rig_vcpu, 0), values[i] | CR0_ET);
        assert_int_equal(real & (CR0_CD | CR0_NW), 0);
        assert_int_equal(real & (CR0_NE | CR0_ET), CR0_NE | CR0_ET);
        assert_int_equal((real ^ values[i]) & (CR0_PE | CR0_PG | CR0_GUEST), 0);
    }
    assert_int_equal(vmx_cr0_owned() & (CR0_CD | CR0_NW | CR0_NE),
                     CR0_CD | CR0_NW | CR0_NE);
}

/* A machine check that meets CR4.MCE = 0 shuts the machine down. */
static void test_cr4(void **state)
{
    static const uint64_t values[] = {0, CR4_PAE, CR4_MCE | CR4_PAE | CR4_PGE,
                                      CR4_SMXE | CR4_PKE};

    (void)state;
    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        uint64_t real;

        vmx_set_cr(&rig_vcpu, 4, values[i]);
        real = vmcs_read(VMCS_GUEST_CR4);
        assert_int_equal(vmx_cr(&rig_vcpu, 4), values[i]);
        assert_int_equal(real & (CR4_MCE | CR4_VMXE), CR4_MCE | CR4_VMXE);
        assert_int_equal(real & (CR4_SMXE | CR4_PKE), 0);
        assert_int_equal((real ^ values[i]) & (CR4_PAE | CR4_PGE), 0);
    }
    assert_int_equal(vmx_cr4_owned() & (CR4_MCE | CR4_VMXE | CR4_SMXE),
                     CR4_MCE | CR4_VMXE | CR4_SMXE);
}

/* What the next entry would be refused for, or WRMSR here would fault on. */
static void test_msrs(void **state)
{
    static const uint32_t addresses[] = {
        MSR_FS_BASE, MSR_GS_BASE,      MSR_KERNEL_GS_BASE, MSR_LSTAR,
        MSR_CSTAR,   MSR_SYSENTER_ESP, MSR_SYSENTER_EIP};

    (void)state;
    for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        assert_int_equal(vmx_set_msr(&rig_vcpu, addresses[i], 1ull << 47),
                         -EINVAL);
        assert_int_equal(vmx_set_msr(&rig_vcpu, addresses[i], 1ull << 46), 0);
    }
    assert_int_equal(vmx_set_msr(&rig_vcpu, MSR_FMASK, 1ull << 32), -EINVAL);
    assert_int_equal(vmx_set_msr(&rig_vcpu, MSR_PAT, 0x0007040600070402),
                     -EINVAL);
    assert_int_equal(vmx_set_msr(&rig_vcpu, MSR_PAT, 0x0007040600070406), 0);
    for (unsigned bit = 0; bit < 64; bit++) {
        assert_int_equal(vmx_set_msr(&rig_vcpu, MSR_DEBUGCTL, 1ull << bit),
                         bit == 1 ? 0 : -EINVAL);
    }
    assert_int_equal(vmcs_read(VMCS_GUEST_DEBUGCTL), BTF);
    assert_int_equal(vmx_set_msr(&rig_vcpu, MSR_TSC, 0), -ENODEV);
}

static void expect_advance(uint64_t from, unsigned length, uint64_t to)
{
    rig_vcpu.rip = from;
    vmcs_write(VMCS_EXIT_LENGTH, length);
    rig_vmx()->known = KNOWN_RIP;
    vmx_advance(&rig_vcpu);
    assert_int_equal(rig_vcpu.rip, to);
    assert_int_equal(vmcs_read(VMCS_GUEST_RIP), to);
}

static void test_advance(void **state)
{
    (void)state;
    vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, SHADOWS);
    expect_advance(0x1000, 3, 0x1003);
    assert_int_equal(vmcs_read(VMCS_GUEST_INTERRUPTIBILITY), SHADOW_NMI);
    assert_int_equal(vmcs_read(VMCS_GUEST_PENDING_DEBUG), 0);
    expect_advance(0xfffffffe, 2, 0x100000000);
    vmcs_write(VMCS_GUEST_ACCESS + 2 * SEG_CS, 0xc09b); /* 32-bit code */
    expect_advance(0xfffffffe, 2, 0);
}

/* The trap that the skipped instruction would have ended in. */
static void test_step(void **state)
{
    (void)state;
    vmcs_write(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_TF);
    vmcs_write(VMCS_GUEST_PENDING_DEBUG, 1);
    expect_advance(0x1000, 2, 0x1002);
    assert_int_equal(vmcs_read(VMCS_GUEST_PENDING_DEBUG), BS | 1);
    vmcs_write(VMCS_GUEST_PENDING_DEBUG, 0);
    vmcs_write(VMCS_GUEST_DEBUGCTL, BTF);
    expect_advance(0x1000, 2, 0x1002);
    assert_int_equal(vmcs_read(VMCS_GUEST_PENDING_DEBUG), 0);
}

/* An interrupt or an NMI that is injected would swallow a pending trap. */
static void test_what_can_be_delivered(void **state)
{
    static const struct {
        uint64_t rflags, shadow, pending;
        bool interrupt, nmi;
    } rows[] = {
        {RFLAGS_IF, 0, 0, true, true},
        {0, 0, 0, false, true},
        {RFLAGS_IF, SHADOW_STI, 0, false, false},
        {RFLAGS_IF, SHADOW_MOV_SS, 0, false, false},
        {RFLAGS_IF, SHADOW_NMI, 0, true, false},
        {RFLAGS_IF, 0, BS, false, false},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        vmcs_write(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | rows[i].rflags);
        vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, rows[i].shadow);
        vmcs_write(VMCS_GUEST_PENDING_DEBUG, rows[i].pending);
        rig_vmx()->known = 0;
        assert_int_equal(vmx_can_interrupt(&rig_vcpu), rows[i].interrupt);
        assert_int_equal(vmx_can_nmi(&rig_vcpu), rows[i].nmi);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, rig_reset)
    const struct CMUnitTest tests[] = {
        TEST(test_exceptions), TEST(test_enclaves),
        TEST(test_cr0),        TEST(test_cr4),
        TEST(test_msrs),       TEST(test_advance),
        TEST(test_step),       TEST(test_what_can_be_delivered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
