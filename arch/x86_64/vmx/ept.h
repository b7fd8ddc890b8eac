/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stage 2 as EPT with 4 levels (SDM vol. 3, 28.2.2). Tables are edited only
 * through temp_map(TEMP_STAGE2); nothing else maps them.
 */
#ifndef VMX_EPT_H
#define VMX_EPT_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86_64/percpu.h"

#include "arch/x86_64/cpu_backend.h"

/* Bits 2:0 are STAGE2_READ, _WRITE and _EXEC. */
#define EPT_ALL        7ul
#define EPT_WRITE_BACK (6ul << 3)
#define EPT_IGNORE_PAT (1ul << 6)
#define EPT_LARGE      (1ul << 7)
#define EPT_ACCESSED   (1ul << 8)
#define EPT_DIRTY      (1ul << 9)
#define EPT_ADDRESS    0x000ffffffffff000ul
/* Ignored by the processor, ours: */
#define EPT_MAY_WRITE  (1ul << 52) /* writable but for DIRTY_WRITE */
#define EPT_SHARED     (1ul << 53) /* leads to a table of the ones page */
#define EPT_ONES       (1ul << 54) /* a leaf of the ones page */

#define EPT_ENTRIES    512u
#define EPT_TABLE_SPAN (2ul << 20) /* bytes that a page table maps */
#define EPT_GPA_LIMIT  (1ul << 48)

/* engine.c: the engine of a VM that is created now. force: as in struct
 * cpu_backend. */
enum dirty_engine_kind vmx_choose_engine(bool tracked);
int vmx_force_engine(enum dirty_engine_kind kind, struct cpu_missing *missing);

/* As in struct cpu_backend. */
int ept_create(struct stage2 *s2, uint16_t vm, uint64_t memory_top,
               bool tracked, uint64_t *dirty_bits);
int ept_map(struct stage2 *s2, uint64_t gpa, uint64_t hpa, unsigned protection);
int ept_fill(struct stage2 *s2, uint64_t ones_hpa, const uint64_t *holes,
             unsigned hole_count);
uint64_t ept_lookup(struct stage2 *s2, uint64_t gpa);
int ept_corrupt(struct stage2 *s2, uint64_t gpa);
void ept_rearm(struct stage2 *s2);

/* DIRTY_BITS: adds pages whose leaf is dirty to the bitmap. */
void ept_collect(struct stage2 *s2);

/* Marks the page of gpa in the bitmap, whatever the CPU. */
void ept_mark_dirty(struct stage2 *s2, uint64_t gpa);

/* DIRTY_WRITE: a write to gpa was refused. True when only tracking stood in
 * the way: noted, and it will not be refused again. */
bool ept_note_write(struct stage2 *s2, uint64_t gpa);

/* The page table (level 1) or the table of a higher level that holds gpa's
 * entry, host-physical; 0 when there is none, or gpa is too high. With own
 * it is made, unshared or split on the way; then 0 means out of frames. */
uint64_t ept_table(struct stage2 *s2, uint64_t gpa, unsigned level, bool own);
unsigned ept_index(uint64_t gpa, unsigned level);

/* ept_large.c: a VM that is not tracked may be mapped by 2 MiB leaves. merge
 * makes them where 512 pages lie in a row; a leaf is not executable unless
 * the processor is safe from CVE-2018-12207. split returns the entry for
 * the page table instead, which was kept. */
int ept_large_create(struct stage2 *s2);
void ept_large_merge(struct stage2 *s2);
uint64_t ept_large_split(struct stage2 *s2, uint64_t gpa);
/* Splits what a fetch from gpa met; false when that was no large leaf. */
bool ept_large_fetch(struct stage2 *s2, uint64_t gpa);

#endif
