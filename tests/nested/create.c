/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes the virtual machine. */
#include "machine.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define MCE_BANKS 10
#define MCG_SER_P (1ull << 24)
#define MCG_CTL_P (1ull << 8)
#define MB_MAGIC  0x2BADB002
/* Three pages that KVM wants for itself. */
#define TSS_AT              0xFFFBD000
#define PAGE                4096
#define CPUID_MAX           256
#define VMX_PROCBASED_CTLS2 0x48B

static void open_machine(struct machine *m)
{
    struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
    struct kvm_userspace_memory_region region = {.memory_size = m->ram_size};

    m->kvm = machine_must(m, open("/dev/kvm", O_RDWR), "/dev/kvm");
    m->fd = machine_must(m, ioctl(m->kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    m->ram = mmap(NULL, m->ram_size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (m->ram == MAP_FAILED)
        machine_must(m, -1, "memory");
    region.userspace_addr = (uintptr_t)m->ram;
    machine_must(m, ioctl(m->fd, KVM_SET_TSS_ADDR, TSS_AT), "KVM_SET_TSS_ADDR");
    machine_must(m, ioctl(m->fd, KVM_CREATE_IRQCHIP), "KVM_CREATE_IRQCHIP");
    machine_must(m, ioctl(m->fd, KVM_CREATE_PIT2, &pit), "KVM_CREATE_PIT2");
    machine_must(m, ioctl(m->fd, KVM_SET_USER_MEMORY_REGION, &region),
                 "KVM_SET_USER_MEMORY_REGION");
}

/* What goes out on the serial lines comes in bunches: an exit for each
 * character would be most of the time of a run. */
static void bunch_output(struct machine *m)
{
    static const struct kvm_coalesced_mmio_zone zones[] = {
        {.addr = COM1, .size = 1, .pio = 1},
        {.addr = COM2, .size = 1, .pio = 1},
        {.addr = COM1_MMIO, .size = 1},
        {.addr = COM2_MMIO32, .size = 4},
    };
    int page = ioctl(m->kvm, KVM_CHECK_EXTENSION, KVM_CAP_COALESCED_MMIO);

    if (page <= 0 ||
        ioctl(m->kvm, KVM_CHECK_EXTENSION, KVM_CAP_COALESCED_PIO) <= 0)
        return;
    m->bunch = (void *)((uint8_t *)m->cpus[0].run + page * PAGE);
    for (unsigned i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        machine_must(m, ioctl(m->fd, KVM_REGISTER_COALESCED_MMIO, &zones[i]),
                     "KVM_REGISTER_COALESCED_MMIO");
    }
}

static void set_cpuid(struct machine *m, struct vcpu *v)
{
    struct kvm_cpuid2 *cpuid =
        calloc(1, sizeof(*cpuid) + CPUID_MAX * sizeof(cpuid->entries[0]));
    uint32_t id = (uint32_t)(v - m->cpus);

    if (!cpuid)
        machine_must(m, -1, "cpuid");
    cpuid->nent = CPUID_MAX;
    machine_must(m, ioctl(m->kvm, KVM_GET_SUPPORTED_CPUID, cpuid),
                 "KVM_GET_SUPPORTED_CPUID");
    for (unsigned i = 0; i < cpuid->nent; i++) {
        struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

        if (e->function == 1)
            e->ebx = (e->ebx & 0xFFFF) | id << 24 | m->cpu_count << 16;
        if (e->function == 0xB)
            e->edx = id;
    }
    machine_must(m, ioctl(v->fd, KVM_SET_CPUID2, cpuid), "KVM_SET_CPUID2");
    free(cpuid);
}

static void set_mce_banks(struct machine *m, struct vcpu *v)
{
    uint64_t cap = 0;

    machine_must(m, ioctl(m->kvm, KVM_X86_GET_MCE_CAP_SUPPORTED, &cap),
                 "KVM_X86_GET_MCE_CAP_SUPPORTED");
    cap = (cap & (MCG_SER_P | MCG_CTL_P)) | MCE_BANKS;
    machine_must(m, ioctl(v->fd, KVM_X86_SETUP_MCE, &cap), "KVM_X86_SETUP_MCE");
}

/* Takes capabilities away: KVM accepts any subset of its own (SDM vol. 3,
 * A.3.3: bits 63:32 are the controls that may be 1). */
static void hide_controls(struct machine *m, struct vcpu *v)
{
    struct kvm_msrs *msrs = calloc(1, sizeof(*msrs) + sizeof(msrs->entries[0]));

    if (!msrs)
        machine_must(m, -1, "msrs");
    msrs->nmsrs = 1;
    msrs->entries[0].index = VMX_PROCBASED_CTLS2;
    machine_must(m, ioctl(v->fd, KVM_GET_MSRS, msrs), "KVM_GET_MSRS");
    msrs->entries[0].data &= ~((uint64_t)m->hidden << 32);
    if (ioctl(v->fd, KVM_SET_MSRS, msrs) != 1)
        machine_must(m, -1, "hiding secondary controls");
    free(msrs);
}

static void open_vcpu(struct machine *m, unsigned id)
{
    struct vcpu *v = &m->cpus[id];
    int size = ioctl(m->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

    v->machine = m;
    v->fd =
        machine_must(m, ioctl(m->fd, KVM_CREATE_VCPU, id), "KVM_CREATE_VCPU");
    v->run = mmap(NULL, (size_t)machine_must(m, size, "KVM_GET_VCPU_MMAP_SIZE"),
                  PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
    if (v->run == MAP_FAILED)
        machine_must(m, -1, "kvm_run");
    set_cpuid(m, v);
    set_mce_banks(m, v);
    if (m->hidden)
        hide_controls(m, v);
}

static struct kvm_segment flat(uint16_t selector, uint8_t type)
{
    return (struct kvm_segment){.limit = 0xFFFFFFFF,
                                .selector = selector,
                                .type = type,
                                .present = 1,
                                .db = 1,
                                .s = 1,
                                .g = 1};
}

/* KVM drew up its map of APIC ids when some vCPUs were not there yet; setting
 * a local APIC makes it draw up another. Else no IPI finds its target. */
static void refresh_apic_map(struct machine *m)
{
    struct kvm_lapic_state lapic;

    for (unsigned i = 0; i < m->cpu_count; i++) {
        machine_must(m, ioctl(m->cpus[i].fd, KVM_GET_LAPIC, &lapic),
                     "KVM_GET_LAPIC");
        machine_must(m, ioctl(m->cpus[i].fd, KVM_SET_LAPIC, &lapic),
                     "KVM_SET_LAPIC");
    }
}

void machine_open(struct machine *m)
{
    open_machine(m);
    for (unsigned i = 0; i < m->cpu_count; i++)
        open_vcpu(m, i);
    refresh_apic_map(m);
    bunch_output(m);
}

/* 32 bit, flat, no paging (Multiboot Specification 3.2). */
void machine_enter(struct machine *m, uint32_t entry, uint32_t info)
{
    struct vcpu *v = &m->cpus[0];
    struct kvm_regs regs = {
        .rax = MB_MAGIC, .rbx = info, .rip = entry, .rflags = 2};
    struct kvm_sregs sregs;

    machine_must(m, ioctl(v->fd, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
    sregs.cs = flat(0x08, 0xB);
    sregs.ds = flat(0x10, 0x3);
    sregs.es = sregs.fs = sregs.gs = sregs.ss = sregs.ds;
    sregs.cr0 = 0x11; /* PE, ET */
    machine_must(m, ioctl(v->fd, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
    machine_must(m, ioctl(v->fd, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}
