/* SPDX-License-Identifier: BSD-2-Clause */
/* Which device answers at which port. Absent ones read as all ones. */
#include "machine.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define EXIT_PORT     0xF4   /* a write ends the run with that status */
#define SHUTDOWN_PORT 0x8900 /* Bochs' port: 'D' is a pass */
#define RESET_PORT    0xCF9
#define PAGE_SIZE     4096 /* KVM_COALESCED_MMIO_MAX is made of it */
#define PM_TIMER_HZ   3579545
#define PM1_SLP_EN    0x2000
#define STRANGE_MAX   20 /* unknown accesses that are told */

static uint32_t pm_timer(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)(((uint64_t)now.tv_sec * PM_TIMER_HZ +
                       (uint64_t)now.tv_nsec * PM_TIMER_HZ / 1000000000) &
                      0xFFFFFF);
}

static uint8_t bcd(int value)
{
    return (uint8_t)(value / 10 << 4 | value % 10);
}

static uint8_t cmos_read(uint8_t index)
{
    time_t now = time(NULL);
    struct tm tm;

    gmtime_r(&now, &tm);
    switch (index & 0x7F) {
    case 0x00:
        return bcd(tm.tm_sec);
    case 0x02:
        return bcd(tm.tm_min);
    case 0x04:
        return bcd(tm.tm_hour);
    case 0x06:
        return bcd(tm.tm_wday + 1);
    case 0x07:
        return bcd(tm.tm_mday);
    case 0x08:
        return bcd(tm.tm_mon + 1);
    case 0x09:
        return bcd(tm.tm_year % 100);
    case 0x32:
        return bcd(19 + tm.tm_year / 100);
    case 0x0A:
        return 0x26; /* 32.768 kHz, no update in progress */
    case 0x0B:
        return 0x02; /* 24 hours, BCD */
    case 0x0D:
        return 0x80; /* battery good */
    default:
        return 0;
    }
}

static struct uart *uart_at(struct machine *m, uint16_t port)
{
    if ((port & ~7) == COM1)
        return &m->com1;
    if ((port & ~7) == COM2)
        return &m->com2;
    return NULL;
}

/* Sets *reg. */
static struct uart *uart_in_memory(struct machine *m, uint64_t address,
                                   unsigned *reg)
{
    if (address >= COM1_MMIO && address < COM1_MMIO + 8) {
        *reg = (unsigned)(address - COM1_MMIO);
        return &m->com1;
    }
    if (address >= COM2_MMIO32 && address < COM2_MMIO32 + 32 &&
        address % 4 == 0) {
        *reg = (unsigned)(address - COM2_MMIO32) / 4;
        return &m->com2;
    }
    return NULL;
}

static void strange(struct machine *m, const char *what, uint16_t port,
                    uint32_t value)
{
    if (m->strange_ports++ < STRANGE_MAX)
        printf("nested: port %s 0x%x (0x%x)\n", what, port, value);
}

static uint32_t read_locked(struct machine *m, uint16_t port)
{
    struct uart *uart = uart_at(m, port);

    if (uart)
        return uart_read(m, uart, port & 7);
    switch (port) {
    case ACPI_PM_TIMER:
        return pm_timer();
    case ACPI_PM1A_EVENT:
    case ACPI_PM1A_EVENT + 2:
        return 0;
    case ACPI_PM1A_CONTROL:
        return 1; /* SCI_EN: ACPI mode */
    case 0x64:
        return 0; /* a keyboard controller with nothing to say */
    case 0x71:
        return cmos_read(m->cmos_index);
    default:
        strange(m, "read", port, 0);
        return 0xFFFFFFFF;
    }
}

static void write_locked(struct machine *m, uint16_t port, uint32_t value)
{
    struct uart *uart = uart_at(m, port);

    if (uart)
        uart_write(m, uart, port & 7, (uint8_t)value);
    else if (port == EXIT_PORT)
        machine_end(m, (int)(value & 0xFF), "exit port");
    else if (port == SHUTDOWN_PORT)
        machine_end(m, value != 'D', "shutdown port");
    else if (port == RESET_PORT && (value & 4))
        machine_end(m, 3, "reset");
    else if (port == ACPI_PM1A_CONTROL && (value & PM1_SLP_EN))
        machine_end(m, 0, "power off");
    else if (port == 0x70)
        m->cmos_index = (uint8_t)value;
    else if (port != 0x71 && port != 0x80 && port != 0xE9)
        strange(m, "write", port, value);
}

uint32_t port_read(struct machine *m, uint16_t port)
{
    uint32_t value;

    pthread_mutex_lock(&m->lock);
    value = read_locked(m, port);
    pthread_mutex_unlock(&m->lock);
    return value;
}

void port_write(struct machine *m, uint16_t port, uint32_t value)
{
    pthread_mutex_lock(&m->lock);
    write_locked(m, port, value);
    pthread_mutex_unlock(&m->lock);
}

bool mmio_read(struct machine *m, uint64_t address, uint32_t *value)
{
    unsigned reg;
    struct uart *uart = uart_in_memory(m, address, &reg);

    if (!uart)
        return false;
    pthread_mutex_lock(&m->lock);
    *value = uart_read(m, uart, reg);
    pthread_mutex_unlock(&m->lock);
    return true;
}

static bool write_memory_locked(struct machine *m, uint64_t address,
                                uint32_t value)
{
    unsigned reg;
    struct uart *uart = uart_in_memory(m, address, &reg);

    if (uart)
        uart_write(m, uart, reg, (uint8_t)value);
    return uart;
}

bool mmio_write(struct machine *m, uint64_t address, uint32_t value)
{
    bool there;

    pthread_mutex_lock(&m->lock);
    there = write_memory_locked(m, address, value);
    pthread_mutex_unlock(&m->lock);
    return there;
}

void port_take_bunch(struct machine *m)
{
    struct kvm_coalesced_mmio_ring *ring = m->bunch;

    if (!ring)
        return;
    pthread_mutex_lock(&m->lock);
    while (ring->first != __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE)) {
        const struct kvm_coalesced_mmio *one =
            &ring->coalesced_mmio[ring->first];

        if (one->pio)
            write_locked(m, (uint16_t)one->phys_addr, one->data[0]);
        else
            write_memory_locked(m, one->phys_addr, one->data[0]);
        __atomic_store_n(&ring->first,
                         (ring->first + 1) % KVM_COALESCED_MMIO_MAX,
                         __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&m->lock);
}
