/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest machine as it is at power-on, with its images loaded. */
#include "vmm/guest.h"

#include "arch/x86_64/cpu.h"
#include "kernel/format.h"
#include "kernel/string.h"
#include "kernel/watchdog.h"
#include "vmm/acpi_tables.h"
#include "vmm/exits.h"
#include "vmm/msr.h"

/* Segments as loaders leave them: type, S, present, and L or D/B with G
 * (SDM vol. 3, table 24-2). */
#define ACCESS_CODE_64  0xa09bu
#define ACCESS_CODE_32  0xc09bu
#define ACCESS_DATA     0xc093u
#define ACCESS_TSS_BUSY 0x008bu

#define PAT_RESET       0x0007040600070406ul /* SDM vol. 3, 11.12.4 */
#define DR6_RESET       0xffff0ff0ul
#define DR7_RESET       0x400ul

#define LOAD_TICKS      2 /* TSC ticks a byte of an image may take */

static int write_image(void *context, uint64_t gpa, const void *data,
                       uint64_t size)
{
    return guest_write(context, gpa, data, size);
}

/* Different for each VM and start, not secret: the guest has RDRAND. */
static void make_seed(const struct guest *guest, uint8_t seed[LOAD_SEED_SIZE])
{
    uint64_t x = rdtsc() + guest->vm->id;

    for (unsigned i = 0; i < LOAD_SEED_SIZE; i++) {
        x = x * 6364136223846793005ul + 1442695040888963407ul; /* Knuth */
        seed[i] = (uint8_t)(x >> 56);
    }
}

static void set_segments(struct x86_state *state, uint32_t code, uint16_t cs,
                         uint16_t ds)
{
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        state->segment[i] = (struct x86_segment){
            .limit = UINT32_MAX, .access = ACCESS_DATA, .selector = ds};
    }
    state->segment[SEG_CS].access = code;
    state->segment[SEG_CS].selector = cs;
    state->segment[SEG_LDTR] = (struct x86_segment){.access = SEGMENT_UNUSABLE};
    state->segment[SEG_TR] =
        (struct x86_segment){.limit = 0xffff, .access = ACCESS_TSS_BUSY};
}

static void first_state(const struct load_result *loaded,
                        struct x86_state *state)
{
    memset(state, 0, sizeof(*state));
    state->rip = loaded->entry;
    state->rflags = RFLAGS_FIXED;
    state->cr0 = CR0_PE | CR0_ET | CR0_NE;
    state->pat = PAT_RESET;
    state->dr6 = DR6_RESET;
    state->dr7 = DR7_RESET;
    state->fpu[0] = 0x7f; /* FCW 0x37f, MXCSR 0x1f80 (SDM vol. 1, 10.5.1) */
    state->fpu[1] = 0x03;
    state->fpu[24] = 0x80;
    state->fpu[25] = 0x1f;
    if (loaded->kind == LOAD_LINUX64) {
        state->gpr[GPR_RSI] = loaded->rsi;
        state->cr0 |= CR0_PG;
        state->cr3 = loaded->cr3;
        state->cr4 = CR4_PAE;
        state->efer = EFER_LME | EFER_LMA;
        state->gdt_base = loaded->gdt;
        state->gdt_limit = loaded->gdt_limit;
        set_segments(state, ACCESS_CODE_64, LOAD_CS, LOAD_DS);
    } else {
        state->gpr[GPR_RAX] = loaded->eax;
        state->gpr[GPR_RBX] = loaded->ebx;
        set_segments(state, ACCESS_CODE_32, LOAD_CS, LOAD_DS);
    }
}

static void reset_platform(struct guest *guest)
{
    struct platform *platform = &guest->platform;
    uint64_t low = guest->memory < LOAD_HOLE ? guest->memory : LOAD_HOLE;

    memset(platform, 0, sizeof(*platform));
    uart_reset(&platform->uart);
    ioapic_reset(&platform->ioapic);
    cmos_reset(&platform->cmos, low, guest->memory - low);
    power_reset(&platform->power);
    guest->call_pending = false;
    guest->tsc_offset = -rdtsc();
}

static void reset_vcpu(struct guest *guest, struct vcpu *vcpu,
                       const struct load_result *loaded)
{
    struct x86_state state;

    first_state(loaded, &state);
    memset(&vcpu->lapic, 0, sizeof(vcpu->lapic));
    lapic_reset(&vcpu->lapic, vcpu->index, loaded->kind == LOAD_LINUX64,
                guest->cpuid.tsc_per_count);
    msr_reset(&vcpu->msrs);
    vcpu->activity = ACTIVITY_ACTIVE;
    vcpu->look = LOOK_EVENTS;
    cell_switch(&guest->vm->cell, &vcpu->arch);
    cpu->restore(&vcpu->arch, &state);
    cpu->set_x2apic(&vcpu->arch, lapic_is_x2apic(&vcpu->lapic));
    cpu->set_tsc_offset(&vcpu->arch, guest->tsc_offset);
}

static uint64_t image_bytes(const struct guest *guest)
{
    uint64_t bytes = guest->kernel.size;

    for (unsigned i = 0; i < guest->vm->config->module_count; i++) {
        bytes += guest->modules[i].size;
    }
    return bytes;
}

int guest_load(struct guest *guest, char why[96])
{
    const struct vm_config *config = guest->vm->config;
    const struct guest_writer writer = {guest, guest->memory, write_image};
    const char *strings[VM_MODULES_MAX];
    uint8_t seed[LOAD_SEED_SIZE];
    struct load_result loaded;
    int error;

    for (unsigned i = 0; i < config->module_count; i++) {
        strings[i] = config->module_cmdline[i];
    }
    watchdog_allow(LOAD_TICKS * image_bytes(guest));
    make_seed(guest, seed);
    error = load_guest(&guest->kernel, guest->modules, strings,
                       config->module_count, config->cmdline, seed, &writer,
                       &loaded);
    if (error) {
        format(why, 96, "%s", loaded.error);
        return error;
    }
    error = acpi_write_tables(&writer, VCPUS_MAX);
    if (error) {
        format(why, 96, "the ACPI tables do not fit (error %d)", -error);
        return error;
    }
    reset_platform(guest);
    for (unsigned i = 0; i < VCPUS_MAX; i++) {
        reset_vcpu(guest, &guest->vcpu[i], &loaded);
    }
    platform_eoi_wanted(guest);
    return 0;
}
