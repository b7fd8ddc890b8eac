/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86_64/smp.h"

#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/descriptors.h"
#include "arch/x86_64/image.h"
#include "arch/x86_64/interrupt.h"
#include "arch/x86_64/mca/mca.h"
#include "arch/x86_64/msr.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/percpu.h"
#include "arch/x86_64/timer.h"
#include "kernel/errno.h"
#include "kernel/panic.h"
#include "kernel/string.h"

static uint64_t start_page; /* 0: none */

/* One CPU's own things, in one allocation. */
struct cpu_data {
    struct percpu percpu;
    struct cpu_descriptors descriptors;
};

extern const char ap_start[], ap_start_end[];
extern const char ap_start_32[], ap_start_64[];

static struct cpu_data boot_cpu;
static struct cpu_data *starting; /* one at a time */

void smp_boot_cpu_early(void)
{
    percpu_load(&boot_cpu.percpu, 0);
    idt_init();
}

void smp_run_on_stack(void (*function)(void))
{
    asm volatile("mov %0, %%rsp\n\t"
                 "xor %%ebp, %%ebp\n\t"
                 "call *%1\n\t"
                 "ud2" ::"r"(this_cpu()->stack_top),
                 "r"(function)
                 : "memory");
    __builtin_unreachable();
}

void smp_boot_cpu(void)
{
    descriptors_prepare(&boot_cpu.descriptors);
    descriptors_load(&boot_cpu.descriptors);
    wrmsr(MSR_GS_BASE, (uint64_t)&boot_cpu.percpu); /* MOV SS kept it: sure */
    boot_cpu.percpu.stack_top = boot_cpu.descriptors.stack_top;
    boot_cpu.percpu.online = true;
    write_cr4(read_cr4() | CR4_MCE);
}

static void (*volatile guard)(void);

void smp_guard(void (*work)(void))
{
    guard = work;
    apic_send_nmi_to_others(); /* out of their HLT */
}

/* The first C code of a further CPU: takes its tables, says that it runs,
 * and halts with machine checks enabled. */
static _Noreturn void ap_main(void)
{
    struct cpu_data *data = starting;

    if (!data) {
        cpu_stop(); /* too late: it was given up */
    }
    percpu_load(&data->percpu, data->percpu.index);
    paging_set_types();
    write_cr4(read_cr4() | CR4_PGE);
    root_load(data->percpu.core_root);
    descriptors_load(&data->descriptors);
    write_cr4(read_cr4() | CR4_MCE);
    apic_enable(0);
    mca_enable();
    data->percpu.apic_id = apic_id();
    data->percpu.online = true;
    for (;;) {
        if (guard && data->percpu.index == 1) {
            guard();
        }
        idle_wait();
    }
}

static void wait_us(uint64_t us)
{
    uint64_t end = rdtsc() + us * tsc_per_ms / 1000;

    while (rdtsc() < end) {
        cpu_pause();
    }
}

/* The start page needs itself mapped at its own address: only for these few
 * instructions, in a root that is thrown away with the last CPU. */
static uint64_t start_root;

static int prepare_start_page(void)
{
    char *page = temp_map(TEMP_COPY, start_page);
    const uint64_t gdt[4] = {0, 0x00cf9b000000ffff, 0x00cf93000000ffff,
                             0x00af9b000000ffff};

    if (!start_root) {
        start_root = root_create(FAULT_NO_VM);
        if (!start_root || start_root > UINT32_MAX ||
            page_map(start_root, start_page, start_page, PROT_WRITE | PROT_EXEC,
                     FAULT_NO_VM)) {
            return -ENOMEM;
        }
        page = temp_map(TEMP_COPY, start_page);
    }
    memcpy(page, ap_start, (size_t)(ap_start_end - ap_start));
    memcpy(page + 0xf80, gdt, sizeof(gdt));
    *(uint16_t *)(page + 0xfd0) = sizeof(gdt) - 1;
    *(uint32_t *)(page + 0xfd2) = (uint32_t)start_page + 0xf80;
    *(uint64_t *)(page + 0xfd8) = (uint64_t)ap_main;
    *(uint64_t *)(page + 0xfe0) = start_root;
    *(uint64_t *)(page + 0xfe8) = starting->descriptors.stack_top;
    *(uint32_t *)(page + 0xff0) =
        (uint32_t)(start_page + (uint64_t)ap_start_32);
    *(uint16_t *)(page + 0xff4) = 0x08;
    *(uint32_t *)(page + 0xff8) =
        (uint32_t)(start_page + (uint64_t)ap_start_64);
    *(uint16_t *)(page + 0xffc) = 0x18;
    temp_unmap(TEMP_COPY);
    return 0;
}

void smp_use_start_page(uint64_t physical)
{
    start_page = physical;
}

int smp_start(uint32_t id)
{
    struct cpu_data *data;

    if (!start_page) {
        return -ENOMEM;
    }
    if (!apic_reaches(id)) {
        return -EINVAL;
    }
    if (cpu_count >= CPU_MAX) {
        return -ENOSPC;
    }
    data = core_alloc(sizeof(*data));
    if (!data) {
        return -ENOMEM;
    }
    descriptors_prepare(&data->descriptors);
    data->percpu.index = cpu_count;
    data->percpu.core_root = paging_core_root();
    data->percpu.stack_top = data->descriptors.stack_top;
    starting = data;
    if (prepare_start_page()) {
        return -ENOMEM;
    }

    /* INIT, 10 ms, SIPI, 200 us, SIPI (SDM vol. 3, 9.4.4.1). */
    apic_send_init(id);
    wait_us(10000);
    for (unsigned attempt = 0; attempt < 2 && !data->percpu.online; attempt++) {
        apic_send_startup(id, (uint8_t)(start_page >> 12));
        wait_us(200);
    }
    for (unsigned i = 0; i < 1000 && !data->percpu.online; i++) {
        wait_us(100);
    }
    if (!data->percpu.online) {
        starting = NULL;
        apic_send_init(id);
        return -EIO;
    }
    cpu_count++;
    return 0;
}
