/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/devices/ioapic.h"

#include "kernel/string.h"

#define ID_MASK 0x0f000000u

/* What the guest may write of a redirection table entry. */
#define RTE_WRITABLE                                                \
    (0xff00000000000000ull | IOAPIC_RTE_MASKED | IOAPIC_RTE_LEVEL | \
     IOAPIC_RTE_LOW | IOAPIC_RTE_LOGICAL | 0x7ffull)

static uint8_t mode_of(uint64_t rte)
{
    return (rte >> IOAPIC_RTE_MODE_SHIFT) & 7;
}

static bool is_masked(uint64_t rte)
{
    return rte & IOAPIC_RTE_MASKED;
}

/* Only these modes know an EOI; a level trigger on another one counts as an
 * edge (82093AA, 3.2.4, delivery mode), or it would be sent without end. */
static bool is_level(uint64_t rte)
{
    return (rte & IOAPIC_RTE_LEVEL) && mode_of(rte) <= APIC_LOWEST;
}

static bool is_deliverable(uint64_t rte)
{
    uint8_t mode = mode_of(rte);

    return mode != APIC_RESERVED_3 && mode != APIC_STARTUP;
}

static uint32_t read_rte(const struct ioapic *io, unsigned half)
{
    unsigned pin = half / 2;
    uint64_t rte;

    if (pin >= IOAPIC_PINS)
        return 0;
    rte = io->rte[pin];
    if (io->edges & (1u << pin))
        rte |= IOAPIC_RTE_PENDING;
    return (uint32_t)(half % 2 ? rte >> 32 : rte);
}

static uint32_t read_window(const struct ioapic *io)
{
    switch (io->select) {
    case IOAPIC_REG_ID:
    case IOAPIC_REG_ARB:
        return io->id;
    case IOAPIC_REG_VERSION:
        return (IOAPIC_PINS - 1) << 16 | IOAPIC_VERSION;
    default:
        if (io->select < IOAPIC_REG_RTE)
            return 0;
        return read_rte(io, io->select - IOAPIC_REG_RTE);
    }
}

uint64_t ioapic_read(const struct ioapic *io, uint64_t offset, unsigned size)
{
    uint64_t shift = (offset & 3) * 8;
    uint64_t value = 0;

    if (size != 1 && size != 2 && size != 4 && size != 8)
        return 0;
    if ((offset & ~3ull) == IOAPIC_REGSEL)
        value = io->select;
    else if ((offset & ~3ull) == IOAPIC_WIN)
        value = read_window(io);
    value >>= shift;
    return size < 4 ? value & ((1ull << (size * 8)) - 1) : value;
}

/* Remote IRR goes with the level trigger: guests without an EOI register to
 * write clear it by a switch to edge and back. */
static void store_rte(struct ioapic *io, unsigned pin, uint64_t rte)
{
    io->rte[pin] &= IOAPIC_RTE_REMOTE_IRR;
    io->rte[pin] |= rte & RTE_WRITABLE;
    if (is_level(io->rte[pin]))
        io->edges &= ~(1u << pin);
    else
        io->rte[pin] &= ~IOAPIC_RTE_REMOTE_IRR;
}

static void write_rte(struct ioapic *io, unsigned half, uint32_t value)
{
    unsigned pin = half / 2;
    uint64_t rte;

    if (pin >= IOAPIC_PINS)
        return;
    rte = io->rte[pin];
    if (half % 2)
        rte = (uint64_t)value << 32 | (uint32_t)rte;
    else
        rte = (rte >> 32 << 32) | value;
    store_rte(io, pin, rte);
}

static void write_window(struct ioapic *io, uint32_t value)
{
    if (io->select == IOAPIC_REG_ID)
        io->id = value & ID_MASK;
    else if (io->select >= IOAPIC_REG_RTE)
        write_rte(io, io->select - IOAPIC_REG_RTE, value);
}

void ioapic_write(struct ioapic *io, uint64_t offset, unsigned size,
                  uint64_t value)
{
    if (offset == IOAPIC_REGSEL && (size == 1 || size == 2 || size == 4))
        io->select = value & 0xff;
    else if (offset == IOAPIC_WIN && size == 4)
        write_window(io, (uint32_t)value);
}

void ioapic_reset(struct ioapic *io)
{
    memset(io, 0, sizeof(*io));
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
        io->rte[pin] = IOAPIC_RTE_MASKED;
}

void ioapic_set_pin(struct ioapic *io, unsigned pin, bool level)
{
    uint32_t bit;

    if (pin >= IOAPIC_PINS)
        return;
    bit = 1u << pin;
    if (level && !(io->pins & bit) && !is_masked(io->rte[pin]) &&
        !is_level(io->rte[pin]))
        io->edges |= bit;
    io->pins = level ? io->pins | bit : io->pins & ~bit;
}

void ioapic_eoi(struct ioapic *io, uint8_t vector)
{
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        if ((io->rte[pin] & IOAPIC_RTE_VECTOR) == vector)
            io->rte[pin] &= ~IOAPIC_RTE_REMOTE_IRR;
    }
}

/* Takes what the pin has to send off it: an edge, or a level that was not
 * sent since its last EOI. */
static bool take(struct ioapic *io, unsigned pin)
{
    uint32_t bit = 1u << pin;

    if (is_masked(io->rte[pin]))
        return false;
    if (!is_level(io->rte[pin])) {
        bool edge = io->edges & bit;

        io->edges &= ~bit;
        return edge && is_deliverable(io->rte[pin]);
    }
    if (!(io->pins & bit) || (io->rte[pin] & IOAPIC_RTE_REMOTE_IRR))
        return false;
    io->rte[pin] |= IOAPIC_RTE_REMOTE_IRR;
    return true;
}

static struct apic_message message_of(uint64_t rte)
{
    uint32_t dest = (uint32_t)(rte >> IOAPIC_RTE_DEST_SHIFT);

    return (struct apic_message){
        .vector = rte & IOAPIC_RTE_VECTOR,
        .delivery_mode = mode_of(rte),
        .dest_mode = rte & IOAPIC_RTE_LOGICAL ? APIC_LOGICAL : APIC_PHYSICAL,
        .trigger_level = is_level(rte),
        .dest = dest == 0xff ? APIC_BROADCAST : dest,
    };
}

bool ioapic_next(struct ioapic *io, struct apic_message *out)
{
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        if (take(io, pin)) {
            *out = message_of(io->rte[pin]);
            return true;
        }
    }
    return false;
}
