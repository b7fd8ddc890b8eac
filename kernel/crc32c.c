/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/crc32c.h"

#define POLYNOMIAL 0x82f63b78u /* reflected; RFC 3720, B.4 */
#define PAGE_BYTES 4096

/* crc32q has a latency of three cycles and a throughput of one: a page is
 * three chains of LANE bytes side by side, and the REST. */
#define LANE 1360
#define REST (3 * LANE)

static bool have_crc32q;

/* lane_shift[i][b]: byte i of a state is b; the state after LANE zeros. */
static uint32_t lane_shift[4][256];

typedef uint64_t __attribute__((aligned(1), may_alias)) unaligned_u64;

static uint64_t step8(uint64_t state, const void *p)
{
    __asm__("crc32q %1, %0" : "+r"(state) : "m"(*(const unaligned_u64 *)p));
    return state;
}

static uint64_t step64(uint64_t state, const void *p)
{
    __asm__("crc32q (%1), %0\n\t"
            "crc32q 8(%1), %0\n\t"
            "crc32q 16(%1), %0\n\t"
            "crc32q 24(%1), %0\n\t"
            "crc32q 32(%1), %0\n\t"
            "crc32q 40(%1), %0\n\t"
            "crc32q 48(%1), %0\n\t"
            "crc32q 56(%1), %0"
            : "+r"(state)
            : "r"(p), "m"(*(const uint8_t(*)[64])p));
    return state;
}

static uint32_t step1(uint32_t state, const uint8_t *p)
{
    __asm__("crc32b %1, %0" : "+r"(state) : "m"(*p));
    return state;
}

static uint32_t crc32c_hard(uint32_t seed, const uint8_t *p, size_t n)
{
    uint64_t state = ~seed;

    for (; n >= 64; n -= 64, p += 64)
        state = step64(state, p);
    for (; n >= 8; n -= 8, p += 8)
        state = step8(state, p);
    while (n--)
        state = step1((uint32_t)state, p++);
    return ~(uint32_t)state;
}

uint32_t crc32c_soft(uint32_t seed, const void *data, size_t n)
{
    /* The state after four zero bits, by the four bits shifted out. */
    static const uint32_t nibble[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    const uint8_t *p = data;
    uint32_t state = ~seed;

    while (n--) {
        state ^= *p++;
        state = (state >> 4) ^ nibble[state & 15];
        state = (state >> 4) ^ nibble[state & 15];
    }
    return ~state;
}

static uint32_t shift_lane(uint32_t state)
{
    return lane_shift[0][state & 255] ^ lane_shift[1][state >> 8 & 255] ^
           lane_shift[2][state >> 16 & 255] ^ lane_shift[3][state >> 24];
}

/* Multiplies the state by x^8: what a zero byte does. */
static uint32_t shift_byte(uint32_t state)
{
    for (int i = 0; i < 8; i++)
        state = (state >> 1) ^ (state & 1 ? POLYNOMIAL : 0);
    return state;
}

/* Shifting is linear: an entry is the sum of those of its bits. */
static void init_lane_shift(void)
{
    for (unsigned i = 0; i < 4; i++)
        for (unsigned b = 1; b < 256; b++) {
            unsigned low = b & -b;
            uint32_t state = low << 8 * i;

            lane_shift[i][b] = lane_shift[i][low] ^ lane_shift[i][b ^ low];
            if (b != low)
                continue;
            for (unsigned n = 0; n < LANE; n++)
                state = shift_byte(state);
            lane_shift[i][b] = state;
        }
}

void crc32c_init(bool have_sse42)
{
    if (have_sse42)
        init_lane_shift();
    have_crc32q = have_sse42;
}

#define STRING(x)  #x
#define LITERAL(x) STRING(x)

/* Straight line: nested in an emulator each instruction counts. */
static void step_lanes(const void *p, uint64_t lane[3])
{
    __asm__(".set .Loffset, 0\n\t"
            ".rept " LITERAL(
                LANE) " / 8\n\t"
                      "crc32q .Loffset(%3), %0\n\t"
                      "crc32q .Loffset + " LITERAL(
                          LANE) "(%3), %1\n\t"
                                "crc32q .Loffset + 2 * " LITERAL(
                                    LANE) "(%3), %2\n\t"
                                          ".set .Loffset, .Loffset + 8\n\t"
                                          ".endr"
            : "+r"(lane[0]), "+r"(lane[1]), "+r"(lane[2])
            : "r"(p), "m"(*(const uint8_t(*)[REST])p));
}

uint32_t crc32c_page(const void *page)
{
    uint64_t lane[3] = {UINT32_MAX, 0, 0};
    const uint8_t *rest = (const uint8_t *)page + REST;
    uint32_t state;

    if (!have_crc32q)
        return crc32c_soft(0, page, PAGE_BYTES);
    step_lanes(page, lane);
    state = shift_lane((uint32_t)lane[0]) ^ (uint32_t)lane[1];
    state = shift_lane(state) ^ (uint32_t)lane[2];
    return ~(uint32_t)step8(step8(state, rest), rest + 8);
}

uint32_t crc32c(uint32_t seed, const void *data, size_t n)
{
    return have_crc32q ? crc32c_hard(seed, data, n)
                       : crc32c_soft(seed, data, n);
}
