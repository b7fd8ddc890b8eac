/* SPDX-License-Identifier: BSD-2-Clause */
/* CRC32C (Castagnoli; RFC 3720, B.4): check value of "123456789" is
 * 0xe3069283. */
#ifndef KERNEL_CRC32C_H
#define KERNEL_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Chooses the implementation; CPUID.1:ECX bit 20 tells have_sse42. Once, at
 * start, before other CPUs run; until then the portable one is used. */
void crc32c_init(bool have_sse42);

/* Continues `seed` (0 at the start, or the result for what comes before)
 * over n bytes of any alignment. */
uint32_t crc32c(uint32_t seed, const void *data, size_t n);

/* crc32c(0, page, 4096) for a page aligned to 8 bytes. With SSE4.2 about
 * 540 instructions, which read the page by 8-byte loads (safe to leave by a
 * fix-up after a machine check). */
uint32_t crc32c_page(const void *page);

/* The portable implementation, the same result. */
uint32_t crc32c_soft(uint32_t seed, const void *data, size_t n);

#endif
