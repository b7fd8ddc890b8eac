/* sources: vmm/devices/lapic*.c */
/* fuzz: -runs=25000 -max_len=160 */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC: registers and MSRs in all modes, its timer while time moves,
 * interrupts that come, are taken and end. What is set in IRR must have a
 * cause; what is derived is counted anew. */
#include "tests/fuzz/fuzz.h"
#include "vmm/devices/lapic.h"

/* From the base on: what comes behind the page. */
#define REST_SIZE                                        \
    (offsetof(struct lapic, errors) + sizeof(uint32_t) - \
     offsetof(struct lapic, base))

/* All that one operation could have raised. */
static bool causes[256], served;
static uint64_t now;

static bool is_set(const struct lapic *l, unsigned field, unsigned vector)
{
    return lapic_reg(l, field + vector / 32 * 16) >> vector % 32 & 1;
}

static int highest(const struct lapic *l, unsigned field)
{
    int vector = 255;

    while (vector >= 0 && !is_set(l, field, (unsigned)vector))
        vector -= vector % 32 == 31 &&
                          !lapic_reg(l, field + (unsigned)vector / 32 * 16)
                      ? 32
                      : 1;
    return vector;
}

static unsigned priority(const struct lapic *l)
{
    int isr = highest(l, LAPIC_ISR);
    unsigned class = isr < 0 ? 0 : (unsigned)isr & 0xf0;
    unsigned tpr = lapic_reg(l, LAPIC_TPR);

    return tpr > class ? tpr : class;
}

static bool is_on(const struct lapic *l)
{
    return lapic_reg(l, LAPIC_SVR) & LAPIC_SVR_ENABLED;
}

static uint32_t mode(const struct lapic *l)
{
    return lapic_reg(l, LAPIC_LVT_TIMER) & LAPIC_TIMER_MODE;
}

static bool is_same(const struct lapic *a, const struct lapic *b)
{
    return memcmp(a, b, LAPIC_USED) == 0 &&
           memcmp(&a->base, &b->base, REST_SIZE) == 0;
}

static uint64_t ticks_per_count(const struct lapic *l)
{
    static const unsigned divide[] = {2, 4, 8, 16, 32, 64, 128, 1};
    uint32_t code = lapic_reg(l, LAPIC_DIVIDE);

    return (uint64_t)divide[(code & 3) | (code >> 1 & 4)] * l->tsc_per_count;
}

/* ---- what holds at any time ---- */

static void check_vectors(struct lapic *l)
{
    int irr = highest(l, LAPIC_IRR);
    bool open = irr >= 0 && (unsigned)irr >> 4 > priority(l) >> 4;

    require(lapic_highest_irr(l) == irr);
    require(lapic_highest_isr(l) == highest(l, LAPIC_ISR));
    require(lapic_pending(l) == (open ? irr : -1));
    require(lapic_update_ppr(l) == priority(l));
    require(lapic_reg(l, LAPIC_PPR) == priority(l));
    require(lapic_cr8(l) == lapic_reg(l, LAPIC_TPR) >> 4);
    require(!(lapic_reg(l, LAPIC_IRR) & 0xffff));
    require(!(lapic_reg(l, LAPIC_ISR) & 0xffff));
}

static void check_registers(const struct lapic *l)
{
    uint32_t id = lapic_is_x2apic(l) ? l->id : l->id << 24;

    for (unsigned at = 0; at < LAPIC_USED; at += 4)
        require(at % 16 == 0 || at == LAPIC_ICR_UPPER || !l->regs[at / 4]);
    require(lapic_reg(l, LAPIC_ID) == id);
    require(lapic_reg(l, LAPIC_VER) == LAPIC_VERSION);
    require(lapic_reg(l, LAPIC_TPR) <= 0xff && lapic_reg(l, LAPIC_SVR) < 0x400);
    require((lapic_reg(l, LAPIC_DFR) & 0x0fffffff) == 0x0fffffff);
    for (unsigned at = LAPIC_LVT_TIMER; at <= LAPIC_LVT_ERROR; at += 16) {
        uint32_t lvt = lapic_reg(l, at);

        require(!(lvt & (LAPIC_LVT_PENDING | LAPIC_LVT_REMOTE_IRR)));
        require(is_on(l) || (lvt & LAPIC_LVT_MASKED));
    }
    if (lapic_is_x2apic(l))
        require(lapic_reg(l, LAPIC_LDR) ==
                (l->id >> 4 << 16 | 1u << l->id % 16));
    require((l->base & ~(LAPIC_BASE_BSP | LAPIC_BASE_EXTD | LAPIC_BASE_EN)) ==
            LAPIC_DEFAULT_BASE);
    require(lapic_is_enabled(l) || !(l->base & LAPIC_BASE_EXTD));
}

static void check_timer(const struct lapic *l)
{
    bool armed = l->timer_at != LAPIC_NEVER;
    bool masked = lapic_reg(l, LAPIC_LVT_TIMER) & LAPIC_LVT_MASKED;
    uint32_t initial = lapic_reg(l, LAPIC_INITIAL_COUNT);
    struct lapic peek = *l;
    uint64_t count;

    require(lapic_timer_next(l) == (masked ? LAPIC_NEVER : l->timer_at));
    if (mode(l) == LAPIC_TIMER_DEADLINE)
        require(!armed || l->timer_at == l->tsc_deadline);
    else
        require(l->tsc_deadline == 0);
    require(mode(l) <= LAPIC_TIMER_DEADLINE || !armed);
    require(!armed || mode(l) == LAPIC_TIMER_DEADLINE || initial != 0);
    lapic_timer_poll(&peek, now);
    require(peek.timer_at > now);
    count = lapic_timer_count(&peek, now);
    if (mode(l) > LAPIC_TIMER_PERIODIC || peek.timer_at == LAPIC_NEVER) {
        require(count == 0);
    } else {
        uint64_t left = peek.timer_at - now, tick = ticks_per_count(&peek);
        uint64_t want = left / tick + (left % tick != 0);

        require(count == (want < initial ? want : initial));
    }
}

static void check_saved(const struct lapic *l)
{
    static struct lapic loaded;
    struct lapic_state state;

    memset(&state, 0xa5, sizeof(state));
    lapic_save(l, &state);
    lapic_load(&loaded, &state);
    require(is_same(&loaded, l));
}

static void check_disabled(const struct lapic *l)
{
    require(!is_on(l) && highest(l, LAPIC_IRR) < 0);
    require(highest(l, LAPIC_ISR) < 0 && l->timer_at == LAPIC_NEVER);
    require(!lapic_matches(l, APIC_BROADCAST, APIC_PHYSICAL));
}

/* An interrupt was raised for a reason; none ends or starts by itself. */
static void check_changes(const struct lapic *was, const struct lapic *l)
{
    bool kept = !served && lapic_is_enabled(l);

    for (unsigned at = 0; at < 8 * 16; at += 16) {
        uint32_t before = lapic_reg(was, LAPIC_IRR + at);
        uint32_t after = lapic_reg(l, LAPIC_IRR + at);

        for (unsigned i = 0; after & ~before && i < 32; i++) {
            if ((after & ~before) >> i & 1)
                require(causes[at * 2 + i] && (is_on(was) || is_on(l)));
        }
        require(!kept || !(before & ~after));
        require(!kept ||
                lapic_reg(was, LAPIC_ISR + at) == lapic_reg(l, LAPIC_ISR + at));
    }
}

/* ---- operations ---- */

/* A write to a register, or of an MSR, can raise its own vector. */
static void expect_write(unsigned offset, uint64_t value)
{
    if (offset == LAPIC_ICR || offset == LAPIC_SELF_IPI)
        causes[value & 0xff] = true;
}

static void check_effect(const struct lapic *was, const struct lapic *l,
                         unsigned offset, const struct lapic_effect *e)
{
    int isr = highest(was, LAPIC_ISR);
    bool tell = offset == LAPIC_EOI && isr >= 0 &&
                is_set(was, LAPIC_TMR, (unsigned)isr);

    require(e->eoi_vector == (tell && lapic_is_enabled(l) ? isr : -1));
    require(e->targets <= LAPIC_OTHERS);
    require(e->targets == LAPIC_NOBODY || offset == LAPIC_ICR);
    if (e->targets == LAPIC_NOBODY)
        return;
    require(e->message.delivery_mode <= APIC_STARTUP);
    require(e->message.delivery_mode != APIC_RESERVED_3);
    require(e->message.vector == (lapic_reg(l, LAPIC_ICR) & 0xff));
    require(e->message.vector >= 16 || e->message.delivery_mode > APIC_LOWEST);
    require(!e->message.trigger_level);
}

static int read_msr(struct lapic *l, uint32_t msr, uint64_t *value)
{
    return lapic_has_msr(l, msr)
               ? lapic_read(l, lapic_msr_offset(msr), now, value)
               : -EINVAL;
}

static int write_msr(struct lapic *l, uint32_t msr, uint64_t value,
                     struct lapic_effect *e)
{
    return lapic_has_msr(l, msr)
               ? lapic_write(l, lapic_msr_offset(msr), value, now, e)
               : -EINVAL;
}

static int write(struct lapic *l, unsigned offset, uint64_t value, bool by_msr)
{
    struct lapic was = *l;
    struct lapic_effect e;
    bool page = !by_msr && lapic_is_enabled(l) && !lapic_is_x2apic(l);
    int error;

    memset(&e, 0xa5, sizeof(e));
    served |= offset == LAPIC_EOI;
    expect_write(offset, value);
    if (!by_msr)
        error = lapic_write(l, offset, value, now, &e);
    else
        error = write_msr(l, LAPIC_MSR_FIRST + offset / 16, value, &e);
    require(error == 0 || error == -EINVAL);
    require(!page || error == 0);
    require(!by_msr || lapic_is_x2apic(l) || error);
    if (error || !lapic_is_enabled(l))
        require(is_same(&was, l));
    if (!error)
        check_effect(&was, l, offset, &e);
    return error;
}

static uint64_t read(struct lapic *l, unsigned offset, bool by_msr)
{
    struct lapic was = *l;
    uint64_t value = 0xa5;
    int error = by_msr ? read_msr(l, LAPIC_MSR_FIRST + offset / 16, &value)
                       : lapic_read(l, offset, now, &value);

    require(error == 0 || (error == -EINVAL && is_same(&was, l)));
    if (error)
        return 0;
    if (!lapic_is_enabled(l))
        require(value == UINT32_MAX && is_same(&was, l));
    else if (offset % 16 || offset > LAPIC_SELF_IPI)
        require(value == 0);
    else if (offset != LAPIC_CURRENT_COUNT)
        require((uint32_t)value == lapic_reg(l, offset));
    require(value >> 32 == 0 || (lapic_is_x2apic(l) && offset == LAPIC_ICR));
    return value;
}

static bool may_go_to(const struct lapic *l, uint64_t value)
{
    bool was[2] = {lapic_is_enabled(l), lapic_is_x2apic(l)};
    bool to[2] = {value & LAPIC_BASE_EN, value & LAPIC_BASE_EXTD};

    if (!to[0])
        return !to[1];
    return to[1] ? was[0] : !was[1]; /* from off, and out of x2APIC mode */
}

static void write_base(struct lapic *l, uint64_t value)
{
    uint64_t flags = LAPIC_BASE_BSP | LAPIC_BASE_EXTD | LAPIC_BASE_EN;
    struct lapic was = *l;
    bool may = (value & ~flags) == LAPIC_DEFAULT_BASE && may_go_to(l, value);

    require(lapic_write_base(l, value) == (may ? 0 : -EINVAL));
    require(may ? l->base == value : is_same(&was, l));
}

/* As the processor's next entry does it. */
static void serve(struct lapic *l)
{
    int vector = lapic_pending(l);
    int was = highest(l, LAPIC_ISR);

    if (vector < 0)
        return;
    served = true;
    require(was < 0 || vector >> 4 > was >> 4);
    lapic_accept(l, (uint8_t)vector);
    require(!is_set(l, LAPIC_IRR, (unsigned)vector));
    require(highest(l, LAPIC_ISR) == vector);
    require(lapic_pending(l) == -1);
}

static void end(struct lapic *l)
{
    int was = highest(l, LAPIC_ISR);
    bool level, tell = was >= 0 && is_set(l, LAPIC_TMR, (unsigned)was);

    served = true;
    require(lapic_eoi(l, &level) == was && level == tell);
    require(highest(l, LAPIC_ISR) < (was < 0 ? 0 : was));
}

static void deliver(struct lapic *l, uint8_t vector, bool level)
{
    causes[vector] = true;
    require(lapic_deliver(l, vector, level) == (is_on(l) && vector >= 16));
    if (is_on(l) && vector >= 16)
        require(is_set(l, LAPIC_IRR, vector) &&
                is_set(l, LAPIC_TMR, vector) == level);
}

static void expire(struct lapic *l)
{
    uint64_t due = l->timer_at;
    uint32_t lvt = lapic_reg(l, LAPIC_LVT_TIMER);
    bool raise = due <= now && due != LAPIC_NEVER && is_on(l) &&
                 !(lvt & LAPIC_LVT_MASKED) && (lvt & 0xff) >= 16;

    require(lapic_timer_expire(l, now) == raise);
    require(!raise || is_set(l, LAPIC_IRR, lvt & 0xff));
    if (due > now || due == LAPIC_NEVER)
        require(l->timer_at == due);
    else if (mode(l) != LAPIC_TIMER_PERIODIC)
        require(l->timer_at == LAPIC_NEVER && l->tsc_deadline == 0);
    else
        require(l->timer_at > now && l->timer_at - due >= LAPIC_MIN_PERIOD);
}

static void deadline(struct lapic *l, uint64_t at)
{
    bool raised = lapic_write_deadline(l, at, now);

    require(!raised || highest(l, LAPIC_IRR) >= 16);
    if (mode(l) == LAPIC_TIMER_DEADLINE)
        require(lapic_read_deadline(l, now) == (at > now ? at : 0));
    else
        require(lapic_read_deadline(l, now) == 0);
}

/* Registers that do something are written most. */
static unsigned take_offset(struct input *in, bool by_msr)
{
    static const uint16_t busy[] = {
        LAPIC_TPR,       LAPIC_EOI,           LAPIC_SVR,
        LAPIC_ESR,       LAPIC_ICR,           LAPIC_LVT_TIMER,
        LAPIC_LVT_ERROR, LAPIC_INITIAL_COUNT, LAPIC_CURRENT_COUNT,
        LAPIC_DIVIDE,    LAPIC_SELF_IPI,      LAPIC_ICR_HIGH,
        LAPIC_LVT_TIMER, LAPIC_INITIAL_COUNT, LAPIC_LVT_LINT0,
    };
    unsigned n = (unsigned)take(in, 1);

    if (n < 0x80)
        return busy[n % COUNT(busy)];
    if (n < 0xf0)
        return n % 64 * 16;
    return (unsigned)take(in, 2) & (by_msr ? 0xfff0u : 0xffffu);
}

static uint64_t step(struct lapic *l, struct input *in)
{
    unsigned what = (unsigned)take(in, 1), offset;
    bool by_msr = what & 0x80;

    switch (what % 16) {
    case 0:
    case 1:
        return read(l, take_offset(in, by_msr), by_msr);
    case 2:
    case 3:
    case 4:
        offset = take_offset(in, by_msr);
        return (uint64_t)write(l, offset, take_number(in), by_msr);
    case 5: /* as kernels switch modes */
        write_base(l,
                   LAPIC_DEFAULT_BASE | (what >> 4 & 7) << 8 | LAPIC_BASE_BSP);
        return 0;
    case 6:
        write_base(l, take_number(in));
        return 0;
    case 7:
        lapic_set_cr8(l, what >> 4);
        return lapic_cr8(l);
    case 8:
    case 9:
        deliver(l, (uint8_t)take(in, 1), by_msr);
        return 0;
    case 10:
        serve(l);
        return 0;
    case 11:
        end(l);
        return 0;
    case 12:
        deadline(l, now + take_number(in));
        return 0;
    case 13:
        return (uint64_t)write(l, LAPIC_SVR, 0x1ff, by_msr);
    default:
        expire(l);
        return lapic_matches(l, (uint32_t)take_number(in), by_msr);
    }
}

/* What the timer and errors may raise whatever the operation is. */
static void expect_always(const struct lapic *l)
{
    uint32_t timer = lapic_reg(l, LAPIC_LVT_TIMER);
    uint32_t error = lapic_reg(l, LAPIC_LVT_ERROR);

    served = false;
    memset(causes, 0, sizeof(causes));
    if (l->timer_at <= now || mode(l) == LAPIC_TIMER_DEADLINE)
        causes[timer & 0xff] = !(timer & LAPIC_LVT_MASKED);
    if (!(error & LAPIC_LVT_MASKED))
        causes[error & 0xff] = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lapic l, restored, was;
    struct input in = {data, size};
    unsigned mode = (unsigned)take(&in, 1);

    memset(&l, 0xa5, sizeof(l));
    lapic_reset(&l, mode & 0x40 ? mode & 0x3f : 0, mode & 0x80,
                (uint32_t)take(&in, 1));
    now = take(&in, 1) << (mode % 64);
    while (in.left) {
        struct input same = in;
        uint64_t answer;

        was = restored = l;
        expect_always(&l);
        answer = step(&l, &in);
        require(step(&restored, &same) == answer && is_same(&restored, &l));
        check_changes(&was, &l);
        check_vectors(&l);
        check_registers(&l);
        check_timer(&l);
        check_saved(&l);
        if (!lapic_is_enabled(&l))
            check_disabled(&l);
        if (take(&in, 1) % 4 == 0)
            now += take_number(&in) % (1ull << 40);
    }
    for (unsigned at = LAPIC_USED; at < LAPIC_PAGE_SIZE; at += 4)
        require(l.regs[at / 4] == 0);
    return 0;
}
