/* sources: vmm/devices/ioapic.c */
/* fuzz: -runs=60000 -max_len=256 */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The I/O APIC: registers, pins and ends of interrupt in any order; what it
 * sends beside what a plain look at its table says. */
#include "tests/fuzz/fuzz.h"
#include "vmm/devices/ioapic.h"

#define READ_ONLY (IOAPIC_RTE_REMOTE_IRR | IOAPIC_RTE_PENDING)
#define KNOWN     (0xff0000000001ffffull)

static bool is_level(uint64_t rte)
{
    return (rte & IOAPIC_RTE_LEVEL) && (rte >> IOAPIC_RTE_MODE_SHIFT & 7) <= 1;
}

/* What the pin would send: 0 nothing, 1 a message, 2 an edge that is lost for
 * its delivery mode. */
static unsigned sends(const struct ioapic *io, unsigned pin)
{
    uint64_t rte = io->rte[pin];
    unsigned mode = rte >> IOAPIC_RTE_MODE_SHIFT & 7;

    if (rte & IOAPIC_RTE_MASKED)
        return 0;
    if (is_level(rte))
        return (io->pins >> pin & 1) && !(rte & IOAPIC_RTE_REMOTE_IRR);
    if (!(io->edges >> pin & 1))
        return 0;
    return mode == APIC_RESERVED_3 || mode == APIC_STARTUP ? 2 : 1;
}

static void check_message(uint64_t rte, const struct apic_message *m)
{
    uint32_t dest = (uint32_t)(rte >> IOAPIC_RTE_DEST_SHIFT);

    require(m->vector == (rte & 0xff));
    require(m->delivery_mode == (rte >> IOAPIC_RTE_MODE_SHIFT & 7));
    require(m->dest_mode ==
            (rte & IOAPIC_RTE_LOGICAL ? APIC_LOGICAL : APIC_PHYSICAL));
    require(m->dest == (dest == 0xff ? APIC_BROADCAST : dest));
    require(m->trigger_level == is_level(rte));
}

/* Takes one message; false when there was none. */
static bool next(struct ioapic *io)
{
    struct ioapic want = *io;
    struct apic_message m;
    bool is = ioapic_next(io, &m);
    unsigned pin = 0;

    while (pin < IOAPIC_PINS && sends(&want, pin) != 1) {
        if (sends(&want, pin) == 2)
            want.edges &= ~(1u << pin);
        pin++;
    }
    require(is == (pin < IOAPIC_PINS));
    if (is) {
        check_message(want.rte[pin], &m);
        if (is_level(want.rte[pin]))
            want.rte[pin] |= IOAPIC_RTE_REMOTE_IRR;
        else
            want.edges &= ~(1u << pin);
    }
    require(memcmp(&want, io, sizeof(want)) == 0);
    return is;
}

static void drain(struct ioapic *io)
{
    unsigned count = 0;

    while (next(io))
        require(++count <= IOAPIC_PINS);
}

static void check(const struct ioapic *io)
{
    require(io->pins >> IOAPIC_PINS == 0 && io->edges >> IOAPIC_PINS == 0);
    require(io->select <= 0xff && (io->id & ~0x0f000000u) == 0);
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        uint64_t rte = io->rte[pin];

        require((rte & ~KNOWN) == 0 && !(rte & IOAPIC_RTE_PENDING));
        require(!(rte & IOAPIC_RTE_REMOTE_IRR) || is_level(rte));
        require(!(io->edges >> pin & 1) || !is_level(rte));
    }
}

/* Narrow and shifted reads are parts of the whole. */
static void read(const struct ioapic *io, uint64_t offset, unsigned size)
{
    uint64_t whole = ioapic_read(io, offset & ~3ull, 4);
    uint64_t value = ioapic_read(io, offset, size), want = 0;

    if (size == 1 || size == 2 || size == 4 || size == 8)
        want = whole >> offset % 4 * 8;
    if (size < 4)
        want &= (1ull << size * 8) - 1;
    require(whole >> 32 == 0 && value == want);
    require(whole == 0 || offset >> 2 == 0 || offset >> 2 == 4);
}

/* A write changes what is selected, and starts nothing. */
static void write(struct ioapic *io, uint64_t offset, unsigned size,
                  uint64_t value)
{
    struct ioapic was = *io;
    unsigned pin = (was.select - IOAPIC_REG_RTE) / 2;

    ioapic_write(io, offset, size, value);
    require(io->pins == was.pins && (io->edges & ~was.edges) == 0);
    for (unsigned i = 0; i < IOAPIC_PINS; i++) {
        uint64_t now = io->rte[i];

        require(!(now & ~was.rte[i] & IOAPIC_RTE_REMOTE_IRR));
        if (i != pin || was.select < IOAPIC_REG_RTE || offset != IOAPIC_WIN ||
            size != 4) {
            require(now == was.rte[i]);
            continue;
        }
        now = was.select % 2 ? now >> 32 : (uint32_t)now;
        was.rte[i] = was.select % 2 ? was.rte[i] >> 32 : (uint32_t)was.rte[i];
        require(((now ^ (uint32_t)value) & ~READ_ONLY &
                 (was.select % 2 ? KNOWN >> 32 : (uint32_t)KNOWN)) == 0);
    }
}

static void set_pin(struct ioapic *io, unsigned pin, bool level)
{
    struct ioapic was = *io;
    uint32_t bit = pin < IOAPIC_PINS ? 1u << pin : 0;

    ioapic_set_pin(io, pin, level);
    require(io->pins == (level ? was.pins | bit : was.pins & ~bit));
    require((was.edges & ~io->edges) == 0);
    if (io->edges != was.edges) {
        require((io->edges ^ was.edges) == bit && level && !(was.pins & bit));
        require(!(was.rte[pin] & IOAPIC_RTE_MASKED));
    } else if (bit && level && !(was.pins & bit) && !is_level(was.rte[pin])) {
        require((was.rte[pin] & IOAPIC_RTE_MASKED) || (was.edges & bit));
    }
    require(memcmp(io->rte, was.rte, sizeof(was.rte)) == 0);
}

static void end(struct ioapic *io, uint8_t vector)
{
    struct ioapic was = *io;

    ioapic_eoi(io, vector);
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        if ((was.rte[pin] & 0xff) == vector)
            was.rte[pin] &= ~IOAPIC_RTE_REMOTE_IRR;
    }
    require(memcmp(&was, io, sizeof(was)) == 0);
}

/* As a driver does it: through the window. */
static void write_entry(struct ioapic *io, struct input *in)
{
    unsigned reg = IOAPIC_REG_RTE + take_below(in, IOAPIC_PINS * 2 + 2);

    write(io, IOAPIC_REGSEL, 4, reg);
    write(io, IOAPIC_WIN, 4, reg % 2 ? take(in, 1) << 24 : take(in, 3));
}

static void step(struct ioapic *io, struct input *in)
{
    unsigned what = (unsigned)take(in, 1), by = (unsigned)take(in, 1);

    switch (what % 8) {
    case 0:
        read(io, by % 32, what >> 4);
        break;
    case 1:
        write(io, by % 32, what >> 4, take_number(in));
        break;
    case 2:
    case 3:
        write_entry(io, in);
        break;
    case 4:
        end(io, what & 8 ? (uint8_t)by : io->rte[by % IOAPIC_PINS] & 0xff);
        break;
    case 5:
        next(io);
        break;
    case 6:
        drain(io);
        break;
    default:
        set_pin(io, by & 31, by >> 7);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct ioapic io;

    memset(&io, 0xa5, sizeof(io));
    ioapic_reset(&io);
    while (in.left) {
        struct ioapic restored = io;
        struct input same = in;

        step(&io, &in);
        step(&restored, &same);
        require(memcmp(&restored, &io, sizeof(io)) == 0);
        check(&io);
    }
    drain(&io);
    require(!next(&io));
    return 0;
}
