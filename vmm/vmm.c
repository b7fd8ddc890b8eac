/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/vmm.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/timer.h"
#include "kernel/console.h"
#include "kernel/event.h"
#include "kernel/log.h"
#include "kernel/run.h"
#include "vmm/commands.h"
#include "vmm/vm.h"

/* Bochs ends at a 'D' on this port (its debugger's break), with status 0. */
#define BOCHS_END_PORT 0x8900
/* PM1a control of the PIIX4, as Bochs and QEMU place it: SLP_EN with type 0 is
 * S5 in Bochs. */
#define PIIX4_PM1A_BOCHS 0xb004
#define PIIX4_PM1A_QEMU  0x604
#define PM1_SLP_EN       0x2000

static struct boot_config boot_config;
static uint64_t wall_at_start, tsc_at_start;
static bool end_told;

uint64_t vmm_wall_seconds(void)
{
    return wall_at_start + (rdtsc() - tsc_at_start) / tsc_per_ms / 1000;
}

void vmm_machine_end(enum when_done what)
{
    console_flush();
    if (what == WHEN_DONE_DEBUG_EXIT) {
        outb(BOCHS_END_PORT, 'D');
    }
    if (what != WHEN_DONE_STAY) {
        outw(PIIX4_PM1A_BOCHS, PM1_SLP_EN);
        outw(PIIX4_PM1A_QEMU, PM1_SLP_EN);
    }
    log_info("the machine stays on; reset it, or use the monitor");
    console_flush();
}

static uint64_t check_end(uint64_t now)
{
    struct event event;

    (void)now;
    for (unsigned i = 0; i < vm_count; i++) {
        if (!vm_has_ended(&vms[i])) {
            return RUN_NEVER;
        }
    }
    if (!end_told) {
        end_told = true;
        log_info(vm_count ? "every guest has ended" : "there is no guest");
        event_begin(&event, "end");
        event_text(&event, "why", vm_count ? "all guests ended" : "no guest");
        event_end(&event);
        vmm_machine_end(boot_config.when_done);
    }
    return RUN_NEVER;
}

void vmm_init(const struct boot_config *config, uint64_t wall_seconds)
{
    boot_config = *config;
    wall_at_start = wall_seconds;
    tsc_at_start = rdtsc();
    vmm_commands_register();
    run_at_safe_point(check_end);
}

void vmm_start(uint64_t began)
{
    struct event event;

    event_begin(&event, "ready");
    event_number(&event, "vms", vm_count);
    event_number(&event, "tsc_per_ms", tsc_per_ms);
    event_number(&event, "slice", run_slice);
    event_number(&event, "startup", rdtsc() - began);
    event_end(&event);
    for (unsigned i = 0; i < vm_count; i++) {
        vm_go_on(&vms[i]);
        event_begin(&event, "vm-start");
        event_text(&event, "vm", vms[i].config->name);
        event_end(&event);
    }
}
