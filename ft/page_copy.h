/* SPDX-License-Identifier: BSD-2-Clause */
/* How pages are copied on this machine. */
#ifndef FT_PAGE_COPY_H
#define FT_PAGE_COPY_H

#include <stdbool.h>
#include <stdint.h>

/* The best of some tries, in TSC ticks a page. */
struct page_copy_ticks {
    uint64_t words; /* rep movsq */
    uint64_t bytes; /* rep movsb */
};

/* Measures both. */
struct page_copy_ticks page_copy_measure(void);

/* Chooses for good: by bytes where the processor says that it is made for
 * that (ERMS: CPUID.7:EBX bit 9; SDM vol. 1, 7.3.9.3) and where that is true,
 * as an emulator or a virtual machine may say it without meaning it. */
struct page_copy_ticks page_copy_choose(bool erms);

#endif
