/* SPDX-License-Identifier: BSD-2-Clause */
/* ACPI specification 6.4, chapter 5. Firmware's tables are mapped read-only
 * while they are parsed; nothing in them is trusted beyond its checksum. */
#include "drivers/acpi.h"

#include <stddef.h>

#include "arch/x86_64/paging.h"
#include "kernel/fact.h"
#include "kernel/frame.h"
#include "kernel/string.h"

#define TABLE_SIZE_MAX (1u << 20)
#define TABLES_MAX     64

struct header {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem[6], oem_table[8];
    uint32_t oem_revision, creator, creator_revision;
} __attribute__((packed));

struct rsdp {
    char signature[8];
    uint8_t checksum;
    char oem[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length;
    uint64_t xsdt;
    uint8_t extended_checksum;
    uint8_t reserved[3];
} __attribute__((packed));

#define RSDP_SIZE_1 20 /* bytes of revision 0 */

static bool sum_is_zero(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint8_t sum = 0;

    for (size_t i = 0; i < size; i++) {
        sum = (uint8_t)(sum + bytes[i]);
    }
    return sum == 0;
}

static bool rsdp_valid(const struct rsdp *rsdp)
{
    return !memcmp(rsdp->signature, "RSD PTR ", 8) &&
           sum_is_zero(rsdp, RSDP_SIZE_1);
}

static const struct rsdp *rsdp_search(uint64_t start, uint64_t end)
{
    const char *area = core_map_readonly(start, end - start);

    for (uint64_t i = 0; area && i + sizeof(struct rsdp) <= end - start;
         i += 16) {
        const struct rsdp *rsdp = (const void *)(area + i);

        if (rsdp_valid(rsdp)) {
            return rsdp;
        }
    }
    return NULL;
}

static const struct rsdp *rsdp_find(uint64_t told)
{
    const struct rsdp *rsdp = NULL;
    const uint16_t *ebda;

    if (told) {
        rsdp = core_map_readonly(told, sizeof(struct rsdp));
        return rsdp && rsdp_valid(rsdp) ? rsdp : NULL;
    }
    /* The EBDA's first KiB; its segment is at 0x40e of the BIOS data area. */
    ebda = core_map_readonly(0x40e, 2);
    if (ebda && *ebda >= 0x8000) {
        rsdp = rsdp_search((uint64_t)*ebda << 4, ((uint64_t)*ebda << 4) + 1024);
    }
    return rsdp ? rsdp : rsdp_search(0xe0000, 0x100000);
}

static const struct header *table_map(uint64_t address)
{
    const struct header *header = core_map_readonly(address, sizeof(*header));

    if (!header || header->length < sizeof(*header) ||
        header->length > TABLE_SIZE_MAX) {
        return NULL;
    }
    header = core_map_readonly(address, header->length);
    return header && sum_is_zero(header, header->length) ? header : NULL;
}

static bool has_cpu(const struct acpi_info *info, uint32_t id)
{
    for (unsigned i = 0; i < info->cpu_count; i++) {
        if (info->cpus[i] == id) {
            return true;
        }
    }
    return false;
}

/* Some firmware lists a CPU as local APIC and as x2APIC: one that runs is not
 * to be started again. */
static void add_cpu(struct acpi_info *info, uint32_t id, uint32_t flags)
{
    if (!(flags & 1) || has_cpu(info, id)) { /* bit 0: enabled */
        return;
    }
    if (info->cpu_count == ACPI_CPUS_MAX) {
        info->cpus_ignored++;
        return;
    }
    info->cpus[info->cpu_count++] = id;
}

static uint32_t word(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static uint64_t quad(const uint8_t *at)
{
    return word(at) | (uint64_t)word(at + 4) << 32;
}

/* One entry of the MADT: ACPI 6.4, 5.2.12.2 and following. */
static void read_madt_entry(const uint8_t *e, uint8_t size,
                            struct acpi_info *info)
{
    if (e[0] == 0 && size >= 8) {
        add_cpu(info, e[3], word(e + 4));
    } else if (e[0] == 9 && size >= 16) {
        add_cpu(info, word(e + 4), word(e + 8));
    } else if (e[0] == 1 && size >= 12 && word(e + 8) == 0) {
        info->io_apic = word(e + 4);
    } else if (e[0] == 2 && size >= 10 && e[3] < ACPI_IRQS_LEGACY) {
        info->irq_gsi[e[3]] = word(e + 4);
    } else if (e[0] == 5 && size >= 12) {
        info->local_apic = quad(e + 4);
    }
}

static void read_madt(const struct header *table, struct acpi_info *info)
{
    const uint8_t *bytes = (const void *)table;
    uint32_t at = sizeof(*table) + 8;

    if (table->length < at) {
        return;
    }
    info->local_apic = word(bytes + sizeof(*table));
    while (at + 2 <= table->length) {
        uint8_t size = bytes[at + 1];

        if (size < 2 || at + size > table->length) {
            break;
        }
        read_madt_entry(bytes + at, size, info);
        at += size;
    }
}

static void read_fadt(const struct header *table, struct acpi_info *info)
{
    if (table->length >= 80) { /* PM_TMR_BLK: ACPI 6.4, table 5.9 */
        info->pm_timer = (uint16_t)word((const uint8_t *)table + 76);
    }
}

/* IA-PC HPET specification 1.0a, 3.2.4: a generic address whose space is
 * memory. */
static void read_hpet(const struct header *table, struct acpi_info *info)
{
    const uint8_t *bytes = (const uint8_t *)table;

    if (table->length >= 52 && bytes[40] == 0) {
        info->hpet = quad(bytes + 44);
    }
}

/* PCI firmware specification 3.0, table 4-3: 16 bytes for each range of
 * buses, the segment's number in bytes 8 and 9. Counts 0 to the highest. */
static void read_mcfg(const struct header *table, struct acpi_info *info)
{
    const uint8_t *bytes = (const uint8_t *)table;

    for (uint32_t at = sizeof(*table) + 8; at + 16 <= table->length; at += 16) {
        unsigned segment = word(bytes + at + 8) & 0xffff;

        if (segment >= info->segments) {
            info->segments = segment + 1;
        }
    }
}

static void read_table(uint64_t address, struct acpi_info *info)
{
    const struct header *table = table_map(address);

    if (!table) {
        fact_warn("acpi", "the table at 0x%lx is damaged and skipped", address);
        return;
    }
    info->tables++;
    if (!memcmp(table->signature, "APIC", 4)) {
        read_madt(table, info);
    } else if (!memcmp(table->signature, "FACP", 4)) {
        read_fadt(table, info);
    } else if (!memcmp(table->signature, "HPET", 4)) {
        read_hpet(table, info);
    } else if (!memcmp(table->signature, "MCFG", 4)) {
        read_mcfg(table, info);
    } else if (!memcmp(table->signature, "HEST", 4)) {
        hest_read((const uint8_t *)(table + 1),
                  table->length - (uint32_t)sizeof(*table), &info->hest);
    }
}

/* The XSDT, or, where there is none that is whole, the RSDT. */
static const struct header *root_find(const struct rsdp *rsdp,
                                      struct acpi_info *info)
{
    const struct header *root = NULL;

    if (rsdp->revision >= 2 && rsdp->xsdt) {
        root = table_map(rsdp->xsdt);
        info->extended = root != NULL;
        if (!root) {
            fact_warn("acpi", "the XSDT at 0x%lx is damaged: the RSDT is tried",
                      rsdp->xsdt);
        }
    }
    return root ? root : table_map(rsdp->rsdt);
}

void acpi_read(uint64_t told, struct acpi_info *info)
{
    const struct rsdp *rsdp = rsdp_find(told);
    const struct header *root;
    unsigned width;

    memset(info, 0, sizeof(*info));
    info->local_apic = 0xfee00000;
    for (uint32_t i = 0; i < ACPI_IRQS_LEGACY; i++) {
        info->irq_gsi[i] = i;
    }
    if (!rsdp) {
        return;
    }
    root = root_find(rsdp, info);
    if (!root) {
        return;
    }
    info->found = true;
    width = info->extended ? 8 : 4;
    for (unsigned i = 0; i < TABLES_MAX; i++) {
        uint32_t at = (uint32_t)sizeof(*root) + i * width;
        const uint8_t *entry = (const uint8_t *)root + at;

        if (at + width > root->length) {
            break;
        }
        read_table(width == 8 ? quad(entry) : word(entry), info);
    }
}
