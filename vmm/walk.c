/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/walk.h"

#include <stddef.h>

#include "kernel/errno.h"

#define CR0_WP         (1ULL << 16)
#define CR0_PG         (1ULL << 31)
#define CR4_PSE        (1ULL << 4)
#define CR4_PAE        (1ULL << 5)
#define CR4_SMEP       (1ULL << 20)
#define CR4_SMAP       (1ULL << 21)
#define EFER_LMA       (1ULL << 10)
#define EFER_NXE       (1ULL << 11)

#define ENTRY_PRESENT  (1ULL << 0)
#define ENTRY_WRITABLE (1ULL << 1)
#define ENTRY_USER     (1ULL << 2)
#define ENTRY_LARGE    (1ULL << 7)
#define ENTRY_NX       (1ULL << 63)

/* Bits high to low, both included. */
#define BITS(high, low) ((~0ULL >> (63 - (high))) & (~0ULL << (low)))

#define FRAME           BITS(WALK_PHYS_BITS - 1, 12)

/* Address bits 38:32 of a 4 MiB page, in its entry (PSE-36). */
#define PSE36_SHIFT 13
#define PSE36       BITS(WALK_PHYS_BITS - 32 + PSE36_SHIFT - 1, PSE36_SHIFT)

/* One way of paging: what its tables are like, from CR3 downwards. */
struct paging {
    uint64_t root;       /* the bits of CR3 that address the first table */
    unsigned levels;     /* how many of shift are used */
    unsigned shift[4];   /* an entry covers 1 << shift bytes */
    unsigned index_bits; /* a table has 1 << index_bits entries */
    unsigned entry_size; /* bytes */
    unsigned large;      /* the greatest shift of a page */
};

static const struct paging paging_32 = {
    .root = BITS(31, 12),
    .levels = 2,
    .shift = {22, 12},
    .index_bits = 10,
    .entry_size = 4,
    .large = 22,
};

static const struct paging paging_pae = {
    .root = BITS(31, 5),
    .levels = 3,
    .shift = {30, 21, 12},
    .index_bits = 9,
    .entry_size = 8,
    .large = 21,
};

static const struct paging paging_long = {
    .root = FRAME,
    .levels = 4,
    .shift = {39, 30, 21, 12},
    .index_bits = 9,
    .entry_size = 8,
    .large = 30,
};

/* One translation, on its way down. */
struct descent {
    const struct walk_state *state;
    const struct paging *paging;
    unsigned access;
    uint64_t rights; /* ENTRY_WRITABLE and ENTRY_USER of all entries */
    bool no_execute; /* of any entry */
    uint64_t table;  /* its guest-physical address */
    uint64_t entry;  /* the last one read ... */
    unsigned shift;  /* ... and what it covers */
};

/* NULL when paging is off. */
static const struct paging *paging_of(const struct walk_state *state)
{
    if (!(state->cr0 & CR0_PG))
        return NULL;
    if (state->efer & EFER_LMA)
        return &paging_long;
    return state->cr4 & CR4_PAE ? &paging_pae : &paging_32;
}

static bool is_canonical(uint64_t gva)
{
    uint64_t upper = gva & BITS(63, 47);

    return upper == 0 || upper == BITS(63, 47);
}

static bool is_user(const struct descent *d)
{
    return d->state->cpl == 3 && !(d->access & WALK_IMPLICIT);
}

/* The entry maps a page, and no table. */
static bool is_page(const struct descent *d)
{
    if (d->shift == 12)
        return true;
    if (d->paging == &paging_32 && !(d->state->cr4 & CR4_PSE))
        return false;
    return d->shift <= d->paging->large && (d->entry & ENTRY_LARGE);
}

/* Low address bits in the entry of a large page, which must be 0. Bit 12 is
 * not among them: it is PAT. */
static uint64_t reserved_large(const struct descent *d)
{
    if (d->paging == &paging_32)
        return BITS(21, 13) & ~PSE36;
    return BITS(d->shift - 1, 13);
}

/* The bits of the entry that must be 0 (SDM vol. 3, 4.3 to 4.5). */
static uint64_t reserved(const struct descent *d)
{
    uint64_t bits = 0;

    if (d->shift > 12 && is_page(d))
        bits |= reserved_large(d);
    if (d->paging == &paging_32)
        return bits;
    if (d->paging == &paging_pae && d->shift == 30)
        return BITS(63, WALK_PHYS_BITS) | BITS(8, 5) | BITS(2, 1);
    if (d->shift == 39)
        bits |= ENTRY_LARGE;
    if (!(d->state->efer & EFER_NXE))
        bits |= ENTRY_NX;
    return bits | BITS(d->paging == &paging_pae ? 62 : 51, WALK_PHYS_BITS);
}

/* PAE's page-directory pointers have no rights. */
static void take_rights(struct descent *d)
{
    if (d->paging == &paging_pae && d->shift == 30)
        return;
    d->rights &= d->entry;
    if (d->paging != &paging_32 && (d->entry & ENTRY_NX))
        d->no_execute = true;
}

static bool user_may(const struct descent *d)
{
    if (!(d->rights & ENTRY_USER))
        return false;
    if ((d->access & WALK_WRITE) && !(d->rights & ENTRY_WRITABLE))
        return false;
    return !((d->access & WALK_FETCH) && d->no_execute);
}

static bool supervisor_may(const struct descent *d)
{
    const struct walk_state *state = d->state;
    bool user_page = d->rights & ENTRY_USER;
    bool ac = state->ac && !(d->access & WALK_IMPLICIT);

    if (d->access & WALK_FETCH)
        return !d->no_execute && !(user_page && (state->cr4 & CR4_SMEP));
    if (user_page && (state->cr4 & CR4_SMAP) && !ac)
        return false;
    return !(d->access & WALK_WRITE) || (d->rights & ENTRY_WRITABLE) ||
           !(state->cr0 & CR0_WP);
}

static uint32_t error_code(const struct descent *d, uint32_t cause)
{
    const struct walk_state *state = d->state;
    bool tells_fetch = (state->cr4 & CR4_SMEP) ||
                       ((state->cr4 & CR4_PAE) && (state->efer & EFER_NXE));

    if (d->access & WALK_WRITE)
        cause |= WALK_PF_WRITE;
    if (is_user(d))
        cause |= WALK_PF_USER;
    if ((d->access & WALK_FETCH) && tells_fetch)
        cause |= WALK_PF_FETCH;
    return cause;
}

static int page_fault(const struct descent *d, uint32_t cause,
                      struct walk_result *result)
{
    result->error_code = error_code(d, cause);
    return -EPERM;
}

/* Reads and checks the entry for gva in d->table. */
static int read_entry(struct descent *d, walk_read read, void *context,
                      struct walk_result *result)
{
    uint64_t index =
        result->gva >> d->shift & ((1U << d->paging->index_bits) - 1);
    uint64_t gpa = d->table + index * d->paging->entry_size;

    if (read(context, gpa, &d->entry, d->paging->entry_size)) {
        result->gpa = gpa;
        return -EFAULT;
    }
    if (!(d->entry & ENTRY_PRESENT))
        return page_fault(d, 0, result);
    if (d->entry & reserved(d))
        return page_fault(d, WALK_PF_PRESENT | WALK_PF_RESERVED, result);
    take_rights(d);
    return 0;
}

/* The entry maps the page of gva. */
static int finish(const struct descent *d, struct walk_result *result)
{
    uint64_t offset = (1ULL << d->shift) - 1;
    uint64_t frame = d->entry & FRAME & ~offset;

    if (!(is_user(d) ? user_may(d) : supervisor_may(d)))
        return page_fault(d, WALK_PF_PRESENT, result);
    if (d->paging == &paging_32 && d->shift == 22)
        frame |= (d->entry & PSE36) << (32 - PSE36_SHIFT);
    result->page_size = offset + 1;
    result->gpa = frame | (result->gva & offset);
    return 0;
}

static int descend(struct descent *d, walk_read read, void *context,
                   struct walk_result *result)
{
    unsigned level;
    int error;

    for (level = 0; level < d->paging->levels; level++) {
        d->shift = d->paging->shift[level];
        error = read_entry(d, read, context, result);
        if (error)
            return error;
        if (is_page(d))
            break;
        d->table = d->entry & FRAME;
    }
    return finish(d, result);
}

int walk(const struct walk_state *state, uint64_t gva, unsigned access,
         walk_read read, void *context, struct walk_result *result)
{
    struct descent d = {
        .state = state,
        .paging = paging_of(state),
        .access = access,
        .rights = ENTRY_WRITABLE | ENTRY_USER,
    };

    *result = (struct walk_result){.gva = gva};
    if (d.paging == &paging_long && !is_canonical(gva))
        return -EINVAL;
    if (d.paging != &paging_long)
        result->gva = (uint32_t)gva;
    if (!d.paging) {
        result->gpa = result->gva;
        result->page_size = 4096;
        return 0;
    }
    d.table = state->cr3 & d.paging->root;
    return descend(&d, read, context, result);
}
