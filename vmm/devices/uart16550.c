/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/devices/uart16550.h"

#include "kernel/string.h"

#define IER_MASK 0x0f
#define MCR_MASK 0x1f

static bool fifo_enabled(const struct uart *u)
{
    return u->fcr & UART_FCR_ENABLE;
}

static unsigned capacity(const struct uart *u)
{
    return fifo_enabled(u) ? UART_FIFO_SIZE : 1;
}

static unsigned trigger(const struct uart *u)
{
    static const uint8_t levels[] = {1, 4, 8, 14};

    return fifo_enabled(u) ? levels[u->fcr >> 6] : 1;
}

static void fifo_clear(struct uart *u)
{
    u->head = 0;
    u->count = 0;
    u->breaks = 0;
}

static bool fifo_push(struct uart *u, uint8_t c, bool is_break)
{
    unsigned at = (u->head + u->count) % UART_FIFO_SIZE;

    if (u->count >= capacity(u))
        return false;
    u->fifo[at] = c;
    if (is_break)
        u->breaks |= (uint16_t)(1u << at);
    u->count++;
    return true;
}

static uint8_t fifo_pop(struct uart *u)
{
    uint8_t c = u->fifo[u->head];

    if (u->count == 0)
        return 0;
    u->breaks &= (uint16_t) ~(1u << u->head);
    u->head = (uint8_t)((u->head + 1) % UART_FIFO_SIZE);
    u->count--;
    return c;
}

/* LSR.BI belongs to the oldest character, not to the newest. */
static uint8_t line_status(const struct uart *u)
{
    uint8_t lsr = UART_LSR_THRE | UART_LSR_TEMT;

    if (u->count > 0)
        lsr |= UART_LSR_DR;
    if (u->overrun)
        lsr |= UART_LSR_OE;
    if (u->breaks & (1u << u->head))
        lsr |= UART_LSR_BI;
    if (u->breaks != 0 && fifo_enabled(u))
        lsr |= UART_LSR_FIFO_ERROR;
    return lsr;
}

static uint8_t read_line_status(struct uart *u)
{
    uint8_t lsr = line_status(u);

    u->overrun = false;
    u->breaks &= (uint16_t) ~(1u << u->head);
    return lsr;
}

/* The lines of a peer that is always ready, or our own in loopback mode. */
static uint8_t modem_lines(const struct uart *u)
{
    uint8_t lines = 0;

    if (!(u->mcr & UART_MCR_LOOP))
        return UART_MSR_CTS | UART_MSR_DSR | UART_MSR_DCD;
    if (u->mcr & UART_MCR_RTS)
        lines |= UART_MSR_CTS;
    if (u->mcr & UART_MCR_DTR)
        lines |= UART_MSR_DSR;
    if (u->mcr & UART_MCR_OUT1)
        lines |= UART_MSR_RI;
    if (u->mcr & UART_MCR_OUT2)
        lines |= UART_MSR_DCD;
    return lines;
}

static void write_mcr(struct uart *u, uint8_t value)
{
    uint8_t before = modem_lines(u);
    uint8_t changed;

    u->mcr = value & MCR_MASK;
    changed = before ^ modem_lines(u);
    if (!(before & UART_MSR_RI))
        changed &= (uint8_t)~UART_MSR_RI;
    u->delta |= (uint8_t)(changed >> 4);
}

static uint8_t read_modem_status(struct uart *u)
{
    uint8_t msr = modem_lines(u) | u->delta;

    u->delta = 0;
    return msr;
}

/*
 * The pending interrupt of the highest priority. Fewer characters than the
 * trigger level count as timed out at once: nobody waits for a fifth one.
 */
static uint8_t pending(const struct uart *u)
{
    if ((u->ier & UART_IER_RLSI) &&
        (line_status(u) & (UART_LSR_OE | UART_LSR_BI)))
        return UART_IIR_RLSI;
    if ((u->ier & UART_IER_RDI) && u->count > 0)
        return u->count >= trigger(u) ? UART_IIR_RDI : UART_IIR_TIMEOUT;
    if ((u->ier & UART_IER_THRI) && u->thre)
        return UART_IIR_THRI;
    if ((u->ier & UART_IER_MSI) && u->delta != 0)
        return UART_IIR_MSI;
    return UART_IIR_NONE;
}

static uint8_t read_iir(struct uart *u)
{
    uint8_t iir = pending(u);

    if (iir == UART_IIR_THRI)
        u->thre = false;
    return fifo_enabled(u) ? iir | UART_IIR_FIFO : iir;
}

static void write_ier(struct uart *u, uint8_t value)
{
    if ((value & UART_IER_THRI) && !(u->ier & UART_IER_THRI))
        u->thre = true;
    u->ier = value & IER_MASK;
}

/* The other bits are only programmed together with ENABLE. */
static void write_fcr(struct uart *u, uint8_t value)
{
    bool enable = value & UART_FCR_ENABLE;

    if (enable != fifo_enabled(u) || (enable && (value & UART_FCR_CLEAR_RX)))
        fifo_clear(u);
    u->fcr = enable ? value & (UART_FCR_ENABLE | UART_FCR_TRIGGER) : 0;
}

/* What the transmitter sends to the receiver when the latter is full: the
 * FIFO keeps what it has, a single register is overwritten. */
static void loop_back(struct uart *u, uint8_t c)
{
    if (fifo_push(u, c, false))
        return;
    u->overrun = true;
    if (!fifo_enabled(u))
        u->fifo[u->head] = c;
}

static bool transmit(struct uart *u, uint8_t c, uint8_t *sent)
{
    u->thre = true;
    if (u->mcr & UART_MCR_LOOP) {
        loop_back(u, c);
        return false;
    }
    *sent = c;
    return true;
}

void uart_reset(struct uart *u)
{
    memset(u, 0, sizeof(*u));
    u->divisor[0] = 1;
}

uint8_t uart_read(struct uart *u, unsigned reg)
{
    reg %= UART_REGISTERS;
    if (reg <= UART_IER && (u->lcr & UART_LCR_DLAB))
        return u->divisor[reg];
    switch (reg) {
    case UART_DATA:
        return fifo_pop(u);
    case UART_IER:
        return u->ier;
    case UART_IIR:
        return read_iir(u);
    case UART_LCR:
        return u->lcr;
    case UART_MCR:
        return u->mcr;
    case UART_LSR:
        return read_line_status(u);
    case UART_MSR:
        return read_modem_status(u);
    default:
        return u->scr;
    }
}

bool uart_write(struct uart *u, unsigned reg, uint8_t value, uint8_t *sent)
{
    reg %= UART_REGISTERS;
    if (reg <= UART_IER && (u->lcr & UART_LCR_DLAB)) {
        u->divisor[reg] = value;
        return false;
    }
    switch (reg) {
    case UART_DATA:
        return transmit(u, value, sent);
    case UART_IER:
        write_ier(u, value);
        return false;
    case UART_FCR:
        write_fcr(u, value);
        return false;
    case UART_LCR:
        u->lcr = value;
        return false;
    case UART_MCR:
        write_mcr(u, value);
        return false;
    case UART_SCR:
        u->scr = value;
        return false;
    default: /* LSR and MSR are read-only */
        return false;
    }
}

bool uart_receive(struct uart *u, uint8_t c)
{
    return !(u->mcr & UART_MCR_LOOP) && fifo_push(u, c, false);
}

void uart_break(struct uart *u)
{
    if (!(u->mcr & UART_MCR_LOOP) && !fifo_push(u, 0, true))
        u->overrun = true;
}

bool uart_irq(const struct uart *u)
{
    bool open = (u->mcr & (UART_MCR_OUT2 | UART_MCR_LOOP)) == UART_MCR_OUT2;

    return open && pending(u) != UART_IIR_NONE;
}
