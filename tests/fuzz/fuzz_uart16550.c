/* sources: vmm/devices/uart16550.c */
/* fuzz: -runs=60000 -max_len=128 */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The serial port beside a plain queue of what was received. */
#include "tests/fuzz/fuzz.h"
#include "vmm/devices/uart16550.h"

/* Characters that wait, the oldest first. */
struct model {
    uint8_t c[UART_FIFO_SIZE];
    bool is_break[UART_FIFO_SIZE];
    unsigned count;
    bool overrun;
};

static unsigned capacity(const struct uart *u)
{
    return u->fcr & UART_FCR_ENABLE ? UART_FIFO_SIZE : 1;
}

static bool model_push(struct model *m, unsigned max, uint8_t c, bool is_break)
{
    if (m->count == max)
        return false;
    m->c[m->count] = c;
    m->is_break[m->count++] = is_break;
    return true;
}

static uint8_t model_pop(struct model *m)
{
    uint8_t c = m->c[0];

    if (m->count == 0)
        return 0;
    m->count--;
    memmove(m->c, m->c + 1, m->count);
    memmove(m->is_break, m->is_break + 1, m->count);
    return c;
}

static bool any_break(const struct model *m)
{
    bool any = false;

    for (unsigned i = 0; i < m->count; i++)
        any |= m->is_break[i];
    return any;
}

static uint8_t model_line_status(const struct uart *u, const struct model *m)
{
    return UART_LSR_THRE | UART_LSR_TEMT | (m->count ? UART_LSR_DR : 0) |
           (m->overrun ? UART_LSR_OE : 0) |
           (m->count && m->is_break[0] ? UART_LSR_BI : 0) |
           (capacity(u) > 1 && any_break(m) ? UART_LSR_FIFO_ERROR : 0);
}

/* What asks for an interrupt, as bits of IER. */
static uint8_t sources(const struct uart *u, const struct model *m)
{
    uint8_t on = 0;

    if (m->overrun || (m->count && m->is_break[0]))
        on |= UART_IER_RLSI;
    if (m->count)
        on |= UART_IER_RDI;
    if (u->thre)
        on |= UART_IER_THRI;
    if (u->delta)
        on |= UART_IER_MSI;
    return on & u->ier;
}

static void check_iir(const struct uart *u, const struct model *m)
{
    static const uint8_t levels[] = {1, 4, 8, 14};
    unsigned level = capacity(u) > 1 ? levels[u->fcr >> 6] : 1;
    uint8_t on = sources(u, m), want = UART_IIR_NONE;
    struct uart peek = *u;

    if (on & UART_IER_RLSI)
        want = UART_IIR_RLSI;
    else if (on & UART_IER_RDI)
        want = m->count >= level ? UART_IIR_RDI : UART_IIR_TIMEOUT;
    else if (on & UART_IER_THRI)
        want = UART_IIR_THRI;
    else if (on & UART_IER_MSI)
        want = UART_IIR_MSI;
    if (capacity(u) > 1)
        want |= UART_IIR_FIFO;
    require(uart_read(&peek, UART_IIR) == want);
}

static void check(const struct uart *u, const struct model *m)
{
    bool open = (u->mcr & UART_MCR_OUT2) && !(u->mcr & UART_MCR_LOOP);
    struct uart peek = *u;

    require(u->count == m->count && u->count <= capacity(u));
    require(u->head < UART_FIFO_SIZE && u->overrun == m->overrun);
    require(u->ier <= 0xf && u->mcr <= 0x1f && u->delta <= 0xf);
    require((u->fcr & ~(UART_FCR_ENABLE | UART_FCR_TRIGGER)) == 0);
    for (unsigned i = 0; i < UART_FIFO_SIZE; i++) {
        unsigned at = (u->head + i) % UART_FIFO_SIZE;

        require((u->breaks >> at & 1) == (i < m->count && m->is_break[i]));
    }
    require(uart_irq(u) == (open && sources(u, m)));
    check_iir(u, m);
    require(uart_read(&peek, UART_LSR) == model_line_status(u, m));
}

static bool is_latch(const struct uart *u, unsigned reg)
{
    return (u->lcr & UART_LCR_DLAB) && reg % 8 <= UART_IER;
}

/* Only the next character can bring an interrupt by being read. */
static uint8_t do_read(struct uart *u, struct model *m, unsigned reg)
{
    bool irq = uart_irq(u), latch = is_latch(u, reg);
    uint8_t value = uart_read(u, reg);

    if (!latch && reg % 8 == UART_DATA) {
        require(value == model_pop(m));
        return value;
    }
    if (reg % 8 == UART_LSR) {
        m->overrun = false;
        if (m->count)
            m->is_break[0] = false;
    }
    require(irq || !uart_irq(u));
    return value;
}

static void model_loop(struct model *m, unsigned max, uint8_t c)
{
    if (model_push(m, max, c, false))
        return;
    m->overrun = true;
    if (max == 1)
        m->c[0] = c;
}

static uint8_t do_write(struct uart *u, struct model *m, unsigned reg,
                        uint8_t value)
{
    bool loop = u->mcr & UART_MCR_LOOP, latch = is_latch(u, reg);
    unsigned max = capacity(u);
    uint8_t out = 0xa5;
    bool sent = uart_write(u, reg, value, &out);

    require(sent == (!latch && !loop && reg % 8 == UART_DATA));
    require(out == (sent ? value : 0xa5));
    if (latch) {
        require(uart_read(u, reg) == value);
        return out;
    }
    if (reg % 8 == UART_DATA && loop)
        model_loop(m, max, value);
    if (reg % 8 == UART_FCR &&
        (max != capacity(u) || (max > 1 && (value & UART_FCR_CLEAR_RX))))
        m->count = 0;
    if (reg % 8 == UART_SCR || reg % 8 == UART_LCR)
        require(uart_read(u, reg) == value);
    return out;
}

static uint8_t step(struct uart *u, struct model *m, struct input *in)
{
    unsigned what = (unsigned)take(in, 1);
    uint8_t value = (uint8_t)take(in, 1);
    bool loop = u->mcr & UART_MCR_LOOP, taken;

    switch (what >> 4 & 3) {
    case 0:
        return do_read(u, m, what & 15);
    case 1:
        return do_write(u, m, what & 15, value);
    case 2:
        taken = !loop && model_push(m, capacity(u), value, false);
        require(uart_receive(u, value) == taken);
        return taken;
    default:
        uart_break(u);
        if (!loop && !model_push(m, capacity(u), 0, true))
            m->overrun = true;
        return 0;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct model model = {.count = 0};
    struct uart u;

    memset(&u, 0xa5, sizeof(u));
    uart_reset(&u);
    while (in.left) {
        /* one that is restored goes on as the other does */
        struct uart restored = u;
        struct model model_2 = model;
        struct input same = in;
        uint8_t answer = step(&u, &model, &in);

        require(step(&restored, &model_2, &same) == answer);
        require(memcmp(&restored, &u, sizeof(u)) == 0);
        check(&u, &model);
    }
    return 0;
}
