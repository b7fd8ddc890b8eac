/* sources: drivers/acpi.c drivers/hest.c */
/* fuzz: -runs=30000 -max_len=1024 */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's ACPI tables: a small physical memory that the input fills, with
 * tables whose lengths and sums may lie. Whatever is mapped is a copy of
 * exactly that size. */
#include "arch/x86_64/paging.h"
#include "drivers/acpi.h"
#include "kernel/fact.h"
#include "tests/fuzz/fuzz.h"

#define AT        0x100000u /* of the tables; below are the BIOS areas */
#define SIZE      0x2000u
#define MAPS_MAX  256
#define TABLES    8
#define HEADER    36u
#define WHOLE_MAX (1u << 20) /* a longer table is not read */
#define NAMED_MAX 64

static uint8_t high[SIZE], low[AT];
static void *maps[MAPS_MAX];
static unsigned map_count, skipped, fallen_back;

void fact(enum log_level level, const char *subject, const char *format, ...)
{
    require(level == LOG_WARN && strcmp(subject, "acpi") == 0);
    if (strstr(format, "XSDT")) {
        fallen_back++;
        return;
    }
    require(strstr(format, "skipped"));
    skipped++;
}

/* NULL: not all of it is in memory. */
static const uint8_t *memory(uint64_t physical, size_t size)
{
    if (physical < AT)
        return size <= AT - physical ? low + physical : NULL;
    physical -= AT;
    return physical < SIZE && size <= SIZE - physical ? high + physical : NULL;
}

const void *core_map_readonly(uint64_t physical, size_t size)
{
    const uint8_t *from = memory(physical, size);

    require(size > 0 && size <= WHOLE_MAX && map_count < MAPS_MAX);
    if (!from)
        return NULL;
    maps[map_count] = exact_copy(from, size);
    return maps[map_count++];
}

static uint32_t number(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static uint8_t sum(const uint8_t *at, size_t size)
{
    uint8_t total = 0;

    while (size--)
        total = (uint8_t)(total + *at++);
    return total;
}

/* The table at that address, if it is in memory and its sum is right. */
static const uint8_t *whole(uint64_t address)
{
    const uint8_t *header = memory(address, HEADER);
    uint32_t length = header ? number(header + 4) : 0;

    if (length < HEADER || length > WHOLE_MAX || !memory(address, length))
        return NULL;
    return sum(header, length) == 0 ? header : NULL;
}

/* ---- what the input makes ---- */

static uint32_t put_table(struct input *in, uint32_t *end)
{
    static const char names[][5] = {"APIC", "APIC", "FACP", "HPET",
                                    "MCFG", "HEST", "SSDT", "APIC"};
    unsigned kind = (unsigned)take(in, 1);
    uint32_t body = (uint32_t)take(in, 1), at = *end, length = HEADER + body;
    uint8_t *table = high + at;

    if (at + length > SIZE)
        return 0;
    memcpy(table, names[kind % 8], 4);
    for (unsigned i = HEADER; i < length; i++) {
        if (kind & 8 && i >= HEADER + 16) /* CPU after CPU */
            table[i] = (uint8_t)(table[i - 8] + ((i - HEADER) % 8 == 3));
        else
            table[i] = (uint8_t)take(in, 1);
    }
    if (kind >= 0xe0) /* lies of its length */
        length = (uint32_t)take_number(in);
    memcpy(table + 4, &length, 4);
    if (kind < 0xf0 && memory(AT + at, length) && length >= HEADER)
        table[9] = (uint8_t)(table[9] - sum(table, length));
    *end += HEADER + body;
    return AT + at;
}

static void put_root(struct input *in, const uint32_t *tables, uint32_t at,
                     unsigned width)
{
    unsigned how = (unsigned)take(in, 1), count = how % (TABLES + 1);
    uint32_t length = HEADER + count * width + how / 64;

    for (unsigned i = 0; i < count; i++) {
        uint64_t address = tables[i];

        if (how & 0x20) /* one table often, and wild ones */
            address = i % 2 ? tables[0] : take_number(in);
        memcpy(high + at + HEADER + i * width, &address, width);
    }
    memcpy(high + at + 4, &length, 4);
    high[at + 9] = (uint8_t)(high[at + 9] - sum(high + at, length));
}

static void put_rsdp(struct input *in, uint8_t *rsdp, uint32_t rsdt,
                     uint32_t xsdt)
{
    unsigned how = (unsigned)take(in, 1);
    uint64_t wide = xsdt;

    memcpy(rsdp, "RSD PTR ", 8);
    rsdp[15] = how & 1 ? 2 : 0;
    if (how & 0x80)
        wide = take_number(in);
    memcpy(rsdp + 16, &rsdt, 4);
    memcpy(rsdp + 24, &wide, 8);
    rsdp[8] = (uint8_t)(rsdp[8] - sum(rsdp, 20));
    if ((how & 0x70) == 0x70) /* broken in one place */
        rsdp[take_below(in, 36)] ^= 1u << take_below(in, 8);
}

/* Returns where the RSDP is told to be; 0: it is to be looked for. */
static uint64_t make(struct input *in)
{
    unsigned how = (unsigned)take(in, 1);
    uint32_t tables[TABLES] = {0}, end = 0x400;
    uint8_t *rsdp = high;
    uint64_t told = AT;

    memset(high, 0, sizeof(high));
    memset(low + 0x400, 0, 0x100);
    memset(low + 0x9fc00, 0, 0x400);
    memset(low + 0xe0000, 0, 0x20000);
    if (how % 4 == 1) { /* the EBDA */
        low[0x40f] = 0x9f;
        low[0x40e] = 0xc0;
        rsdp = low + 0x9fc00 + take_below(in, 0x400 - 36) / 16 * 16;
        told = 0;
    } else if (how % 4 == 2) {
        rsdp = low + 0xe0000 + take_below(in, 0x2000 - 2) * 16;
        told = 0;
    } else if (how % 4 == 3 && how > 0xf0) {
        told = take_number(in);
    }
    put_rsdp(in, rsdp, AT + 0x100, AT + 0x200);
    for (unsigned i = 0; i < TABLES && in->left; i++)
        tables[i] = put_table(in, &end);
    put_root(in, tables, 0x100, 4);
    put_root(in, tables, 0x200, 8);
    return told;
}

/* ---- what must come of it ---- */

/* The list as it should be, and how many CPUs it has no room for. */
static struct {
    uint32_t id[ACPI_CPUS_MAX];
    unsigned count, more;
} cpus;

static void add_cpu(uint32_t id, bool enabled)
{
    for (unsigned i = 0; i < cpus.count; i++)
        enabled &= cpus.id[i] != id;
    if (enabled && cpus.count == ACPI_CPUS_MAX)
        cpus.more++;
    else if (enabled)
        cpus.id[cpus.count++] = id;
}

/* The CPUs of a MADT, up to the first bad entry. */
static void add_cpus(const uint8_t *madt)
{
    uint32_t length = number(madt + 4), at = HEADER + 8;

    for (; at + 2 <= length && madt[at + 1] >= 2 && at + madt[at + 1] <= length;
         at += madt[at + 1]) {
        const uint8_t *e = madt + at;

        if (e[0] == 0 && e[1] >= 8)
            add_cpu(e[3], e[4] & 1);
        if (e[0] == 9 && e[1] >= 16)
            add_cpu(number(e + 4), e[8] & 1);
    }
}

/* Walks the root as the specification says, and counts. */
static void check_tables(const struct acpi_info *info, const uint8_t *root)
{
    unsigned width = info->extended ? 8 : 4, tables = 0, damaged = 0;
    uint32_t entries = (number(root + 4) - HEADER) / width;

    cpus.count = cpus.more = 0;
    for (unsigned i = 0; i < entries && i < NAMED_MAX; i++) {
        const uint8_t *at = root + HEADER + i * width, *table;
        uint64_t address = number(at);

        if (width == 8)
            address |= (uint64_t)number(at + 4) << 32;
        table = whole(address);
        tables += table != NULL;
        damaged += table == NULL;
        if (table && memcmp(table, "APIC", 4) == 0 &&
            number(table + 4) >= HEADER + 8)
            add_cpus(table);
    }
    require(info->tables == tables && skipped == damaged);
    require(info->cpu_count == cpus.count && info->cpus_ignored == cpus.more);
    require(memcmp(info->cpus, cpus.id, cpus.count * sizeof(cpus.id[0])) == 0);
}

/* An XSDT that is whole is used. */
static void check_root(const struct acpi_info *info, const uint8_t *rsdp)
{
    uint64_t xsdt;

    memcpy(&xsdt, rsdp + 24, 8);
    if (rsdp[15] >= 2 && xsdt) {
        require(info->extended == (whole(xsdt) != NULL));
        require(fallen_back == !info->extended);
    }
    require(info->found == (info->extended || whole(number(rsdp + 16))));
}

static void check(const struct acpi_info *info)
{
    require(info->cpu_count <= ACPI_CPUS_MAX && info->segments <= 65536);
    require(info->cpus_ignored == 0 || info->cpu_count == ACPI_CPUS_MAX);
    require(info->found || (!info->tables && !info->cpu_count));
    require(info->found || info->local_apic == 0xfee00000);
    require(fallen_back <= 1 && !(fallen_back && info->extended));
    require(info->tables <= NAMED_MAX && info->hest.sources < SIZE);
    require(info->hest.generic <= info->hest.sources);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct acpi_info info;
    uint64_t told = make(&in);
    const uint8_t *root = NULL;

    skipped = fallen_back = map_count = 0;
    memset(&info, 0xa5, sizeof(info));
    acpi_read(told, &info);
    check(&info);
    if (told == AT && memcmp(high, "RSD PTR ", 8) == 0 && sum(high, 20) == 0)
        check_root(&info, high);
    if (info.found) {
        root = whole(info.extended ? AT + 0x200 : AT + 0x100);
        /* unless the RSDP was changed to name another */
        if (root && told == AT && high[16] == 0 && high[17] == 1 &&
            high[18] == 16 && high[19] == 0 &&
            number(high + 24) == AT + 0x200 && number(high + 28) == 0)
            check_tables(&info, root);
    }
    while (map_count)
        free(maps[--map_count]);
    return 0;
}
