/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/hest.h"

#include "kernel/string.h"

/* Types of error sources: ACPI 6.4, 18.3.2.1 and following. */
enum {
    MACHINE_CHECK = 0,
    CORRECTED = 1,
    GENERIC = 9,
    GENERIC_2 = 10,
    DEFERRED = 11,
    TYPES = 12
};

#define FIRMWARE_FIRST 1u
#define FLAGS          6 /* offset, in all types but NMI and generic */
#define BANK_SIZE      28

/* Bytes of a source without its banks, and where these are counted; 0: it has
 * none, or there is no such type. */
static const struct {
    uint8_t size, banks_at;
} shape[TYPES] = {
    [MACHINE_CHECK] = {40, 32},
    [CORRECTED] = {48, 44},
    [2] = {20, 0},
    [6] = {48, 0},
    [7] = {44, 0},
    [8] = {56, 0},
    [GENERIC] = {64, 0},
    [GENERIC_2] = {92, 0},
    [DEFERRED] = {48, 44},
};

/* The bytes of a source; 0 when it is not whole or not known. */
static uint32_t source_size(const uint8_t *source, uint32_t left)
{
    unsigned type = left >= 2 ? source[0] + 256u * source[1] : TYPES;
    uint32_t size;

    if (type >= TYPES || shape[type].size == 0 || shape[type].size > left) {
        return 0;
    }
    size = shape[type].size;
    if (shape[type].banks_at) {
        size += (uint32_t)source[shape[type].banks_at] * BANK_SIZE;
    }
    return size > left ? 0 : size;
}

static void read_source(const uint8_t *source, struct hest_info *info)
{
    bool first = source[FLAGS] & FIRMWARE_FIRST;

    switch (source[0]) {
    case MACHINE_CHECK:
        info->machine_checks_first |= first;
        break;
    case CORRECTED:
    case DEFERRED:
        info->corrected_first |= first;
        break;
    case GENERIC:
    case GENERIC_2:
        info->generic++;
        break;
    default:
        break;
    }
    info->sources++;
}

void hest_read(const uint8_t *body, uint32_t size, struct hest_info *info)
{
    uint32_t count, at = 4;

    memset(info, 0, sizeof(*info));
    if (size < at) {
        return;
    }
    memcpy(&count, body, sizeof(count));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t step = source_size(body + at, size - at);

        if (!step) {
            return;
        }
        read_source(body + at, info);
        at += step;
    }
}
