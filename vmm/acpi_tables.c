/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers of sections are those of the ACPI Specification 6.4. */
#include "vmm/acpi_tables.h"

#include "kernel/errno.h"
#include "kernel/string.h"
#include "vmm/devices/ioapic.h"
#include "vmm/devices/power.h"

#define XSDT_ADDRESS  (ACPI_RSDP + 0x40)
#define FADT_ADDRESS  (ACPI_RSDP + 0x80)
#define MADT_ADDRESS  (ACPI_RSDP + 0x200)
#define DSDT_ADDRESS  (ACPI_RSDP + 0x1000)
#define TABLES_END    0x100000ULL

#define LAPIC_ADDRESS 0xFEE00000

/* 5.2.9: flags of the FADT */
#define FADT_WBINVD         (1U << 0)
#define FADT_PWR_BUTTON     (1U << 4) /* none as a fixed feature */
#define FADT_SLP_BUTTON     (1U << 5) /* likewise */
#define FADT_FIX_RTC        (1U << 6) /* no RTC wake status */
#define FADT_RESET_REG_SUP  (1U << 10)
#define FADT_HW_REDUCED     (1U << 20)
#define FADT_BOOT_NO_VGA    (1U << 2) /* 5.2.9.3; no 8042, CMOS clock there */
#define FADT_REVISION       6
#define FADT_MINOR_REVISION 4

/* 5.2.12 */
#define MADT_REVISION      5
#define MADT_LOCAL_APIC    0
#define MADT_IO_APIC       1
#define MADT_LAPIC_ENABLED 1

struct acpi_header {
    char signature[4];
    uint32_t length;
    uint8_t revision;
    uint8_t checksum;
    char oem_id[6];
    char oem_table_id[8];
    uint32_t oem_revision;
    char creator_id[4];
    uint32_t creator_revision;
} __attribute__((packed));

struct acpi_rsdp {
    char signature[8];
    uint8_t checksum; /* of the first 20 bytes */
    char oem_id[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length;
    uint64_t xsdt;
    uint8_t extended_checksum; /* of all */
    uint8_t reserved[3];
} __attribute__((packed));

struct acpi_xsdt {
    struct acpi_header header;
    uint64_t tables[2];
} __attribute__((packed));

/* 5.2.3.2: generic address structure */
struct acpi_register {
    uint8_t space;
    uint8_t bit_width;
    uint8_t bit_offset;
    uint8_t access_size;
    uint64_t address;
} __attribute__((packed));

/* 5.2.9; what a hardware-reduced machine leaves 0 is in the gaps */
struct acpi_fadt {
    struct acpi_header header;
    uint32_t firmware_ctrl;
    uint32_t dsdt;
    uint8_t gap_44[109 - 44];
    uint16_t iapc_boot_arch;
    uint8_t gap_111;
    uint32_t flags;
    struct acpi_register reset_reg;
    uint8_t reset_value;
    uint16_t arm_boot_arch;
    uint8_t minor_revision;
    uint64_t x_firmware_ctrl;
    uint64_t x_dsdt;
    uint8_t gap_148[244 - 148];
    struct acpi_register sleep_control;
    struct acpi_register sleep_status;
    char hypervisor_id[8];
} __attribute__((packed));

_Static_assert(sizeof(struct acpi_header) == 36, "5.2.6");
_Static_assert(sizeof(struct acpi_rsdp) == 36, "5.2.5.3");
_Static_assert(sizeof(struct acpi_fadt) == 276, "5.2.9");
_Static_assert(FADT_ADDRESS + sizeof(struct acpi_fadt) <= MADT_ADDRESS,
               "the FADT ends before the MADT");

struct acpi_local_apic {
    uint8_t type;
    uint8_t length;
    uint8_t processor_uid; /* _UID of the DSDT's processor */
    uint8_t apic_id;
    uint32_t flags;
} __attribute__((packed));

struct acpi_io_apic {
    uint8_t type;
    uint8_t length;
    uint8_t id;
    uint8_t reserved;
    uint32_t address;
    uint32_t gsi_base;
} __attribute__((packed));

struct acpi_madt {
    struct acpi_header header;
    uint32_t local_apic_address;
    uint32_t flags; /* PCAT_COMPAT is off: there are no 8259s */
    struct acpi_io_apic io_apic;
    struct acpi_local_apic local_apics[ACPI_VCPUS_MAX];
} __attribute__((packed));

_Static_assert(MADT_ADDRESS + sizeof(struct acpi_madt) <= DSDT_ADDRESS,
               "the MADT ends before the DSDT");

/* The value that makes the sum of size bytes 0, their own checksum being 0. */
static uint8_t checksum(const void *table, uint64_t size)
{
    const uint8_t *byte = table;
    unsigned sum = 0;

    while (size-- > 0)
        sum += *byte++;
    return (uint8_t)(0U - sum);
}

static void fill_header(struct acpi_header *header, const char *signature,
                        uint8_t revision, uint64_t size)
{
    memcpy(header->signature, signature, sizeof(header->signature));
    header->length = (uint32_t)size;
    header->revision = revision;
    memcpy(header->oem_id, "BLKHD ", sizeof(header->oem_id));
    memcpy(header->oem_table_id, "GUEST   ", sizeof(header->oem_table_id));
    header->oem_revision = 1;
    memcpy(header->creator_id, "BLKH", sizeof(header->creator_id));
    header->creator_revision = 1;
}

static int write_table(const struct guest_writer *w, uint64_t gpa,
                       struct acpi_header *header)
{
    header->checksum = checksum(header, header->length);
    return w->write(w->context, gpa, header, header->length);
}

static struct acpi_register io_byte(uint16_t port)
{
    const uint8_t system_io = 1;
    const uint8_t access_byte = 1;

    return (struct acpi_register){system_io, 8, 0, access_byte, port};
}

static int write_rsdp(const struct guest_writer *w)
{
    struct acpi_rsdp rsdp = {
        .revision = 2,
        .length = sizeof(rsdp),
        .xsdt = XSDT_ADDRESS,
    };

    memcpy(rsdp.signature, "RSD PTR ", sizeof(rsdp.signature));
    memcpy(rsdp.oem_id, "BLKHD ", sizeof(rsdp.oem_id));
    rsdp.checksum = checksum(&rsdp, 20);
    rsdp.extended_checksum = checksum(&rsdp, sizeof(rsdp));
    return w->write(w->context, ACPI_RSDP, &rsdp, sizeof(rsdp));
}

static int write_xsdt(const struct guest_writer *w)
{
    struct acpi_xsdt xsdt = {.tables = {FADT_ADDRESS, MADT_ADDRESS}};

    fill_header(&xsdt.header, "XSDT", 1, sizeof(xsdt));
    return write_table(w, XSDT_ADDRESS, &xsdt.header);
}

static int write_fadt(const struct guest_writer *w)
{
    struct acpi_fadt fadt = {
        .dsdt = DSDT_ADDRESS,
        .iapc_boot_arch = FADT_BOOT_NO_VGA,
        .flags = FADT_WBINVD | FADT_PWR_BUTTON | FADT_SLP_BUTTON |
                 FADT_FIX_RTC | FADT_RESET_REG_SUP | FADT_HW_REDUCED,
        .reset_reg = io_byte(POWER_PORT_RESET),
        .reset_value = POWER_RESET_VALUE,
        .minor_revision = FADT_MINOR_REVISION,
        .x_dsdt = DSDT_ADDRESS,
        .sleep_control = io_byte(POWER_PORT_SLEEP_CONTROL),
        .sleep_status = io_byte(POWER_PORT_SLEEP_STATUS),
    };

    fill_header(&fadt.header, "FACP", FADT_REVISION, sizeof(fadt));
    memcpy(fadt.hypervisor_id, "BULKHEAD", sizeof(fadt.hypervisor_id));
    return write_table(w, FADT_ADDRESS, &fadt.header);
}

static int write_madt(const struct guest_writer *w, unsigned vcpus)
{
    struct acpi_madt madt = {
        .local_apic_address = LAPIC_ADDRESS,
        .io_apic = {.type = MADT_IO_APIC,
                    .length = sizeof(madt.io_apic),
                    .address = IOAPIC_BASE},
    };

    for (unsigned i = 0; i < vcpus; i++)
        madt.local_apics[i] = (struct acpi_local_apic){
            .type = MADT_LOCAL_APIC,
            .length = sizeof(madt.local_apics[i]),
            .processor_uid = (uint8_t)i,
            .apic_id = (uint8_t)i,
            .flags = MADT_LAPIC_ENABLED,
        };
    fill_header(&madt.header, "APIC", MADT_REVISION,
                offsetof(struct acpi_madt, local_apics) +
                    vcpus * sizeof(madt.local_apics[0]));
    return write_table(w, MADT_ADDRESS, &madt.header);
}

static int write_dsdt(const struct guest_writer *w)
{
    if (acpi_dsdt_size > TABLES_END - DSDT_ADDRESS)
        return -EINVAL;
    return w->write(w->context, DSDT_ADDRESS, acpi_dsdt, acpi_dsdt_size);
}

int acpi_write_tables(const struct guest_writer *w, unsigned vcpus)
{
    int error;

    if (vcpus == 0 || vcpus > ACPI_VCPUS_MAX)
        return -EINVAL;
    error = write_dsdt(w);
    if (error == 0)
        error = write_madt(w, vcpus);
    if (error == 0)
        error = write_fadt(w);
    if (error == 0)
        error = write_xsdt(w);
    if (error == 0)
        error = write_rsdp(w);
    return error;
}
