/* SPDX-License-Identifier: BSD-2-Clause */
#include "interface.h"

#include <sys/io.h>

enum {
    PORT_SIGNATURE = 0x5B00,
    PORT_SNAPSHOT = 0x5B04,
    PORT_RESTORES = 0x5B08,
    PORT_ROLLBACK = 0x5B0C,
    PORT_HEARTBEAT = 0x5B10,
    SIGNATURE = 0x4B484C42, /* "BLHK" */
};

bool interface_open(void)
{
    return iopl(3) == 0 && inl(PORT_SIGNATURE) == SIGNATURE;
}

uint32_t interface_snapshot(void)
{
    return inl(PORT_SNAPSHOT);
}

uint32_t interface_restores(void)
{
    return inl(PORT_RESTORES);
}

uint32_t interface_rollback_ms(void)
{
    return inl(PORT_ROLLBACK);
}

void interface_heartbeat(uint32_t number)
{
    outl(number, PORT_HEARTBEAT);
}
