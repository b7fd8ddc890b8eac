/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts the machine together. The one place that may name everybody. */
#include "kernel/main.h"

#include "arch/x86_64/apic.h"
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/cpu_backend.h"
#include "arch/x86_64/image.h"
#include "arch/x86_64/mca/mca.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/percpu.h"
#include "arch/x86_64/smp.h"
#include "arch/x86_64/timer.h"
#include "drivers/acpi.h"
#include "drivers/clock.h"
#include "drivers/ioapic.h"
#include "drivers/pic.h"
#include "ft/ft.h"
#include "kernel/boot_info.h"
#include "kernel/cmdline.h"
#include "kernel/console.h"
#include "kernel/crc32c.h"
#include "kernel/event.h"
#include "kernel/format.h"
#include "kernel/frame.h"
#include "kernel/frame_init.h"
#include "kernel/log.h"
#include "kernel/monitor.h"
#include "kernel/panic.h"
#include "kernel/run.h"
#include "kernel/self_check.h"
#include "kernel/string.h"
#include "vmm/vm.h"
#include "vmm/vmm.h"

#define ERRORS_MAX 16

static struct boot_info boot;
static struct boot_config config;
static struct acpi_info acpi;
static struct vm_config vm_configs[VM_MAX];
static struct config_error error_list[ERRORS_MAX];

static void tell_boot(void)
{
    char id[41];
    struct event event;

    /* An ELF note: 16 bytes of header and name, then 20 of SHA-1. */
    for (unsigned i = 0; i < 20; i++) {
        format(id + 2 * i, 3, "%02x", build_id[16 + i]);
    }
    event_begin(&event, "boot");
    event_text(&event, "protocol", boot.protocol);
    event_text(&event, "build", id);
    event_number(&event, "modules", boot.module_count);
    event_end(&event);
    log_info("Bulkhead, a hypervisor that contains faults; build %.12s", id);
    log_info("boot: %s, %u modules", boot.protocol, boot.module_count);
}

static void read_boot_line(void)
{
    struct config_errors errors = {.list = error_list, .max = ERRORS_MAX};

    boot_line_parse(boot.line, &config, &errors);
    log_level = config.loglevel;
    console_open(&config);
    tell_boot();
    for (unsigned i = 0; i < errors.count && i < ERRORS_MAX; i++) {
        log_error("boot line: \"%s\": %s", error_list[i].word,
                  error_list[i].why);
    }
}

static void memory_init(void)
{
    for (unsigned i = 0; i < boot.range_count; i++) {
        uint64_t start = boot.ranges[i].start;

        /* The first MiB is firmware's, and where other CPUs start. */
        start = start < 0x100000 ? 0x100000 : start;
        if (start < boot.ranges[i].end) {
            frame_add_memory(start, boot.ranges[i].end);
        }
    }
    frame_reserve((uint64_t)image_start - IMAGE_BASE,
                  (uint64_t)image_end - IMAGE_BASE, OWNER_CORE);
    frame_reserve(boot.info_start, boot.info_end, OWNER_FIRMWARE);
    for (unsigned i = 0; i < boot.module_count; i++) {
        frame_reserve(boot.modules[i].start, boot.modules[i].end, OWNER_MODULE);
    }
    if (!boot.range_count || frame_table_init()) {
        panic("the boot loader gave no usable memory map (%u ranges)",
              boot.range_count);
    }
    log_info("memory: %lu MiB free, frame table for %lu MiB",
             frame_count(OWNER_FREE) >> 8,
             (frame_count(OWNER_FREE) + frame_count(OWNER_CORE) +
              frame_count(OWNER_MODULE) + frame_count(OWNER_FIRMWARE)) >>
                 8);
}

static void time_init(void)
{
    uint64_t rate = acpi.pm_timer ? clock_measure_pm_timer(acpi.pm_timer) : 0;
    const char *by = "the ACPI PM timer";
    struct cpuid top = cpuid(0, 0);

    if (!rate) {
        rate = clock_measure_pit();
        by = "the PIT";
    }
    if (!rate && top.eax >= 0x16) {
        rate = cpuid(0x16, 0).eax * 1000ul;
        by = "CPUID (no clock to measure with)";
    }
    if (!rate) {
        panic("no clock: neither a PM timer, nor a PIT, nor CPUID leaf 0x16");
    }
    log_info("time: TSC %lu kHz by %s", rate, by);
    if (top.eax >= 0x16 && cpuid(0x16, 0).eax) {
        uint64_t claimed = cpuid(0x16, 0).eax * 1000ul;

        if (claimed > rate + rate / 100 || claimed + claimed / 100 < rate) {
            log_warn("time: CPUID claims %lu kHz; the measurement counts",
                     claimed);
        }
    }
    timer_init(rate);
    run_slice = config.slice_ms * tsc_per_ms;
}

static void cpus_init(void)
{
    uint32_t self = apic_id();
    unsigned failed = 0;
    struct event event;

    this_cpu()->apic_id = self;
    mca_enable();
    for (unsigned i = 0; i < acpi.cpu_count; i++) {
        if (acpi.cpus[i] != self && smp_start(acpi.cpus[i])) {
            log_error("cpu: APIC id %u does not start; a machine check that "
                      "is broadcast will reset the machine",
                      acpi.cpus[i]);
            failed++;
        }
    }
    log_info("cpu: %u running, %u failed; cpu0 runs guests", cpu_count, failed);
    event_begin(&event, "cpu");
    event_number(&event, "running", cpu_count);
    event_number(&event, "failed", failed);
    event_end(&event);
}

static void mca_report(void)
{
    struct mca_capability mca = mca_capability();

    if (!mca.present) {
        log_warn("mca: none: real machine checks are not seen; injected ones "
                 "are");
        return;
    }
    log_info("mca: %u banks, recovery %s, local %s%s", mca.banks,
             mca.recovery ? "yes" : "no", mca.local ? "yes" : "no",
             acpi.firmware_first ? ", firmware first" : "");
}

static void tell_refusal(const struct cpu_missing *missing)
{
    struct event event;

    log_error("this machine cannot run guests: %s is missing (MSR 0x%x bit %d)",
              missing->name, missing->msr, missing->bit);
    log_error("%s", missing->hint);
    event_begin(&event, "refuse");
    event_text(&event, "missing", missing->name);
    event_number(&event, "msr", missing->msr);
    event_number(&event, "bit", (uint64_t)(uint32_t)missing->bit);
    event_text(&event, "hint", missing->hint);
    event_end(&event);
}

/* The names of what is used, in lines of at most 80 columns. */
static void list_used(const struct cpu_feature *features, unsigned count)
{
    char line[80];
    size_t length = 0;

    for (unsigned i = 0; i < count; i++) {
        size_t more = strlen(features[i].name) + 2;

        if (!features[i].used) {
            continue;
        }
        if (length + more + 20 > sizeof(line)) {
            log_info("%s: uses %s", cpu->name, line);
            length = 0;
        }
        length += (size_t)format(line + length, sizeof(line) - length, "%s%s",
                                 length ? ", " : "", features[i].name);
    }
    if (length) {
        log_info("%s: uses %s", cpu->name, line);
    }
}

static void virtualization_init(void)
{
    struct cpu_missing missing;
    const struct cpu_feature *features;
    unsigned count;

    if (cpu_backend_select(
            config.force_missing[0] ? config.force_missing : NULL, &missing) ||
        cpu->enable(&missing)) {
        tell_refusal(&missing);
        console_flush();
        vmm_machine_end(config.when_done);
        cpu_stop();
    }
    features = cpu->features(&count);
    list_used(features, count);
    for (unsigned i = 0; i < count; i++) {
        if (!features[i].offered && features[i].cost) {
            log_info("%s: %s missing: %s", cpu->name, features[i].name,
                     features[i].cost);
        }
    }
}

static void refuse_vm(const char *name, unsigned line, const char *word,
                      const char *why)
{
    struct event event;

    log_error("module line %u: \"%s\": %s", line, word, why);
    event_begin(&event, "vm-refused");
    event_text(&event, "vm", name);
    event_number(&event, "line", line);
    event_text(&event, "word", word);
    event_text(&event, "why", why);
    event_end(&event);
}

static void vms_init(void)
{
    const char *lines[BOOT_MODULES_MAX];
    struct config_errors errors = {.list = error_list, .max = ERRORS_MAX};
    unsigned count = 0;

    for (unsigned i = 0; i < boot.module_count; i++) {
        lines[i] = boot.modules[i].line;
    }
    config_parse(lines, boot.module_count, vm_configs, &count, &errors);
    for (unsigned i = 0; i < errors.count && i < ERRORS_MAX; i++) {
        refuse_vm("", error_list[i].line, error_list[i].word,
                  error_list[i].why);
    }
    for (unsigned i = 0; i < count; i++) {
        struct vm *vm = &vms[vm_count];
        char why[96] = "";

        if (vm_create(vm, (uint16_t)vm_count, &vm_configs[i], boot.modules,
                      why) ||
            ft_vm_create(vm, why)) {
            frame_disown((uint16_t)vm_count);
            refuse_vm(vm_configs[i].name, vm_configs[i].line,
                      vm_configs[i].name, why);
            continue;
        }
        vm_created(vm);
        vm_count++;
    }
}

void kernel_main(uint32_t magic, uint64_t information)
{
    boot_info_read(magic, information, &boot); /* the loader's memory */
    smp_boot_cpu_early();                      /* per-CPU data, IDT */
    paging_init();                             /* our own page tables */
    read_boot_line();                          /* words, serial lines */
    memory_init();                             /* the frame table */
    smp_boot_cpu();                            /* GDT, TSS, IST stacks */
    acpi_read(boot.rsdp, &acpi);               /* CPUs, I/O APIC, timer */
    if (apic_enable(acpi.local_apic)) {
        panic("firmware left the local APIC off");
    }
    pic_disable(); /* the I/O APIC is used */
    ioapic_host_open(acpi.io_apic);
    time_init(); /* TSC rate */
    cpus_init(); /* all others, CR4.MCE on */
    mca_report();
    crc32c_init(cpuid(1, 0).ecx & 1u << 20);
    console_enable_interrupts(acpi.irq_gsi, apic_id());
    virtualization_init(); /* VT-x */
    monitor_start();
    self_check_register(&acpi);
    vmm_init(&config, clock_wall_seconds());
    ft_init();
    vms_init();   /* one for each line */
    frame_seal(); /* nothing allocates now */
    console_start(&config);
    vmm_start();                /* ready */
    smp_run_on_stack(run_loop); /* for ever */
}
