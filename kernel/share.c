/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/share.h"

#include "kernel/config.h"

/* 115,200 baud, ten bits a byte. */
#define BYTES_PER_10_MS 115u

bool share_take(struct share *share, uint64_t now, uint64_t cost,
                uint64_t burst)
{
    if (share->until < now) {
        share->until = now;
    }
    if (share->until - now + cost > burst) {
        return false;
    }
    share->until += cost;
    return true;
}

static uint64_t time_of(uint32_t bytes, uint64_t per_ms)
{
    return bytes * per_ms * 10 / BYTES_PER_10_MS * VM_MAX;
}

bool share_allows(struct share *share, uint64_t now, uint32_t length,
                  uint32_t room, uint32_t size, uint64_t per_ms)
{
    uint32_t kept = size - size / 4;
    uint64_t burst = time_of(kept / VM_MAX, per_ms);
    bool fair = share_take(share, now, time_of(length, per_ms), burst);

    if (room < length) {
        return false;
    }
    return fair || room - length >= kept;
}
