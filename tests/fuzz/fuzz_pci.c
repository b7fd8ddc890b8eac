/* sources: drivers/pci.c */
/* fuzz: -runs=2500 -max_len=160 -len_control=0 */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The scan of PCI: a configuration space of some functions, some of which do
 * not obey. What it says it did is what is there afterwards. */
#include "drivers/pci.h"
#include "tests/fuzz/fuzz.h"

#define FUNCTIONS 16
#define WORDS     6
#define MASTER    4u

struct function {
    pci_id id;
    uint32_t word[WORDS], before; /* and its command at first */
    uint16_t stays;               /* command bits that cannot be cleared */
    uint16_t never;               /* those that cannot be set */
    bool written;
};

static struct function functions[FUNCTIONS];
static uint8_t index_of[65536]; /* 0: absent */
static unsigned count;
static bool present;

bool pci_config_present(void)
{
    return present;
}

uint32_t pci_config_read(pci_id id, uint8_t offset)
{
    require(present && offset % 4 == 0 && offset < 4 * WORDS);
    return index_of[id] ? functions[index_of[id] - 1].word[offset / 4]
                        : UINT32_MAX;
}

void pci_config_write(pci_id id, uint8_t offset, uint32_t value)
{
    struct function *f = &functions[index_of[id] - 1];

    require(present && index_of[id]);
    require(offset == 4 && value >> 16 == 0); /* no status bit is cleared */
    f->word[1] = (f->word[1] & 0xffff0000) | (value & ~f->never) | f->stays;
    f->written = true;
}

static struct function *at(pci_id id)
{
    return index_of[id] ? &functions[index_of[id] - 1] : NULL;
}

static bool answers(const struct function *f)
{
    return f && (uint16_t)f->word[0] != 0 && (uint16_t)f->word[0] != 0xffff;
}

/* A scan can know of it: function 0, or there are many at that place. */
static bool is_seen(const struct function *f)
{
    const struct function *first = at(f->id & 0xfff8);

    return answers(f) &&
           (f == first || (answers(first) && (first->word[3] >> 23 & 1)));
}

static void add(struct input *in, bool uarts)
{
    static const uint32_t classes[] = {0x060000, 0x060100, 0x030000, 0x070002,
                                       0x070003, 0x070000, 0x070001, 0x020000};
    static const uint32_t bases[] = {0xc001, 0xfebd1000, 0x24, 0, 1, 0x4};
    unsigned how = (unsigned)take(in, 1);
    struct function f = {.id = (pci_id)take(in, how & 1 ? 2 : 1)};

    if (index_of[f.id])
        return;
    f.word[0] = how & 0x80 ? (uint32_t)take_number(in) : 0x12348086;
    f.word[1] = (uint32_t)take(in, 2) | 0xf2900000;
    f.word[2] = classes[uarts ? 3 : take(in, 1) % COUNT(classes)] << 8;
    if (how & 0x40)
        f.word[2] = (uint32_t)take(in, 4);
    f.word[3] = (how & 2) << 22;
    f.word[4] = how & 4 ? (uint32_t)take(in, 4)
                        : bases[uarts ? 0 : take(in, 1) % COUNT(bases)];
    f.word[5] = how & 8 ? (uint32_t)take_number(in) : 0;
    f.before = f.word[1];
    f.stays = how & 0x10 ? f.word[1] & take(in, 1) : 0;
    f.never = how & 0x20 ? take(in, 1) & ~f.word[1] & 0xff : 0;
    functions[count++] = f;
    index_of[f.id] = (uint8_t)count;
}

static bool is_uart(const struct function *f)
{
    return f->word[2] >> 16 == 0x0700 && (f->word[2] >> 8 & 0xff) > 1;
}

static uint64_t address_of(const struct function *f)
{
    if (f->word[4] & 1)
        return f->word[4] & 0xfffc;
    return (f->word[4] & ~0xfu) |
           ((f->word[4] & 6) == 4 ? (uint64_t)f->word[5] << 32 : 0);
}

/* One function afterwards; it counts what the scan should have counted. */
static void check_function(const struct function *f, bool keep_displays,
                           struct pci_scan *want)
{
    uint32_t now = f->word[1], class = f->word[2] >> 16;
    bool was = f->before & MASTER, kept = keep_displays && class >> 8 == 3;

    require(!((now ^ f->before) >> 16));
    if (!is_seen(f)) {
        require(!f->written);
        return;
    }
    want->functions++;
    want->kept += was && kept;
    want->cleared += was && !kept && !(f->stays & MASTER);
    want->stuck += was && !kept && (f->stays & MASTER) && class != 0x0600 &&
                   class != 0x0601;
    require(!(now & MASTER) || kept || (f->stays & MASTER));
    require(!(now & MASTER) || was); /* never switched on */
    require(!((now & ~f->before) & ~3u));
    require(!(f->before & ~now & ~MASTER));
    if ((now & ~f->before) & 3)
        require(is_uart(f) && address_of(f));
}

static void check(const struct pci_scan *scan, bool keep_displays)
{
    struct pci_scan want = {.present = present};
    unsigned uarts = 0;

    for (unsigned i = 0; i < count; i++)
        check_function(&functions[i], keep_displays, &want);
    require(scan->present == present && scan->functions == want.functions);
    require(scan->cleared == want.cleared && scan->kept == want.kept);
    require(scan->stuck == want.stuck && scan->uart_count <= PCI_UARTS_MAX);
    /* in the order of their numbers */
    for (unsigned id = 0; id < 65536 && uarts < PCI_UARTS_MAX; id++) {
        const struct function *f = at((pci_id)id);

        if (!f || !is_seen(f) || !is_uart(f) || !address_of(f))
            continue;
        require(uarts < scan->uart_count);
        require(scan->uarts[uarts].address == address_of(f));
        require(scan->uarts[uarts].kind ==
                (f->word[4] & 1 ? UART_PORT : UART_MMIO));
        require((f->word[1] | f->never) & (f->word[4] & 1 ? 1 : 2));
        uarts++;
    }
    require(uarts == scan->uart_count);
    if (scan->stuck)
        require(at(scan->first_stuck)->word[1] & MASTER);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    unsigned how = (unsigned)take(&in, 1);
    struct pci_scan scan;

    count = 0;
    present = how % 16 != 15;
    for (unsigned i = 0; i < FUNCTIONS && in.left; i++)
        add(&in, how & 0x40);
    memset(&scan, 0xa5, sizeof(scan));
    pci_scan(how & 0x80, &scan);
    if (present) {
        check(&scan, how & 0x80);
    } else {
        for (unsigned i = 0; i < count; i++)
            require(!functions[i].written);
        require(!scan.present && scan.functions == 0 && scan.uart_count == 0);
    }
    for (unsigned i = 0; i < count; i++)
        index_of[functions[i].id] = 0;
    return 0;
}
