/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest for the tests of exit handlers: RAM, a backend that only keeps what
 * it is told, and stubs for what lies outside of the VM. */
#ifndef TESTS_UNIT_EXIT_RIG_H
#define TESTS_UNIT_EXIT_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/msr.h"
#include "kernel/console.h"
#include "kernel/errno.h"
#include "vmm/exit_parts.h"
#include "vmm/msr.h"
#include "vmm/outside.h"
#include "vmm/vmm.h"

#define RAM_SIZE 0x10000u
#define KEPT_MAX 32

static struct rig {
    struct guest guest;
    struct vm vm;
    struct vm_config config;
    uint8_t ram[RAM_SIZE];

    /* the vCPU, as the backend keeps it */
    uint64_t rip, rsp, rflags, cr[5], efer, pdpte[4];
    struct x86_segment segment[SEG_COUNT];
    uint32_t kept_msr[KEPT_MAX];
    uint64_t kept[KEPT_MAX];
    unsigned kept_count;
    bool x2apic;
    uint64_t tsc_offset, eoi_wanted[4];
    uint8_t exit_length;

    /* the exit */
    struct exit_io io;
    struct exit_cr access;
    struct exit_stage2 stage2;
    struct exit_exception exception;
    uint16_t apic_offset;

    /* what reached the outside */
    char sent[256];
    unsigned sent_count;
    const char *typed;
    bool break_waits, nmi_waits;
    bool off, reset, snapshot;
    unsigned beats, beats_told;
    uint32_t beat;
    unsigned faults, writes;
    enum fault_kind fault;
    bool fault_has_address;
    uint64_t fault_address;
} rig;

static struct vcpu *const vcpu = &rig.guest.vcpu[0];
static uint64_t *const gpr = rig.guest.vcpu[0].arch.gpr;

uint64_t tsc_per_ms = 1000000;

/* ---- guest memory ---- */

bool guest_has_page(const struct guest *guest, uint64_t gpa)
{
    assert_ptr_equal(guest, &rig.guest);
    return gpa < RAM_SIZE;
}

static bool is_ram(uint64_t gpa, uint64_t size)
{
    return size <= RAM_SIZE && gpa <= RAM_SIZE - size;
}

int guest_read(const struct guest *guest, uint64_t gpa, void *data,
               uint64_t size)
{
    assert_ptr_equal(guest, &rig.guest);
    if (!is_ram(gpa, size))
        return -EFAULT;
    memcpy(data, rig.ram + gpa, size);
    return 0;
}

int guest_write(struct guest *guest, uint64_t gpa, const void *data,
                uint64_t size)
{
    assert_ptr_equal(guest, &rig.guest);
    rig.writes++;
    if (!is_ram(gpa, size))
        return -EFAULT;
    memcpy(rig.ram + gpa, data, size);
    return 0;
}

/* ---- outside ---- */

void outside_put(struct guest *guest, uint8_t c)
{
    (void)guest;
    rig.sent[rig.sent_count++ % (sizeof(rig.sent) - 1)] = (char)c;
}

bool outside_get(struct guest *guest, uint8_t *c)
{
    (void)guest;
    if (!rig.typed || !*rig.typed)
        return false;
    *c = (uint8_t)*rig.typed++;
    return true;
}

static bool take_flag(bool *flag)
{
    bool was = *flag;

    *flag = false;
    return was;
}

bool outside_break(struct guest *guest)
{
    (void)guest;
    return take_flag(&rig.break_waits);
}

bool outside_nmi(struct guest *guest)
{
    (void)guest;
    return take_flag(&rig.nmi_waits);
}

bool console_guest_has_input(uint16_t vm)
{
    (void)vm;
    return (rig.typed && *rig.typed) || rig.break_waits || rig.nmi_waits;
}

void outside_power_off(struct guest *guest)
{
    (void)guest;
    rig.off = true;
}

void outside_reset(struct guest *guest)
{
    (void)guest;
    rig.reset = true;
}

void outside_snapshot(struct guest *guest)
{
    (void)guest;
    rig.snapshot = true;
}

void outside_heartbeat(struct guest *guest, uint32_t number, bool tell)
{
    (void)guest;
    rig.beat = number;
    rig.beats++;
    rig.beats_told += tell;
}

uint64_t vmm_wall_seconds(void)
{
    return 1700000000;
}

enum exit_result vcpu_fault(struct guest *guest, struct vcpu *of,
                            enum fault_kind kind, bool has_address,
                            uint64_t address, uint64_t detail)
{
    assert_ptr_equal(guest, &rig.guest);
    assert_ptr_equal(of, vcpu);
    (void)detail;
    rig.faults++;
    rig.fault = kind;
    rig.fault_has_address = has_address;
    rig.fault_address = address;
    return EXIT_STOP;
}

/* ---- the backend ---- */

static void fake_exit_io(struct arch_vcpu *arch, struct exit_io *io)
{
    (void)arch;
    *io = rig.io;
}

static struct exit_cr fake_exit_cr(struct arch_vcpu *arch)
{
    (void)arch;
    return rig.access;
}

static struct exit_stage2 fake_exit_stage2(struct arch_vcpu *arch)
{
    (void)arch;
    return rig.stage2;
}

static struct exit_exception fake_exit_exception(struct arch_vcpu *arch)
{
    (void)arch;
    return rig.exception;
}

static uint16_t fake_exit_apic_offset(struct arch_vcpu *arch)
{
    (void)arch;
    return rig.apic_offset;
}

static void fake_set_exit_length(struct arch_vcpu *arch, uint8_t length)
{
    (void)arch;
    rig.exit_length = length;
}

static void fake_want_eoi(struct arch_vcpu *arch, const uint64_t vectors[4])
{
    (void)arch;
    memcpy(rig.eoi_wanted, vectors, sizeof(rig.eoi_wanted));
}

static void fake_set_x2apic(struct arch_vcpu *arch, bool on)
{
    (void)arch;
    rig.x2apic = on;
}

static void fake_set_tsc_offset(struct arch_vcpu *arch, uint64_t offset)
{
    (void)arch;
    rig.tsc_offset = offset;
}

static uint64_t fake_rip(struct arch_vcpu *arch)
{
    (void)arch;
    return rig.rip;
}

static uint64_t fake_rsp(struct arch_vcpu *arch)
{
    (void)arch;
    return rig.rsp;
}

static void fake_set_rsp(struct arch_vcpu *arch, uint64_t value)
{
    (void)arch;
    rig.rsp = value;
}

static uint64_t fake_rflags(struct arch_vcpu *arch)
{
    (void)arch;
    return rig.rflags;
}

static void fake_set_rflags(struct arch_vcpu *arch, uint64_t value)
{
    (void)arch;
    rig.rflags = value;
}

static uint64_t fake_cr(struct arch_vcpu *arch, unsigned number)
{
    (void)arch;
    assert_true(number == 0 || number == 3 || number == 4);
    return rig.cr[number];
}

static void fake_set_cr(struct arch_vcpu *arch, unsigned number, uint64_t value)
{
    (void)arch;
    assert_true(number == 0 || (number >= 2 && number <= 4));
    rig.cr[number] = value;
}

static void fake_set_pdptes(struct arch_vcpu *arch, const uint64_t pdpte[4])
{
    (void)arch;
    memcpy(rig.pdpte, pdpte, sizeof(rig.pdpte));
}

static uint64_t fake_efer(struct arch_vcpu *arch)
{
    (void)arch;
    return rig.efer;
}

static void fake_set_efer(struct arch_vcpu *arch, uint64_t value)
{
    (void)arch;
    rig.efer = value;
}

static void fake_segment(struct arch_vcpu *arch, enum segment_index index,
                         struct x86_segment *out)
{
    (void)arch;
    assert_in_range(index, 0, SEG_COUNT - 1);
    *out = rig.segment[index];
}

static bool is_kept(uint32_t msr)
{
    return msr == MSR_FS_BASE || msr == MSR_GS_BASE ||
           msr == MSR_KERNEL_GS_BASE || msr == MSR_PAT || msr == MSR_DEBUGCTL ||
           msr == MSR_TSC_AUX || (msr >= MSR_STAR && msr <= MSR_FMASK) ||
           (msr >= MSR_SYSENTER_CS && msr <= MSR_SYSENTER_EIP);
}

static uint64_t *kept_of(uint32_t msr)
{
    for (unsigned i = 0; i < rig.kept_count; i++) {
        if (rig.kept_msr[i] == msr)
            return &rig.kept[i];
    }
    assert_true(rig.kept_count < KEPT_MAX);
    rig.kept_msr[rig.kept_count] = msr;
    return &rig.kept[rig.kept_count++];
}

static int fake_msr(struct arch_vcpu *arch, uint32_t msr, uint64_t *value)
{
    (void)arch;
    if (!is_kept(msr))
        return -ENODEV;
    *value = *kept_of(msr);
    return 0;
}

static int fake_set_msr(struct arch_vcpu *arch, uint32_t msr, uint64_t value)
{
    (void)arch;
    if (!is_kept(msr))
        return -ENODEV;
    *kept_of(msr) = value;
    return 0;
}

static const struct cpu_backend fake_backend = {
    .name = "fake",
    .exit_io = fake_exit_io,
    .exit_cr = fake_exit_cr,
    .exit_stage2 = fake_exit_stage2,
    .exit_exception = fake_exit_exception,
    .exit_apic_offset = fake_exit_apic_offset,
    .set_exit_length = fake_set_exit_length,
    .want_eoi = fake_want_eoi,
    .set_x2apic = fake_set_x2apic,
    .set_tsc_offset = fake_set_tsc_offset,
    .rip = fake_rip,
    .rsp = fake_rsp,
    .set_rsp = fake_set_rsp,
    .rflags = fake_rflags,
    .set_rflags = fake_set_rflags,
    .cr = fake_cr,
    .set_cr = fake_set_cr,
    .set_pdptes = fake_set_pdptes,
    .efer = fake_efer,
    .set_efer = fake_set_efer,
    .segment = fake_segment,
    .msr = fake_msr,
    .set_msr = fake_set_msr,
};
const struct cpu_backend *cpu = &fake_backend;

/* ---- set-up ---- */

#define CODE_16 0x009bu
#define CODE_32 0xc09bu
#define CODE_64 0xa09bu
#define DATA    0xc093u

static void rig_segments(uint32_t code)
{
    for (unsigned i = 0; i < SEG_COUNT; i++)
        rig.segment[i] =
            (struct x86_segment){.limit = code == CODE_16 ? 0xffff : UINT32_MAX,
                                 .access = code == CODE_16 ? 0x93 : DATA};
    rig.segment[SEG_CS].access = code;
    rig.segment[SEG_TR].access = 0x8b;
}

/* A vCPU in 32-bit protected mode, without paging, in xAPIC mode. */
static void rig_reset(void)
{
    static const struct rig empty;

    rig = empty;
    rig.guest.vm = &rig.vm;
    rig.vm.config = &rig.config;
    rig.config.snapshot = SNAPSHOT_MANUAL;
    rig.guest.memory = rig.guest.top = RAM_SIZE;
    rig.guest.cpuid.cr4 = 0x3107ff;
    rig.guest.cpuid.long_mode = rig.guest.cpuid.nx = true;
    rig.cr[0] = CR0_PE | CR0_ET | CR0_NE;
    rig.rflags = RFLAGS_FIXED;
    rig_segments(CODE_32);
    msr_reset(&vcpu->msrs);
    lapic_reset(&vcpu->lapic, 0, false, 1);
    uart_reset(&rig.guest.platform.uart);
    ioapic_reset(&rig.guest.platform.ioapic);
    cmos_reset(&rig.guest.platform.cmos, RAM_SIZE, 0);
    power_reset(&rig.guest.platform.power);
}

/* 64-bit mode; the first 2 MiB are mapped one to one by tables at 0x8000. */
static inline void rig_long_mode(void)
{
    static const uint64_t tables[][2] = {
        {0x8000, 0x9007}, {0x9000, 0xa007}, {0xa000, 0x87}};

    for (unsigned i = 0; i < 3; i++)
        memcpy(rig.ram + tables[i][0], &tables[i][1], 8);
    rig.cr[0] |= CR0_PG | CR0_WP;
    rig.cr[3] = 0x8000;
    rig.cr[4] = CR4_PAE;
    rig.efer = EFER_LME | EFER_LMA | EFER_NXE;
    rig_segments(CODE_64);
}

static inline int rig_setup(void **state)
{
    (void)state;
    rig_reset();
    return 0;
}

/* The event that the next entry delivers. */
static inline void expect_event(uint8_t vector, bool has_error, uint32_t error)
{
    const struct x86_event *event = &vcpu->arch.event;

    assert_true(event->valid);
    assert_int_equal(event->type, EVENT_EXCEPTION);
    assert_int_equal(event->vector, vector);
    assert_int_equal(event->has_error, has_error);
    assert_int_equal(event->error_code, error);
}

/* The exit raised #GP(0); real mode has no error codes. */
static inline void expect_gp(enum exit_result result)
{
    assert_int_equal(result, EXIT_RESUME);
    expect_event(VECTOR_GP, rig.cr[0] & CR0_PE, 0);
    vcpu->arch.event.valid = false;
}

static inline void expect_fault(enum exit_result result, enum fault_kind kind,
                                uint64_t address)
{
    assert_int_equal(result, EXIT_STOP);
    assert_int_equal(rig.faults, 1);
    assert_int_equal(rig.fault, kind);
    assert_int_equal(rig.fault_address, address);
    assert_false(vcpu->arch.event.valid);
    rig.faults = 0;
}

/* A small generator, the same in every run. */
static inline uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

#endif
