/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the costly operations of a guest cost, in TSC ticks; each line holds
 * the RDTSC pair around it, which `time rdtsc` shows by itself. Runs bare too.
 */
#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/check.h"
#include "tests/guests/lib/clock.h"
#include "tests/guests/lib/console.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/trap.h"
#include "tests/guests/lib/util.h"

#define REPETITIONS 64u
#define LATENESS_N  8u
#define LATENESS    5000000u
#define VECTOR      0x51u
#define FRESH_PAGES 0x800000u
#define UNKNOWN     0x5EEDu
#define WAIT_SPINS  100000000u

void timing_entry(void);
extern volatile uint64_t timing_stamp;
volatile uint64_t timing_stamp;

typedef void (*operation)(void);

static uint32_t samples[REPETITIONS];
static uint32_t fresh;

static void sort(uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        uint32_t value = samples[i], at = i;

        for (; at > 0 && samples[at - 1] > value; at--)
            samples[at] = samples[at - 1];
        samples[at] = value;
    }
}

static void report(const char *name, uint32_t n)
{
    sort(n);
    print("time %s median %u minimum %u\n", name, samples[n / 2], samples[0]);
    check(samples[n / 2] > 0, name);
}

/* Called before the last repetition of each operation: for a debugger. */
void timing_mark(void);
__attribute__((noinline)) void timing_mark(void)
{
    __asm__ volatile("");
}

static void mark_last(uint32_t i)
{
    if (i == REPETITIONS - 1)
        timing_mark();
}

/* Inlined for each operation, so that no call is counted. */
#define MEASURE(name, ...)                              \
    do {                                                \
        for (uint32_t i_ = 0; i_ < REPETITIONS; i_++) { \
            uint64_t start_;                            \
            mark_last(i_);                              \
            start_ = rdtsc();                           \
            __VA_ARGS__;                                \
            samples[i_] = (uint32_t)(rdtsc() - start_); \
        }                                               \
        report(name, REPETITIONS);                      \
    } while (0)

static bool wait_stamp(void)
{
    for (uint32_t i = 0; i < WAIT_SPINS; i++) {
        if (timing_stamp != 0)
            return true;
    }
    return false;
}

static void measure_cpu(void)
{
    uint32_t cr0 = read_cr0(), cr4 = read_cr4();

    MEASURE("rdtsc", );
    MEASURE("cpuid", cpuid(0));
    MEASURE("rdmsr_1b", rdmsr(MSR_APIC_BASE));
    MEASURE("cr0_wp", write_cr0(cr0 ^= CR0_WP));
    MEASURE("cr0_am", write_cr0(cr0 ^= CR0_AM));
    MEASURE("cr4_pge", write_cr4(cr4 ^= CR4_PGE));
    MEASURE("cr4_pse", write_cr4(cr4 ^= CR4_PSE));
    if (machine_hosted())
        MEASURE("vmcall_unknown", host_vmcall(UNKNOWN, 0));
}

static void measure_devices(void)
{
    MEASURE("out_3ff", outb(UART_SCRATCH, 0x5A));
    MEASURE("in_3ff", inb(UART_SCRATCH));
    if (machine_hosted())
        MEASURE("in_5b08", inl(PORT_RESTORES));
    mmio_write(IOAPIC_BASE, IOAPIC_VERSION);
    MEASURE("ioapic_read", mmio_read(IOAPIC_BASE + 0x10));
    MEASURE("lapic_read", mmio_read(LAPIC_BASE + APIC_ID));
    MEASURE("lapic_tpr_write", mmio_write(LAPIC_BASE + APIC_TPR, 0));
}

static void measure_memory(void)
{
    fresh = FRESH_PAGES;
    if (fresh + (REPETITIONS + 1) * 4096 > machine_ram_end()) {
        check_skip("first_touch", "too little memory");
        return;
    }
    MEASURE("first_touch", mmio_write(fresh, 1); fresh += 4096);
    fresh = FRESH_PAGES;
    MEASURE("second_touch", mmio_write(fresh, 2); fresh += 4096);
}

/* From before the write that sends it to the handler's first instruction. */
#define MEASURE_IPI(name, ...)                               \
    do {                                                     \
        for (uint32_t i_ = 0; i_ < REPETITIONS; i_++) {      \
            uint64_t start_;                                 \
            timing_stamp = 0;                                \
            mark_last(i_);                                   \
            start_ = rdtsc();                                \
            __VA_ARGS__;                                     \
            if (!wait_stamp())                               \
                check_failed(name, "no interrupt");          \
            samples[i_] = (uint32_t)(timing_stamp - start_); \
        }                                                    \
        report(name, REPETITIONS);                           \
    } while (0)

static void measure_ipi(void)
{
    cpu_sti();
    MEASURE_IPI("self_ipi_xapic",
                mmio_write(LAPIC_BASE + APIC_ICR_LOW, APIC_ICR_SELF | VECTOR));
    cpu_cli();
}

static void measure_x2apic(void)
{
    if (!clock_has_x2apic()) {
        check_skip("x2apic", "not offered");
        return;
    }
    apic_to_x2();
    MEASURE("x2apic_id", rdmsr(X2APIC_MSR + (APIC_ID >> 4)));
    MEASURE("x2apic_eoi", wrmsr(X2APIC_MSR + (APIC_EOI >> 4), 0));
    cpu_sti();
    MEASURE_IPI("self_ipi_x2apic", wrmsr(X2APIC_SELF_IPI, VECTOR));
    cpu_cli();
}

/* How late a halted guest hears its timer. */
static void measure_lateness(void)
{
    for (uint32_t i = 0; i < LATENESS_N; i++) {
        uint64_t deadline = rdtsc() + LATENESS;

        timing_stamp = 0;
        apic_deadline(VECTOR, deadline);
        while (timing_stamp == 0) {
            cpu_sti_hlt();
            cpu_cli();
        }
        samples[i] = (uint32_t)(timing_stamp - deadline);
    }
    report("deadline_late", LATENESS_N);
}

static void measure_timer(void)
{
    if (!clock_has_deadline()) {
        check_skip("tsc_deadline", "not offered");
        return;
    }
    apic_deadline(VECTOR, 0);
    MEASURE("wrmsr_tsc_deadline",
            wrmsr(MSR_TSC_DEADLINE, start_ + 0x1000000000ull));
    measure_lateness();
}

void guest_main(void)
{
    bool hypervisor = (cpuid(1).ecx >> 31) != 0;

    apic_init();
    clock_init();
    trap_set_entry(VECTOR, (const void *)timing_entry);
    print("timing %s, tsc %u kHz\n", hypervisor ? "virtual" : "bare",
          clock_tsc_khz());
    measure_cpu();
    measure_devices();
    measure_memory();
    measure_ipi();
    measure_timer();
    measure_x2apic();
    check_done();
}
