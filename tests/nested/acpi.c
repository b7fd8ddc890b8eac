/* SPDX-License-Identifier: BSD-2-Clause */
/* The ACPI tables that a kernel needs to find CPUs and timer (ACPI 1.0). */
#include "machine.h"

#include <string.h>

#define TABLES      0xE0000
#define SCI_IRQ     9
#define MADT_PCAT   1 /* two 8259s are there as well */
#define LAPIC_BASE  0xFEE00000
#define IOAPIC_BASE 0xFEC00000

struct header {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem[6], oem_table[8];
    uint32_t oem_revision;
    char creator[4];
    uint32_t creator_revision;
} __attribute__((packed));

struct rsdp {
    char signature[8];
    uint8_t checksum;
    char oem[6];
    uint8_t revision;
    uint32_t rsdt;
} __attribute__((packed));

struct rsdt {
    struct header header;
    uint32_t tables[2];
} __attribute__((packed));

struct fadt {
    struct header header;
    uint32_t facs, dsdt;
    uint8_t model, profile;
    uint16_t sci;
    uint32_t smi_command;
    uint8_t acpi_enable, acpi_disable, s4bios, pstate;
    uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control;
    uint32_t pm2_control, pm_timer, gpe0, gpe1;
    uint8_t pm1_event_length, pm1_control_length, pm2_control_length;
    uint8_t pm_timer_length, gpe0_length, gpe1_length, gpe1_base, cst;
    uint16_t c2_latency, c3_latency, flush_size, flush_stride;
    uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
    uint16_t boot_arch;
    uint8_t reserved;
    uint32_t flags;
} __attribute__((packed));

_Static_assert(sizeof(struct fadt) == 116, "FADT of ACPI 1.0");

struct madt_cpu {
    uint8_t type, length, id, apic_id;
    uint32_t flags;
} __attribute__((packed));

struct madt_ioapic {
    uint8_t type, length, id, reserved;
    uint32_t address, gsi;
} __attribute__((packed));

struct madt {
    struct header header;
    uint32_t lapic, flags;
    struct madt_ioapic ioapic;
    struct madt_cpu cpus[MAX_CPUS];
} __attribute__((packed));

struct tables {
    struct rsdp rsdp;
    struct rsdt rsdt __attribute__((aligned(16)));
    struct fadt fadt __attribute__((aligned(16)));
    struct header dsdt __attribute__((aligned(16)));
    struct madt madt __attribute__((aligned(16)));
};

static uint8_t checksum(const void *data, size_t size)
{
    const uint8_t *byte = data;
    uint8_t sum = 0;

    while (size--)
        sum = (uint8_t)(sum + *byte++);
    return (uint8_t)-sum;
}

static void finish(struct header *h, const char *signature, size_t size)
{
    memcpy(h->signature, signature, sizeof(h->signature));
    h->length = (uint32_t)size;
    h->revision = 1;
    memcpy(h->oem, "NESTED", sizeof(h->oem));
    memcpy(h->oem_table, "TESTBED ", sizeof(h->oem_table));
    memcpy(h->creator, "TEST", sizeof(h->creator));
    h->checksum = checksum(h, size);
}

static void build_fadt(struct fadt *f, uint32_t dsdt)
{
    f->dsdt = dsdt;
    f->sci = SCI_IRQ;
    f->pm1a_event = ACPI_PM1A_EVENT;
    f->pm1_event_length = 4;
    f->pm1a_control = ACPI_PM1A_CONTROL;
    f->pm1_control_length = 2;
    f->pm_timer = ACPI_PM_TIMER;
    f->pm_timer_length = 4;
    f->century = 0x32;
    finish(&f->header, "FACP", sizeof(*f));
}

static void build_madt(struct madt *madt, unsigned cpu_count)
{
    madt->lapic = LAPIC_BASE;
    madt->flags = MADT_PCAT;
    madt->ioapic = (struct madt_ioapic){
        .type = 1, .length = 12, .id = MAX_CPUS, .address = IOAPIC_BASE};
    for (unsigned i = 0; i < cpu_count; i++)
        madt->cpus[i] = (struct madt_cpu){
            .length = 8, .id = (uint8_t)i, .apic_id = (uint8_t)i, .flags = 1};
    finish(&madt->header, "APIC",
           offsetof(struct madt, cpus) + cpu_count * sizeof(madt->cpus[0]));
}

void acpi_build(struct machine *m)
{
    struct tables *t = (struct tables *)(m->ram + TABLES);

    memset(t, 0, sizeof(*t));
    build_fadt(&t->fadt, TABLES + offsetof(struct tables, dsdt));
    finish(&t->dsdt, "DSDT", sizeof(t->dsdt));
    build_madt(&t->madt, m->cpu_count);
    t->rsdt.tables[0] = TABLES + offsetof(struct tables, fadt);
    t->rsdt.tables[1] = TABLES + offsetof(struct tables, madt);
    finish(&t->rsdt.header, "RSDT", sizeof(t->rsdt));
    memcpy(t->rsdp.signature, "RSD PTR ", sizeof(t->rsdp.signature));
    memcpy(t->rsdp.oem, "NESTED", sizeof(t->rsdp.oem));
    t->rsdp.rsdt = TABLES + offsetof(struct tables, rsdt);
    t->rsdp.checksum = checksum(&t->rsdp, sizeof(t->rsdp));
}
