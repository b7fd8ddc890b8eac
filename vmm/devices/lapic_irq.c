/* SPDX-License-Identifier: BSD-2-Clause */
/* How a local APIC accepts, orders and sends interrupts (SDM vol. 3, 11.6 and
 * 11.8). */
#include "vmm/devices/lapic.h"

#define FIRST_LEGAL_VECTOR 16

/* ICR (SDM vol. 3, 11.6.1). */
#define ICR_MODE_SHIFT      8
#define ICR_LOGICAL         (1u << 11)
#define ICR_ASSERT          (1u << 14)
#define ICR_LEVEL           (1u << 15)
#define ICR_SHORTHAND_SHIFT 18

enum shorthand { TO_DEST, TO_SELF, TO_ALL, TO_OTHERS };

#define DFR_FLAT    0xf
#define DFR_CLUSTER 0x0

/* The register of a 256-bit field that holds the vector. */
static unsigned word_of(unsigned field, uint8_t vector)
{
    return field + vector / 32u * 16;
}

static bool test_bit(const struct lapic *l, unsigned field, uint8_t vector)
{
    return (lapic_reg(l, word_of(field, vector)) >> (vector % 32)) & 1;
}

static void write_bit(struct lapic *l, unsigned field, uint8_t vector, bool set)
{
    uint32_t bit = 1u << (vector % 32);
    uint32_t word = lapic_reg(l, word_of(field, vector));

    lapic_set_reg(l, word_of(field, vector), set ? word | bit : word & ~bit);
}

/* One register in four words of the page. Halves the field three times: it is
 * asked for at many exits, and is empty most often. */
static inline int highest(const struct lapic *l, unsigned field)
{
    const uint32_t *start = &l->regs[field / 4], *word = start;
    uint32_t upper = word[16] | word[20] | word[24] | word[28];

    if (!(upper | word[0] | word[4] | word[8] | word[12]))
        return -1;
    word += upper ? 16 : 0;
    word += word[8] | word[12] ? 8 : 0;
    word += word[4] ? 4 : 0;
    return (int)(word - start) * 8 + 31 - __builtin_clz(*word);
}

int lapic_highest_irr(const struct lapic *l)
{
    return highest(l, LAPIC_IRR);
}

int lapic_highest_isr(const struct lapic *l)
{
    return highest(l, LAPIC_ISR);
}

uint8_t lapic_update_ppr(struct lapic *l)
{
    uint32_t tpr = lapic_reg(l, LAPIC_TPR) & 0xff;
    int isr = highest(l, LAPIC_ISR);
    uint32_t in_service = isr < 0 ? 0 : (uint32_t)isr & 0xf0;
    uint32_t ppr = tpr > in_service ? tpr : in_service;

    lapic_set_reg(l, LAPIC_PPR, ppr);
    return (uint8_t)ppr;
}

/* A flag that is set already raises no second interrupt: so this ends even if
 * the error entry's own vector is illegal. */
void lapic_error(struct lapic *l, uint32_t bits)
{
    uint32_t lvt = lapic_reg(l, LAPIC_LVT_ERROR);

    if ((l->errors & bits) == bits)
        return;
    l->errors |= bits;
    if (!(lvt & LAPIC_LVT_MASKED))
        lapic_deliver(l, lvt & 0xff, false);
}

/* An APIC that APIC_BASE disables has its SVR, IRR and ISR in reset. */
bool lapic_deliver(struct lapic *l, uint8_t vector, bool level)
{
    if (!(lapic_reg(l, LAPIC_SVR) & LAPIC_SVR_ENABLED))
        return false;
    if (vector < FIRST_LEGAL_VECTOR) {
        lapic_error(l, LAPIC_ERROR_RECEIVE_VECTOR);
        return false;
    }
    write_bit(l, LAPIC_IRR, vector, true);
    write_bit(l, LAPIC_TMR, vector, level);
    return true;
}

/* A software-disabled APIC still hands out what it had accepted before (SDM
 * vol. 3, 11.4.7.2). */
int lapic_pending(struct lapic *l)
{
    return lapic_deliverable(l, highest(l, LAPIC_IRR));
}

int lapic_deliverable(struct lapic *l, int vector)
{
    return vector >= 0 && vector >> 4 > lapic_update_ppr(l) >> 4 ? vector : -1;
}

/* Its class is above TPR's and those in service: PPR is known. */
void lapic_accept(struct lapic *l, uint8_t vector)
{
    if (!test_bit(l, LAPIC_IRR, vector))
        return;
    write_bit(l, LAPIC_IRR, vector, false);
    write_bit(l, LAPIC_ISR, vector, true);
    lapic_set_reg(l, LAPIC_PPR, vector & 0xf0);
}

int lapic_eoi(struct lapic *l, bool *level)
{
    int vector = highest(l, LAPIC_ISR);

    *level = false;
    if (vector < 0)
        return -1;
    *level = test_bit(l, LAPIC_TMR, (uint8_t)vector);
    write_bit(l, LAPIC_ISR, (uint8_t)vector, false);
    lapic_update_ppr(l);
    return vector;
}

static bool matches_logical(const struct lapic *l, uint32_t dest)
{
    uint32_t ldr = lapic_reg(l, LAPIC_LDR);

    if (lapic_is_x2apic(l))
        return ldr >> 16 == dest >> 16 && (ldr & dest & 0xffff);
    ldr >>= 24;
    switch (lapic_reg(l, LAPIC_DFR) >> 28) {
    case DFR_FLAT:
        return ldr & dest;
    case DFR_CLUSTER:
        return ldr >> 4 == dest >> 4 && (ldr & dest & 0xf);
    default:
        return false;
    }
}

bool lapic_matches(const struct lapic *l, uint32_t dest, uint8_t dest_mode)
{
    if (!lapic_is_enabled(l))
        return false;
    if (dest == APIC_BROADCAST)
        return true;
    if (dest_mode == APIC_LOGICAL)
        return matches_logical(l, dest);
    return lapic_is_x2apic(l) ? dest == l->id : dest == (l->id & 0xff);
}

/* SDM vol. 3, table 11-4: to itself a local APIC can only send FIXED. INIT
 * with a level of 0 has had no meaning since the Pentium 4. */
static bool is_allowed(uint32_t icr, uint8_t mode, enum shorthand shorthand)
{
    if (mode == APIC_RESERVED_3 || mode == APIC_EXTINT)
        return false;
    if (mode == APIC_INIT && (icr & ICR_LEVEL) && !(icr & ICR_ASSERT))
        return false;
    return mode == APIC_FIXED || (shorthand != TO_SELF && shorthand != TO_ALL);
}

void lapic_send(struct lapic *l, uint32_t icr, uint32_t dest,
                struct lapic_effect *effect)
{
    static const enum lapic_targets targets[] = {
        [TO_DEST] = LAPIC_MATCHING,
        [TO_SELF] = LAPIC_NOBODY,
        [TO_ALL] = LAPIC_OTHERS,
        [TO_OTHERS] = LAPIC_OTHERS,
    };
    enum shorthand shorthand = (icr >> ICR_SHORTHAND_SHIFT) & 3;
    uint8_t mode = (icr >> ICR_MODE_SHIFT) & 7;
    uint8_t vector = icr & 0xff;

    if (!is_allowed(icr, mode, shorthand))
        return;
    if (mode <= APIC_LOWEST && vector < FIRST_LEGAL_VECTOR) {
        lapic_error(l, LAPIC_ERROR_SEND_VECTOR);
        return;
    }
    if (shorthand == TO_SELF || shorthand == TO_ALL)
        lapic_deliver(l, vector, false);
    effect->targets = targets[shorthand];
    effect->message = (struct apic_message){
        .vector = vector,
        .delivery_mode = mode,
        .dest_mode = icr & ICR_LOGICAL ? APIC_LOGICAL : APIC_PHYSICAL,
        .dest = dest,
    };
}
