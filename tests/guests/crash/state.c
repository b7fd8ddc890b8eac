/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/crash/crash.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/check.h"
#include "tests/guests/lib/clock.h"
#include "tests/guests/lib/console.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/paging.h"
#include "tests/guests/lib/trap.h"
#include "tests/guests/lib/util.h"

#define IOAPIC_PINS  24u
#define FPU_BYTES    288u /* up to XMM7: what 32-bit code can reach */
#define FAR_DEADLINE 0x10000000000ull
#define FAR_COUNT    0x70000000u

static const uint32_t msrs[] = {
    MSR_SYSENTER_CS, MSR_SYSENTER_ESP,   MSR_SYSENTER_EIP, MSR_PAT,
    MSR_EFER,        MSR_STAR,           MSR_LSTAR,        MSR_CSTAR,
    MSR_FMASK,       MSR_KERNEL_GS_BASE, MSR_TSC_ADJUST,   MSR_APIC_BASE,
    MSR_MISC_ENABLE, MSR_TSC_AUX,        MSR_TSC_DEADLINE,
};

static const uint16_t lapic[] = {
    0x020, 0x030, 0x080, 0x0A0, 0x0D0, 0x0E0, 0x0F0, 0x130,
    0x230, 0x310, 0x320, 0x350, 0x360, 0x370, 0x380, 0x3E0,
};

static const uint16_t uart[] = {UART_IER, UART_LCR, UART_MCR, UART_SCRATCH};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct table {
    uint16_t limit;
    uint32_t base;
} __attribute__((packed));

static struct state {
    uint32_t cpu[16];
    uint64_t msr[COUNT(msrs)];
    uint32_t lapic[COUNT(lapic)];
    uint32_t timer;
    uint32_t ioapic[2 * IOAPIC_PINS];
    uint32_t uart[COUNT(uart)];
    uint8_t fpu[512] __attribute__((aligned(16)));
} noted, now;

static const char *const cpu_names[] = {
    "cr0", "cr2", "cr3", "cr4",      "dr0", "dr1",  "dr2", "dr3",
    "dr6", "dr7", "gdt", "gdtlimit", "idt", "task", "ss",  "cs",
};

static void set_cpu(uint32_t flavour)
{
    uint32_t cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_PSE;

    write_cr4(read_cr4() | cr4);
    write_cr4((read_cr4() & ~(CR4_DE | CR4_PGE)) |
              ((flavour & 1) != 0 ? CR4_DE : CR4_PGE));
    write_cr0((read_cr0() & ~(CR0_AM | CR0_TS | CR0_EM)) | CR0_MP |
              ((flavour & 1) != 0 ? CR0_AM : 0));
    write_cr2(0x12340000u + flavour);
    write_dr0(0x01000000u + flavour);
    write_dr1(0x02000000u + flavour);
    write_dr2(0x03000000u + flavour);
    write_dr3(0x04000000u + flavour);
    write_dr6(0xFFFF0FF0u | (flavour & 0xFu));
    write_dr7((flavour & 1) != 0 ? 0x0D0F0455u : 0x00000400u);
}

static void set_msrs(uint32_t flavour)
{
    trap_wrmsr(MSR_SYSENTER_CS, 0x100 + flavour * 8);
    trap_wrmsr(MSR_SYSENTER_ESP, 0x200000 + flavour);
    trap_wrmsr(MSR_SYSENTER_EIP, 0x300000 + flavour);
    trap_wrmsr(MSR_PAT, (flavour & 1) != 0 ? 0x0007040600070406ull
                                           : 0x0007010600070106ull);
    trap_wrmsr(MSR_STAR, (uint64_t)flavour << 48 | 0x1234);
    trap_wrmsr(MSR_LSTAR, 0xFFFF800000000000ull + flavour);
    trap_wrmsr(MSR_CSTAR, 0xFFFFA00000000000ull + flavour);
    trap_wrmsr(MSR_FMASK, 0x47700 + flavour);
    trap_wrmsr(MSR_KERNEL_GS_BASE, 0x00007F0000000000ull + flavour);
    trap_wrmsr(MSR_TSC_AUX, flavour);
    if (long_mode_available()) {
        uint64_t efer = rdmsr(MSR_EFER) & ~1ull;

        wrmsr(MSR_EFER, efer | (flavour & 1));
    }
}

static void set_apic(uint32_t flavour)
{
    apic_write(APIC_TPR, 0x20 + (flavour & 1) * 0x10);
    apic_write(APIC_LDR, (flavour & 0xFF) << 24);
    apic_write(APIC_LVT_ERROR, APIC_LVT_MASKED | (0x80 + (flavour & 0xF)));
    apic_write(APIC_LVT_LINT0, APIC_LVT_MASKED | (0x90 + (flavour & 0xF)));
    if ((flavour & 2) != 0 && clock_has_deadline())
        apic_deadline(CRASH_TIMER, rdtsc() + FAR_DEADLINE + flavour);
    else
        apic_timer(CRASH_TIMER, FAR_COUNT + flavour, (flavour & 4) != 0);
    for (uint32_t pin = 5; pin < IOAPIC_PINS; pin++) {
        ioapic_write(IOAPIC_ROUTE + 2 * pin + 1, (flavour & 0xF) << 24);
        ioapic_write(IOAPIC_ROUTE + 2 * pin, IOAPIC_MASKED |
                                                 (pin & 1) * IOAPIC_LEVEL |
                                                 (0xA0 + (flavour & 0x1F)));
    }
}

/* A pattern in the eight SSE registers, control words and the x87 stack. */
static void set_fpu(uint32_t flavour)
{
    uint32_t pattern[4] __attribute__((aligned(16))) = {
        flavour, ~flavour, flavour * 3, 0x3F800000u + flavour};
    uint32_t mxcsr = (flavour & 1) != 0 ? 0x1F80u : 0x7F80u;
    uint16_t control = (flavour & 1) != 0 ? 0x037Fu : 0x0F7Fu;

    __asm__ volatile("fninit\n\tfldcw %0\n\tldmxcsr %1\n\t"
                     "fildl 4(%2)\n\tfildl 8(%2)\n\tfldpi\n\tfldl2e\n\t"
                     "movups (%2), %%xmm0\n\tmovups (%2), %%xmm3\n\t"
                     "pshufd $0x1B, %%xmm0, %%xmm1\n\t"
                     "pshufd $0x4E, %%xmm0, %%xmm2\n\t"
                     "movaps %%xmm1, %%xmm4\n\tmovaps %%xmm2, %%xmm5\n\t"
                     "movaps %%xmm0, %%xmm6\n\tmovaps %%xmm1, %%xmm7"
                     :
                     : "m"(control), "m"(mxcsr), "r"(pattern)
                     : "memory");
}

void state_set(uint32_t flavour)
{
    set_cpu(flavour);
    set_fpu(flavour);
    set_msrs(flavour);
    set_apic(flavour);
    outb(UART_SCRATCH, (uint8_t)(flavour * 7));
    outb(UART_IER, (flavour & 1) != 0 ? 0x08 : 0x04);
}

static void capture_cpu(uint32_t *cpu)
{
    struct table gdt, idt;
    uint32_t task, stack, code;

    __asm__ volatile("sgdt %0\n\tsidt %1" : "=m"(gdt), "=m"(idt));
    __asm__ volatile("str %0\n\tmovl %%ss, %1\n\tmovl %%cs, %2"
                     : "=r"(task), "=r"(stack), "=r"(code));
    cpu[0] = read_cr0();
    cpu[1] = read_cr2();
    cpu[2] = read_cr3();
    cpu[3] = read_cr4();
    cpu[4] = read_dr0();
    cpu[5] = read_dr1();
    cpu[6] = read_dr2();
    cpu[7] = read_dr3();
    cpu[8] = read_dr6();
    cpu[9] = read_dr7();
    cpu[10] = gdt.base;
    cpu[11] = gdt.limit;
    cpu[12] = idt.base;
    cpu[13] = task;
    cpu[14] = stack;
    cpu[15] = code;
}

static void capture(struct state *s)
{
    memset(s, 0, sizeof(*s));
    __asm__ volatile("fxsave %0" : "=m"(s->fpu) : : "memory");
    capture_cpu(s->cpu);
    for (uint32_t i = 0; i < COUNT(msrs); i++)
        trap_rdmsr(msrs[i], &s->msr[i]);
    for (uint32_t i = 0; i < COUNT(lapic); i++)
        s->lapic[i] = apic_read(lapic[i]);
    s->timer = apic_read(APIC_CURRENT);
    for (uint32_t i = 0; i < 2 * IOAPIC_PINS; i++)
        s->ioapic[i] = ioapic_read(IOAPIC_ROUTE + i);
    for (uint32_t i = 0; i < COUNT(uart); i++)
        s->uart[i] = inb(uart[i]);
}

void state_capture(void)
{
    capture(&noted);
}

static bool differs(const char *crime, const char *what, uint32_t which,
                    uint64_t got, uint64_t wanted)
{
    if (got == wanted)
        return false;
    check_failed(crime, "%s %x is %llx, was %llx", what, which,
                 (unsigned long long)got, (unsigned long long)wanted);
    return true;
}

uint32_t state_timer_moved(void)
{
    return noted.timer - apic_read(APIC_CURRENT);
}

bool state_unchanged(const char *name)
{
    uint32_t bad = 0;

    capture(&now);
    for (uint32_t i = 0; i < COUNT(cpu_names); i++)
        bad += differs(name, cpu_names[i], i, now.cpu[i], noted.cpu[i]);
    for (uint32_t i = 0; i < COUNT(msrs); i++)
        bad += differs(name, "msr", msrs[i], now.msr[i], noted.msr[i]);
    for (uint32_t i = 0; i < COUNT(lapic); i++)
        bad += differs(name, "lapic", lapic[i], now.lapic[i], noted.lapic[i]);
    for (uint32_t i = 0; i < 2 * IOAPIC_PINS; i++)
        bad += differs(name, "ioapic", i, now.ioapic[i], noted.ioapic[i]);
    for (uint32_t i = 0; i < COUNT(uart); i++)
        bad += differs(name, "uart", uart[i], now.uart[i], noted.uart[i]);
    for (uint32_t i = 0; i < FPU_BYTES; i++)
        bad += differs(name, "fpu", i, now.fpu[i], noted.fpu[i]);
    return bad == 0;
}
