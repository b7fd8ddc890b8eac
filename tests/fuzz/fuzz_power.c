/* sources: vmm/devices/power.c */
/* fuzz: -runs=60000 -max_len=64 */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The ports by which a guest ends: only what is written to them ends it, and
 * what they read is what was written or nothing. */
#include "tests/fuzz/fuzz.h"
#include "vmm/devices/power.h"

static const uint16_t ports[] = {
    POWER_PORT_SLEEP_CONTROL, POWER_PORT_SLEEP_STATUS, POWER_PORT_RESET,
    POWER_PORT_KBC_DATA,      POWER_PORT_KBC_COMMAND,  POWER_PORT_PVPANIC};

static bool is_ours(uint32_t port)
{
    bool ours = false;

    for (unsigned i = 0; i < COUNT(ports); i++)
        ours |= ports[i] == port;
    return ours;
}

static enum power_event event_of(uint16_t port, uint8_t value)
{
    bool s5 =
        (value & POWER_SLP_TYP_MASK) >> POWER_SLP_TYP_SHIFT == POWER_SLP_TYP_S5;

    if (port == POWER_PORT_SLEEP_CONTROL && (value & POWER_SLP_EN) && s5)
        return POWER_OFF;
    if ((port == POWER_PORT_RESET && (value & POWER_RESET_CPU)) ||
        (port == POWER_PORT_KBC_COMMAND && value == POWER_KBC_PULSE_RESET))
        return POWER_RESET;
    if (port == POWER_PORT_PVPANIC && (value & POWER_PVPANIC_PANICKED))
        return POWER_PANICKED;
    if (port == POWER_PORT_PVPANIC && (value & POWER_PVPANIC_CRASH_LOADED))
        return POWER_CRASH_LOADED;
    return POWER_NOTHING;
}

static void check_read(const struct power *p, uint16_t port, unsigned size)
{
    unsigned bytes = size == 2 || size == 4 ? size : 1;
    uint32_t value, byte;
    bool ours = power_read(p, port, size, &value);

    require(ours == is_ours(port) && ours == power_owns(port));
    require(bytes == 4 || value >> 8 * bytes == 0);
    for (unsigned i = 0; i < bytes; i++) {
        byte = 0xff;
        if (port + i <= 0xffff && ours)
            power_read(p, (uint16_t)(port + i), 1, &byte);
        require((value >> 8 * i & 0xff) == byte);
    }
}

/* Bits of a request never stay to be read back, or to be restored. */
static void check_state(const struct power *p, const struct power *want)
{
    uint32_t value;

    require(p->sleep_control == want->sleep_control);
    require(p->reset_control == want->reset_control);
    require(!(p->sleep_control & ~POWER_SLP_TYP_MASK));
    require(!(p->reset_control & ~POWER_RESET_TYPE));
    require(power_read(p, POWER_PORT_SLEEP_CONTROL, 1, &value));
    require(value == p->sleep_control);
    require(power_read(p, POWER_PORT_RESET, 1, &value));
    require(value == p->reset_control);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct power p, want = {0};

    memset(&p, 0xa5, sizeof(p));
    power_reset(&p);
    while (in.left) {
        unsigned what = (unsigned)take(&in, 1);
        uint16_t port = ports[what % COUNT(ports)];
        uint32_t value;

        if (what >= 0xc0)
            port = (uint16_t)(port + what % 8 - 4);
        if (what >= 0xf0)
            port = (uint16_t)take(&in, 2);
        if (what & 0x20) {
            check_read(&p, port, (unsigned)take(&in, 1) % 6);
            continue;
        }
        value = (uint32_t)take(&in, what & 0x10 ? 4 : 1);
        require(power_write(&p, port, value) == event_of(port, value & 0xff));
        if (port == POWER_PORT_SLEEP_CONTROL)
            want.sleep_control = value & POWER_SLP_TYP_MASK;
        if (port == POWER_PORT_RESET)
            want.reset_control = value & POWER_RESET_TYPE;
        check_state(&p, &want);
    }
    return 0;
}
