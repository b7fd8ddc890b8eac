/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/lib/apic.h"

#include "tests/guests/lib/cpu.h"

#define APIC_BASE_X2    (1u << 10)
#define APIC_SVR_ENABLE (1u << 8)
#define DIVIDE_BY_16    3u
#define ICR_SPINS       1000000u

static bool x2;

uint32_t apic_read(uint32_t offset)
{
    if (x2)
        return (uint32_t)rdmsr(X2APIC_MSR + (offset >> 4));
    return mmio_read(LAPIC_BASE + offset);
}

void apic_write(uint32_t offset, uint32_t value)
{
    if (x2)
        wrmsr(X2APIC_MSR + (offset >> 4), value);
    else
        mmio_write(LAPIC_BASE + offset, value);
}

void apic_init(void)
{
    apic_write(APIC_SVR, APIC_SVR_ENABLE | APIC_SPURIOUS);
    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
    apic_write(APIC_LVT_LINT0, APIC_LVT_MASKED);
    apic_write(APIC_LVT_LINT1, APIC_LVT_MASKED);
    apic_write(APIC_TPR, 0);
    apic_write(APIC_DIVIDE, DIVIDE_BY_16);
}

void apic_to_x2(void)
{
    wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_X2);
    x2 = true;
}

void apic_eoi(void)
{
    apic_write(APIC_EOI, 0);
}

bool apic_bit(uint32_t offset, uint32_t vector)
{
    uint32_t word = apic_read(offset + (vector / 32) * 0x10);

    return (word >> (vector % 32) & 1) != 0;
}

uint32_t apic_id(void)
{
    uint32_t id = apic_read(APIC_ID);

    return x2 ? id : id >> 24;
}

void apic_self_ipi(uint32_t vector)
{
    if (x2) {
        wrmsr(X2APIC_SELF_IPI, vector);
        return;
    }
    mmio_write(LAPIC_BASE + APIC_ICR_LOW, APIC_ICR_SELF | vector);
    for (uint32_t i = 0; i < ICR_SPINS; i++) {
        if ((mmio_read(LAPIC_BASE + APIC_ICR_LOW) & APIC_ICR_BUSY) == 0)
            break;
    }
}

void apic_timer(uint32_t vector, uint32_t count, bool periodic)
{
    uint32_t lvt = vector | (periodic ? APIC_LVT_PERIODIC : 0);

    apic_write(APIC_INITIAL, 0);
    apic_write(APIC_LVT_TIMER, count == 0 ? APIC_LVT_MASKED : lvt);
    apic_write(APIC_DIVIDE, DIVIDE_BY_16);
    apic_write(APIC_INITIAL, count);
}

void apic_deadline(uint32_t vector, uint64_t tsc)
{
    apic_write(APIC_LVT_TIMER, APIC_LVT_DEADLINE | vector);
    /* SDM vol. 3, 11.5.4.1: in xAPIC mode the store needs a fence. */
    __asm__ volatile("mfence" : : : "memory");
    wrmsr(MSR_TSC_DEADLINE, tsc);
}

uint32_t ioapic_read(uint32_t index)
{
    mmio_write(IOAPIC_BASE, index);
    return mmio_read(IOAPIC_BASE + 0x10);
}

void ioapic_write(uint32_t index, uint32_t value)
{
    mmio_write(IOAPIC_BASE, index);
    mmio_write(IOAPIC_BASE + 0x10, value);
}

void ioapic_route(uint32_t pin, uint32_t vector)
{
    ioapic_write(IOAPIC_ROUTE + 2 * pin, IOAPIC_MASKED);
    ioapic_write(IOAPIC_ROUTE + 2 * pin + 1, apic_id() << 24);
    if (vector != 0)
        ioapic_write(IOAPIC_ROUTE + 2 * pin, vector);
}
