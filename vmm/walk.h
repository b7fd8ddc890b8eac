/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Translation of a guest's linear addresses by its own page tables: none,
 * 32-bit with 4 MiB pages and PSE-36, PAE, 4-level with 1 GiB pages. Pure,
 * bounded by four reads, and sets no accessed or dirty bit.
 *
 * Not modelled, since guests are not shown them: LA57, protection keys, CET.
 * PAE page-directory pointers are read from memory, as AMD's processors do;
 * Intel's keep the four that were there when CR3 was loaded.
 */
#ifndef VMM_WALK_H
#define VMM_WALK_H

#include <stdbool.h>
#include <stdint.h>

#define WALK_PHYS_BITS 39 /* MAXPHYADDR as guests see it */

/* Error code of a page fault (SDM vol. 3, 4.7). */
#define WALK_PF_PRESENT  0x01 /* not: an entry is not present */
#define WALK_PF_WRITE    0x02
#define WALK_PF_USER     0x04
#define WALK_PF_RESERVED 0x08
#define WALK_PF_FETCH    0x10

/* Bits of the access that is to be checked. A user-mode access is one at
 * CPL 3 without WALK_IMPLICIT. WALK_FETCH excludes WALK_WRITE. */
enum walk_access {
    WALK_READ = 0,
    WALK_WRITE = 1,
    WALK_FETCH = 2,
    WALK_IMPLICIT = 4, /* of a system structure, like a descriptor table: in
                          supervisor mode at any CPL, and AC is ignored */
};

struct walk_state {
    uint64_t cr0;
    uint64_t cr3;
    uint64_t cr4;
    uint64_t efer;
    unsigned cpl; /* 0 to 3 */
    bool ac;      /* RFLAGS.AC: suspends SMAP */
};

struct walk_result {
    uint64_t gva;        /* as translated: cut to 32 bits outside long mode */
    uint64_t gpa;        /* after 0: where gva is; after -EFAULT: the entry */
    uint64_t page_size;  /* after 0: bytes, 4 KiB to 1 GiB */
    uint32_t error_code; /* after -EPERM: WALK_PF bits; else 0 */
};

/* Reads size (4 or 8) bytes at the guest-physical address gpa, which is a
 * multiple of size, in one access: the guest may be changing them; *value is
 * zero above them. Returns 0, or -EFAULT where there is no memory. */
typedef int (*walk_read)(void *context, uint64_t gpa, uint64_t *value,
                         unsigned size);

/*
 * Translates gva for an access of walk_access bits. The result holds up to
 * the end of its page; an access that crosses it needs another walk. Returns
 * 0; -EPERM when the access raises #PF with result->error_code; -EFAULT when
 * a table lies where read finds no memory; -EINVAL when gva is not canonical.
 */
int walk(const struct walk_state *state, uint64_t gva, unsigned access,
         walk_read read, void *context, struct walk_result *result);

#endif
