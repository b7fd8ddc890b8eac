/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86_64/apic.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/interrupt.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/paging.h"
#include "kernel/errno.h"

/* Registers by xAPIC offset (SDM vol. 3, table 11-1). */
#define APIC_ID            0x020
#define APIC_TPR           0x080
#define APIC_EOI           0x0b0
#define APIC_SVR           0x0f0
#define APIC_ICR           0x300
#define APIC_ICR2          0x310
#define APIC_LVT_TIMER     0x320
#define APIC_LVT_LINT0     0x350
#define APIC_TIMER_INITIAL 0x380
#define APIC_TIMER_CURRENT 0x390
#define APIC_TIMER_DIVIDE  0x3e0

#define CPUID_1_EDX_APIC   (1u << 9)
#define SVR_ENABLED        0x100
#define BASE_ENABLED       (1ul << 11)
#define BASE_X2APIC        (1ul << 10)
#define ICR_PENDING        (1u << 12)
#define ICR_INIT           0x4500 /* INIT, level asserted */
#define ICR_STARTUP        0x4600
#define ICR_NMI            0x4400
#define ICR_NMI_OTHERS     0xc4400 /* all excluding self */
#define LVT_MASKED         (1u << 16)
#define LVT_TSC_DEADLINE   (2u << 17)
#define DIVIDE_BY_1        0xb

static bool x2apic, left_on;
static volatile uint32_t *registers;

static uint32_t apic_read(uint32_t offset)
{
    if (x2apic) {
        return (uint32_t)rdmsr(MSR_X2APIC_FIRST + offset / 16);
    }
    return registers[offset / 4];
}

static void apic_write(uint32_t offset, uint32_t value)
{
    if (x2apic) {
        wrmsr(MSR_X2APIC_FIRST + offset / 16, value);
    } else {
        registers[offset / 4] = value;
    }
}

int apic_enable(uint64_t physical)
{
    uint64_t base;

    if (!(cpuid(1, 0).edx & CPUID_1_EDX_APIC) ||
        msr_read(MSR_APIC_BASE, &base) || !(base & BASE_ENABLED)) {
        return -ENODEV; /* cannot be undone on every CPU: SDM 11.4.3 */
    }
    if (base & BASE_X2APIC) {
        left_on = true;
    }
    if (cpuid(1, 0).ecx & (1u << 21)) {
        x2apic = true;
        wrmsr(MSR_APIC_BASE, base | BASE_X2APIC);
    } else if (!registers) {
        registers = device_map(physical, 4096);
        if (!registers) {
            return -ENOMEM;
        }
    }
    /* Firmware may have left a timer running, and the PIC connected. */
    apic_write(APIC_LVT_TIMER, LVT_MASKED);
    apic_write(APIC_LVT_LINT0, LVT_MASKED);
    apic_write(APIC_TPR, 0);
    apic_write(APIC_SVR, SVR_ENABLED | VECTOR_SPURIOUS);
    return 0;
}

uint32_t apic_id(void)
{
    return x2apic ? apic_read(APIC_ID) : apic_read(APIC_ID) >> 24;
}

bool apic_reaches(uint32_t id)
{
    return id < (x2apic ? UINT32_MAX : 0xff);
}

const char *apic_describe(void)
{
    return !x2apic   ? "xAPIC: APIC ids above 254 are out of reach"
           : left_on ? "x2APIC, left on by firmware"
                     : "x2APIC";
}

void apic_end_of_interrupt(void)
{
    apic_write(APIC_EOI, 0);
}

static void send(uint32_t id, uint32_t command)
{
    if (x2apic) {
        wrmsr(MSR_X2APIC_FIRST + APIC_ICR / 16, (uint64_t)id << 32 | command);
        return;
    }
    apic_write(APIC_ICR2, id << 24);
    apic_write(APIC_ICR, command);
    for (unsigned i = 0; i < 100000 && apic_read(APIC_ICR) & ICR_PENDING; i++) {
        cpu_pause();
    }
}

void apic_send_init(uint32_t id)
{
    send(id, ICR_INIT);
}

void apic_send_startup(uint32_t id, uint8_t page)
{
    send(id, ICR_STARTUP | page);
}

void apic_send_nmi(uint32_t id)
{
    send(id, ICR_NMI);
}

void apic_send_nmi_to_others(void)
{
    if (x2apic || registers) {
        send(0, ICR_NMI_OTHERS);
    }
}

void apic_timer_deadline_mode(uint8_t vector)
{
    apic_write(APIC_LVT_TIMER, LVT_TSC_DEADLINE | vector);
}

void apic_timer_count(uint8_t vector, uint32_t count)
{
    apic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_1);
    apic_write(APIC_LVT_TIMER, vector);
    apic_write(APIC_TIMER_INITIAL, count);
}

uint32_t apic_timer_remaining(void)
{
    return apic_read(APIC_TIMER_CURRENT);
}
