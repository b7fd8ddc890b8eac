/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices by memory: I/O APIC and local APIC; and what moves by itself. */
#include "arch/x86_64/cpu.h"
#include "kernel/console.h"
#include "vmm/exit_parts.h"
#include "vmm/outside.h"

#define PAGE 4096ull

static uint64_t page_of(uint64_t gpa)
{
    return gpa & ~(PAGE - 1);
}

/* Both pages, whatever mode the local APIC is in: it cannot be moved, and
 * nothing else lies there. */
bool platform_is_mmio(const struct guest *guest, const struct vcpu *vcpu,
                      uint64_t gpa)
{
    (void)guest;
    (void)vcpu;
    return page_of(gpa) == IOAPIC_BASE || page_of(gpa) == LAPIC_DEFAULT_BASE;
}

static uint64_t low_bytes(uint64_t value, unsigned size)
{
    return size < 8 ? value & ((1ull << 8 * size) - 1) : value;
}

/* A register is the first four of sixteen bytes; the others are undefined
 * (SDM vol. 3, 11.4.1), here 0. In x2APIC mode there is no page. */
static uint64_t read_lapic(struct guest *guest, struct vcpu *vcpu,
                           uint64_t offset, unsigned size)
{
    struct lapic *l = &vcpu->lapic;
    uint64_t shift = offset % 4 * 8, value;

    if (lapic_is_x2apic(l)) {
        return low_bytes(UINT64_MAX, size);
    }
    if (offset % 16 >= 4) {
        return 0;
    }
    offset &= ~3ull;
    if (lapic_read(l, (uint32_t)offset, guest_now(guest, rdtsc()), &value)) {
        return 0;
    }
    vcpu->look |= vcpu_look_after_read(l, (uint32_t)offset);
    return low_bytes(value >> shift, size);
}

static enum exit_result write_lapic(struct guest *guest, struct vcpu *vcpu,
                                    uint64_t gpa, unsigned size, uint64_t value)
{
    struct lapic *l = &vcpu->lapic;
    struct lapic_effect effect;

    if (lapic_is_x2apic(l)) {
        return vcpu_fault(guest, vcpu, FAULT_EPT, true, gpa, 0);
    }
    if (size != 4 || gpa % 16) {
        return EXIT_ADVANCE; /* undefined: ignored */
    }
    if (!lapic_write(l, (uint32_t)(gpa % PAGE), value,
                     guest_now(guest, rdtsc()), &effect)) {
        platform_apic_effect(guest, vcpu, &effect);
    }
    return EXIT_ADVANCE;
}

uint64_t platform_mmio_read(struct guest *guest, struct vcpu *vcpu,
                            uint64_t gpa, unsigned size)
{
    if (page_of(gpa) == IOAPIC_BASE) {
        return ioapic_read(&guest->platform.ioapic, gpa % PAGE, size);
    }
    return read_lapic(guest, vcpu, gpa % PAGE, size);
}

enum exit_result platform_mmio_write(struct guest *guest, struct vcpu *vcpu,
                                     uint64_t gpa, unsigned size,
                                     uint64_t value)
{
    if (page_of(gpa) != IOAPIC_BASE) {
        return write_lapic(guest, vcpu, gpa, size, value);
    }
    ioapic_write(&guest->platform.ioapic, gpa % PAGE, size, value);
    if (gpa % PAGE == IOAPIC_WIN) {
        platform_eoi_wanted(guest);
        platform_messages(guest);
    }
    return EXIT_ADVANCE;
}

void platform_sync(struct guest *guest)
{
    if (console_guest_has_input(guest->vm->id)) {
        if (outside_nmi(guest)) {
            guest->vcpu[0].arch.nmi_pending = true;
            guest->vcpu[0].look |= LOOK_EVENTS;
        }
        uart_pull(guest);
    }
    /* A level that a local APIC did not accept is offered again. */
    if (guest->platform.ioapic.pins) {
        platform_messages(guest);
    }
}
