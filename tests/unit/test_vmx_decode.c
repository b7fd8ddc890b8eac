/* sources: arch/x86_64/vmx/event.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* From exit reasons to what vmm is told, and what an exit interrupted. */
#include "tests/unit/vmcs_rig.h"

#include "arch/x86_64/vmx/serve.c"
#include "arch/x86_64/vmx/decode.c"
#include "arch/x86_64/vmx/exit.c"

static unsigned machine_checks, interrupts, drained;

uint64_t vmx_rip(struct arch_vcpu *of)
{
    return of->rip;
}

uint64_t vmx_rflags(struct arch_vcpu *of)
{
    return rflags_of(vmx_of(of));
}

uint32_t vmx_interruptibility(struct vmx_vcpu *vmx)
{
    return shadow_of(vmx);
}

void vmx_set_interruptibility(struct vmx_vcpu *vmx, uint32_t value)
{
    vmx->interruptibility = value;
    vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, value);
}

void vmx_vmcs_relaunch(struct vmx_vcpu *vmx)
{
    vmx->entry.launched = 0;
}

void vmx_log_drain(struct vmx_vcpu *vmx)
{
    (void)vmx;
    drained++;
}

void mca_guest_exit(uint64_t rip)
{
    (void)rip;
    machine_checks++;
}

void interrupt_dispatch(uint8_t vector)
{
    (void)vector;
    interrupts++;
}

bool ept_note_write(struct stage2 *s2, uint64_t gpa)
{
    (void)s2;
    (void)gpa;
    return true;
}

bool ept_large_fetch(struct stage2 *s2, uint64_t gpa)
{
    (void)s2;
    (void)gpa;
    return true;
}

#define VALID     EVENT_INFO_VALID
#define EXCEPTION (VALID | EVENT_EXCEPTION << 8)
#define BS        (1ull << 14)

static enum exit_kind leave(uint32_t reason)
{
    vmx_attend_exit(rig_vmx());
    vmcs_write(VMCS_EXIT_REASON, reason);
    return vmx_decode(&rig_vcpu, UINT64_MAX);
}

/* By SDM vol. 3, table C-1: all that a guest can cause, and what is not of
 * this list is unknown, never resumed. */
static void test_every_reason(void **state)
{
    static const uint8_t kinds[80] = {
        [2] = EXIT_TRIPLE,
        [3] = EXIT_INIT,
        [4] = EXIT_SIPI,
        [7] = EXIT_WINDOW,
        [8] = EXIT_NMI_WINDOW,
        [9] = EXIT_TASK_SWITCH,
        [10] = EXIT_CPUID,
        [11] = EXIT_UNDEFINED,
        [12] = EXIT_HLT,
        [13] = EXIT_INVD,
        [14] = EXIT_INVLPG,
        [15] = EXIT_RDPMC,
        [16] = EXIT_RDTSC,
        [17] = EXIT_UNDEFINED,
        [18] = EXIT_CALL,
        [19 ... 27] = EXIT_UNDEFINED,
        [28] = EXIT_CR,
        [29] = EXIT_DR,
        [30] = EXIT_IO,
        [31] = EXIT_RDMSR,
        [32] = EXIT_WRMSR,
        [36] = EXIT_MWAIT,
        [39] = EXIT_MONITOR,
        [40] = EXIT_PAUSE,
        [43] = EXIT_WINDOW,
        [45] = EXIT_APIC_EOI,
        [48] = EXIT_STAGE2,
        [49] = EXIT_MISCONFIG,
        [50] = EXIT_UNDEFINED,
        [51] = EXIT_RDTSC,
        [53] = EXIT_UNDEFINED,
        [54] = EXIT_WBINVD,
        [55] = EXIT_XSETBV,
        [56] = EXIT_APIC_WRITE,
        [59 ... 60] = EXIT_UNDEFINED,
        [67 ... 68] = EXIT_UNDEFINED,
    };

    (void)state;
    for (unsigned reason = 2; reason < 80; reason++) {
        if (reason == 52 || reason == 62) {
            continue; /* the timer and the log: below */
        }
        assert_int_equal(leave(reason),
                         kinds[reason] ? kinds[reason] : EXIT_UNKNOWN);
        assert_int_equal(rig_vcpu.exit_reason, reason);
        assert_false(rig_vcpu.event.valid);
    }
    assert_int_equal(leave(0xffff), EXIT_UNKNOWN);
    assert_int_equal(leave(52), EXIT_NONE); /* far from the deadline */
    assert_int_equal(leave(62), EXIT_NONE);
    assert_int_equal(drained, 1);
    vmcs_write(VMCS_EXIT_EVENT, VALID | 0x31);
    assert_int_equal(leave(1), EXIT_INTERRUPT);
    assert_int_equal(interrupts, 1);
}

/* DR6, DR7.GD and DEBUGCTL as if the exception had been delivered. */
static void test_debug(void **state)
{
    (void)state;
    vmcs_write(VMCS_EXIT_EVENT, EXCEPTION | VECTOR_DB);
    vmcs_write(VMCS_EXIT_QUALIFICATION, 0x6003);
    vmcs_write(VMCS_GUEST_DR7, 0x2400);
    vmcs_write(VMCS_GUEST_DEBUGCTL, 2);
    assert_int_equal(leave(0), EXIT_EXCEPTION);
    assert_int_equal(rig_dr6, 0xffff6ff3);
    assert_int_equal(vmcs_read(VMCS_GUEST_DR7), 0x400);
    assert_int_equal(vmcs_read(VMCS_GUEST_DEBUGCTL), 0);
    assert_int_equal(vmcs_read(VMCS_GUEST_PENDING_DEBUG), 0);
}

/* Or the next entry would be refused (SDM vol. 3, 26.3.1.5). */
static void test_debug_in_a_shadow(void **state)
{
    (void)state;
    for (unsigned shadow = 0; shadow < 4; shadow++) {
        for (unsigned tf = 0; tf < 2; tf++) {
            rig_reset(NULL);
            vmcs_write(VMCS_EXIT_EVENT, EXCEPTION | VECTOR_DB);
            vmcs_write(VMCS_EXIT_QUALIFICATION, BS);
            vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, shadow);
            vmcs_write(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | (tf ? RFLAGS_TF : 0));
            assert_int_equal(leave(0), EXIT_EXCEPTION);
            assert_int_equal(vmcs_read(VMCS_GUEST_PENDING_DEBUG),
                             shadow && tf ? BS : 0);
        }
    }
}

/* An IRET that unblocked NMIs, and faulted. */
static void test_reblock(void **state)
{
    (void)state;
    vmcs_write(VMCS_EXIT_EVENT, EXCEPTION | EVENT_INFO_UNBLOCKED | VECTOR_AC);
    leave(0);
    assert_int_equal(vmcs_read(VMCS_GUEST_INTERRUPTIBILITY), SHADOW_NMI);
    rig_reset(NULL);
    vmcs_write(VMCS_EXIT_QUALIFICATION, EVENT_INFO_UNBLOCKED);
    assert_int_equal(leave(48), EXIT_STAGE2);
    assert_int_equal(vmcs_read(VMCS_GUEST_INTERRUPTIBILITY), SHADOW_NMI);
    rig_reset(NULL); /* undefined while an event was being delivered */
    vmcs_write(VMCS_EXIT_QUALIFICATION, EVENT_INFO_UNBLOCKED);
    vmcs_write(VMCS_VECTORING_EVENT, EXCEPTION | VECTOR_UD);
    leave(48);
    assert_int_equal(vmcs_read(VMCS_GUEST_INTERRUPTIBILITY), 0);
}

/* Each exit that can interrupt a delivery gives the event back. */
static void test_interrupted_delivery(void **state)
{
    static const uint8_t reasons[] = {2, 9, 48, 49, 52, 62};

    (void)state;
    for (unsigned i = 0; i < sizeof(reasons); i++) {
        rig_reset(NULL);
        vmcs_write(VMCS_VECTORING_EVENT,
                   EXCEPTION | EVENT_INFO_ERROR | VECTOR_PF);
        vmcs_write(VMCS_VECTORING_ERROR, 7);
        leave(reasons[i]);
        assert_true(rig_vcpu.event.valid && rig_vcpu.event.has_error);
        assert_int_equal(rig_vcpu.event.vector, VECTOR_PF);
        assert_int_equal(rig_vcpu.event.error_code, 7);
    }
    rig_reset(NULL); /* an NMI would be blocked by its own first try */
    vmcs_write(VMCS_VECTORING_EVENT, VALID | EVENT_NMI << 8 | VECTOR_NMI);
    vmcs_write(VMCS_GUEST_INTERRUPTIBILITY, SHADOW_NMI);
    leave(48);
    assert_int_equal(rig_vcpu.event.type, EVENT_NMI);
    assert_int_equal(vmcs_read(VMCS_GUEST_INTERRUPTIBILITY), 0);
}

static void test_machine_checks(void **state)
{
    (void)state;
    machine_checks = 0;
    vmcs_write(VMCS_EXIT_EVENT, EXCEPTION | VECTOR_MC);
    assert_int_equal(leave(0), EXIT_MCE);
    assert_int_equal(leave(REASON_FAILED | REASON_ENTRY_MCE), EXIT_MCE);
    assert_int_equal(machine_checks, 2);
    assert_int_equal(leave(REASON_FAILED | REASON_GUEST_STATE),
                     EXIT_ENTRY_FAILED);
    rig_vmx()->forge_exit = true;
    assert_int_equal(leave(10), EXIT_MCE);
    assert_int_equal(machine_checks, 3);
    assert_int_equal(leave(10), EXIT_CPUID);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, rig_reset)
    const struct CMUnitTest tests[] = {
        TEST(test_every_reason),         TEST(test_debug),
        TEST(test_debug_in_a_shadow),    TEST(test_reblock),
        TEST(test_interrupted_delivery), TEST(test_machine_checks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
