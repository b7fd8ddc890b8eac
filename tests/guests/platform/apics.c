/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/platform/platform.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/check.h"
#include "tests/guests/lib/clock.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/trap.h"

#define FREE_PIN 11u
#define LOW      (PLATFORM_VECTOR + 1)
#define MIDDLE   (PLATFORM_VECTOR + 0x11)
#define HIGH     (PLATFORM_VECTOR + 0x1F)

static volatile uint32_t nmis;

void platform_ioapic(void)
{
    uint32_t version = ioapic_read(IOAPIC_VERSION);
    uint32_t low = IOAPIC_ROUTE + 2 * FREE_PIN;

    check(version != 0xFFFFFFFFu && (version & 0xFF) >= 0x11, "ioapic.version");
    check_equal("ioapic.pins", version >> 16 & 0xFF, 23);
    ioapic_write(low, IOAPIC_MASKED | IOAPIC_LEVEL | 0x6A);
    ioapic_write(low + 1, 0x05000000u);
    check_equal("ioapic.low", ioapic_read(low),
                IOAPIC_MASKED | IOAPIC_LEVEL | 0x6A);
    check_equal("ioapic.high", ioapic_read(low + 1) >> 24, 5);
    check_equal("ioapic.select", mmio_read(IOAPIC_BASE) & 0xFF, low + 1);
    ioapic_route(FREE_PIN, 0);
    check_equal("ioapic.masked", ioapic_read(low) & IOAPIC_MASKED,
                IOAPIC_MASKED);
}

static void registers(void)
{
    check_equal("lapic.id", apic_id(), cpuid(1).ebx >> 24);
    check((apic_read(APIC_VERSION) & 0xF0) == 0x10, "lapic.version");
    check_equal("lapic.svr", apic_read(APIC_SVR) & 0x1FF, 0x1FF);
    apic_write(APIC_LVT_LINT0, APIC_LVT_MASKED | 0x77);
    check_equal("lapic.lint0", apic_read(APIC_LVT_LINT0),
                APIC_LVT_MASKED | 0x77);
    apic_write(APIC_TPR, 0x40);
    check_equal("lapic.tpr", apic_read(APIC_TPR), 0x40);
    check_equal("lapic.ppr", apic_read(APIC_PPR), 0x40);
    apic_write(APIC_TPR, 0);
}

static void self_ipi(void)
{
    platform_forget();
    apic_self_ipi(LOW);
    check(apic_bit(APIC_IRR, LOW), "lapic.irr");
    check(platform_wait(1, 20), "lapic.self_ipi");
    check(!apic_bit(APIC_IRR, LOW) && !apic_bit(APIC_ISR, LOW), "lapic.eoi");
    check_equal("lapic.self_ipi_vector", platform_order[0], LOW);
}

static void priorities(void)
{
    platform_forget();
    apic_self_ipi(LOW);
    apic_self_ipi(HIGH);
    apic_self_ipi(MIDDLE);
    platform_wait(3, 20);
    check_equal("lapic.order_count", platform_taken, 3);
    check(platform_order[0] == HIGH && platform_order[1] == MIDDLE &&
              platform_order[2] == LOW,
          "lapic.order");
    platform_forget();
    apic_write(APIC_TPR, LOW & 0xF0);
    apic_self_ipi(LOW);
    check(!platform_wait(1, 2), "lapic.tpr_holds");
    apic_write(APIC_TPR, 0);
    check(platform_wait(1, 20), "lapic.tpr_lets_go");
}

static void on_nmi(struct trap_frame *frame)
{
    (void)frame;
    nmis++;
}

static void nmi(void)
{
    uint64_t end;

    if (option("nonmi")) {
        check_skip("lapic.nmi", "by option");
        return;
    }
    trap_set(2, on_nmi);
    apic_write(APIC_ICR_HIGH, apic_id() << 24);
    apic_write(APIC_ICR_LOW, APIC_ICR_NMI);
    end = clock_after(5);
    while (nmis == 0 && rdtsc() < end)
        cpu_pause();
    check_equal("lapic.nmi", nmis, 1);
    apic_write(APIC_ICR_HIGH, 0);
}

/* STI opens interrupts only after the instruction that follows. */
static void sti_shadow(void)
{
    uint32_t in_shadow;

    platform_forget();
    apic_self_ipi(LOW);
    __asm__ volatile("sti\n\tmovl %1, %0\n\tnop\n\tnop\n\tcli"
                     : "=r"(in_shadow)
                     : "m"(platform_taken)
                     : "memory");
    check(in_shadow == 0 && platform_taken == 1, "lapic.sti_shadow");
    platform_forget();
    apic_self_ipi(LOW);
    cpu_sti_hlt();
    cpu_cli();
    check_equal("lapic.sti_hlt", platform_taken, 1);
}

void platform_lapic(void)
{
    registers();
    self_ipi();
    priorities();
    sti_shadow();
    nmi();
}

void platform_x2apic(void)
{
    uint32_t id = apic_id();

    if (!clock_has_x2apic()) {
        check_skip("x2apic", "not offered");
        return;
    }
    if (machine_hosted()) {
        uint64_t value;

        check_equal("x2apic.gp_before", trap_rdmsr(X2APIC_MSR + 2, &value),
                    TRAP_GP);
    }
    apic_to_x2();
    check_equal("x2apic.id", apic_id(), id);
    check_equal("x2apic.base", rdmsr(MSR_APIC_BASE) & 0xC00, 0xC00);
    self_ipi();
    priorities();
    if (machine_hosted()) { /* Bochs' own does neither */
        check_equal("x2apic.ldr", apic_read(APIC_LDR),
                    (id >> 4) << 16 | 1u << (id & 15));
        check_equal("x2apic.self_ipi_gp", trap_wrmsr(X2APIC_SELF_IPI, 0x100),
                    TRAP_GP);
    }
    check_equal("x2apic.eoi_gp", trap_wrmsr(X2APIC_MSR + (APIC_EOI >> 4), 1),
                TRAP_GP);
    check_equal("x2apic.id_gp", trap_wrmsr(X2APIC_MSR + (APIC_ID >> 4), 1),
                TRAP_GP);
    check_equal(
        "x2apic.back_gp",
        trap_wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) & ~(uint64_t)0x400),
        TRAP_GP);
}
