/* sources: vmm/walk.c */
/* fuzz: -runs=400000 -max_len=128 */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The walk of guest page tables: registers and an access, then the entries
 * that the walk will read, one after the other. */
#include "tests/fuzz/fuzz.h"
#include "vmm/walk.h"

#define CR0_WP     (1ull << 16)
#define CR0_PG     (1ull << 31)
#define CR4_PSE    (1ull << 4)
#define CR4_PAE    (1ull << 5)
#define CR4_SMEP   (1ull << 20)
#define CR4_SMAP   (1ull << 21)
#define EFER_LMA   (1ull << 10)
#define EFER_NXE   (1ull << 11)
#define ENTRY_NX   (1ull << 63)
#define ENTRY_P    1ull
#define ENTRY_W    2ull
#define ENTRY_U    4ull
#define ENTRY_PS   0x80ull

#define READS_MAX  4
#define ALL_ACCESS (WALK_WRITE | WALK_FETCH | WALK_IMPLICIT)

/* What the walk asked for, and got. */
struct memory {
    uint64_t entry[READS_MAX];
    uint64_t gpa[READS_MAX];
    unsigned size;
    unsigned reads;
    unsigned absent; /* this read finds no memory */
};

static int read_entry(void *context, uint64_t gpa, uint64_t *value,
                      unsigned size)
{
    struct memory *memory = context;
    unsigned i = memory->reads++;

    require(i < READS_MAX);
    require((size == 4 || size == 8) && gpa % size == 0);
    require(gpa < 1ull << WALK_PHYS_BITS);
    memory->gpa[i] = gpa;
    memory->size = size;
    if (size == 4)
        memory->entry[i] = (uint32_t)memory->entry[i];
    *value = memory->entry[i];
    return i == memory->absent ? -EFAULT : 0;
}

static bool is_long(const struct walk_state *s)
{
    return (s->cr0 & CR0_PG) && (s->efer & EFER_LMA);
}

static bool is_pae(const struct walk_state *s)
{
    return (s->cr0 & CR0_PG) && !is_long(s) && (s->cr4 & CR4_PAE);
}

/* No bit of a used entry is one that must be 0. */
static void check_reserved(const struct walk_state *s, const struct memory *m)
{
    uint64_t address = ~((1ull << WALK_PHYS_BITS) - 1);

    for (unsigned i = 0; i < m->reads && m->size == 8; i++) {
        uint64_t bits = address & (is_long(s) ? ~(0xfffull << 52) : ~ENTRY_NX);

        if (is_pae(s) && i == 0)
            bits = address | 0x1e6;
        else if (!(s->efer & EFER_NXE))
            bits |= ENTRY_NX;
        if (is_long(s) && i == 0)
            bits |= ENTRY_PS;
        require((m->entry[i] & bits) == 0);
    }
}

/* The access was right for every entry on the way. */
static void check_rights(const struct walk_state *s, const struct memory *m,
                         unsigned access)
{
    bool user = s->cpl == 3 && !(access & WALK_IMPLICIT);
    uint64_t all = ENTRY_P | ENTRY_W | ENTRY_U, any = 0;

    if (m->reads == 0)
        return; /* paging is off */
    for (unsigned i = 0; i < m->reads; i++) {
        require(m->entry[i] & ENTRY_P);
        if (is_pae(s) && i == 0)
            continue;
        all &= m->entry[i];
        any |= m->size == 8 ? m->entry[i] : 0;
    }
    if (user)
        require(all & ENTRY_U);
    if ((access & WALK_WRITE) && (user || (s->cr0 & CR0_WP)))
        require(all & ENTRY_W);
    if (access & WALK_FETCH)
        require(!(any & ENTRY_NX));
    if ((access & WALK_FETCH) && !user && (s->cr4 & CR4_SMEP))
        require(!(all & ENTRY_U));
    if (!(access & WALK_FETCH) && !user && (s->cr4 & CR4_SMAP) &&
        !(s->ac && !(access & WALK_IMPLICIT)))
        require(!(all & ENTRY_U));
}

static void check_page(const struct walk_state *s, const struct memory *m,
                       const struct walk_result *r)
{
    uint64_t last = m->reads ? m->entry[m->reads - 1] : 0;
    uint64_t frame = last & ((1ull << WALK_PHYS_BITS) - 1);

    require(r->error_code == 0);
    require(r->page_size == 4096 || r->page_size == 1ull << 21 ||
            r->page_size == 1ull << 22 || r->page_size == 1ull << 30);
    require(r->gpa < 1ull << WALK_PHYS_BITS);
    require((r->gpa ^ r->gva) % r->page_size == 0);
    require(m->reads == 0 || r->page_size == 4096 || (last & ENTRY_PS));
    if (r->page_size == 1ull << 22) {
        require(m->size == 4 && (s->cr4 & CR4_PSE) && !(last >> 20 & 2));
        frame = (frame & 0xffc00000) | (last >> 13 & 0x7f) << 32;
    }
    if (m->reads)
        require(r->gpa / r->page_size == frame / r->page_size);
    else
        require(r->gpa == (uint32_t)r->gva);
}

static void check_fault(const struct walk_state *s, unsigned access,
                        const struct walk_result *r)
{
    uint32_t code = r->error_code;

    require((code & ~0x1fu) == 0);
    require(!(code & WALK_PF_WRITE) == !(access & WALK_WRITE));
    require(!(code & WALK_PF_USER) ==
            !(s->cpl == 3 && !(access & WALK_IMPLICIT)));
    require(!(code & WALK_PF_RESERVED) || (code & WALK_PF_PRESENT));
    require(!(code & WALK_PF_FETCH) || (access & WALK_FETCH));
}

static struct walk_state take_state(struct input *in)
{
    unsigned bits = (unsigned)take(in, 2);
    struct walk_state s = {.cpl = bits & 3, .ac = bits >> 2 & 1};

    s.cr0 = (bits >> 3 & 1 ? CR0_WP : 0) | (bits >> 4 & 1 ? 0 : CR0_PG) | 1;
    s.cr4 = (bits >> 5 & 1 ? CR4_PSE : 0) | (bits >> 6 & 1 ? CR4_PAE : 0) |
            (bits >> 7 & 1 ? CR4_SMEP : 0) | (bits >> 8 & 1 ? CR4_SMAP : 0);
    s.efer = bits >> 9 & 1 ? EFER_NXE : 0;
    if ((bits >> 10 & 1) && (s.cr4 & CR4_PAE))
        s.efer |= EFER_LMA;
    s.cr3 = take_number(in);
    /* as the processor lets CR3 be loaded */
    s.cr3 &= s.efer & EFER_LMA ? (1ull << WALK_PHYS_BITS) - 1 : UINT32_MAX;
    return s;
}

/* Rights do not depend on the reader, and a right to write is one to read. */
static void check_again(const struct walk_state *s, const struct memory *before,
                        unsigned access, int error,
                        const struct walk_result *was)
{
    struct memory memory = *before;
    struct walk_result again;

    memory.reads = 0;
    require(walk(s, was->gva, access, read_entry, &memory, &again) == error);
    require(memcmp(was, &again, sizeof(again)) == 0);
    if (error || !(access & WALK_WRITE))
        return;
    memory.reads = 0;
    access &= ~(unsigned)WALK_WRITE;
    require(walk(s, was->gva, access, read_entry, &memory, &again) == 0);
    require(again.gpa == was->gpa);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct walk_state state = take_state(&in);
    unsigned access = (unsigned)take(&in, 1) & ALL_ACCESS;
    struct memory memory = {.absent = take_below(&in, 32)};
    uint64_t gva = take_number(&in);
    struct walk_result result;
    int error;

    if (access & WALK_FETCH)
        access &= ~(unsigned)WALK_WRITE;
    for (unsigned i = 0; i < READS_MAX; i++)
        memory.entry[i] = take(&in, 1) ^ take_number(&in);
    memset(&result, 0xa5, sizeof(result));
    error = walk(&state, gva, access, read_entry, &memory, &result);
    require(result.gva == (is_long(&state) ? gva : (uint32_t)gva));
    switch (error) {
    case 0:
        check_reserved(&state, &memory);
        check_rights(&state, &memory, access);
        check_page(&state, &memory, &result);
        break;
    case -EPERM:
        check_fault(&state, access, &result);
        break;
    case -EFAULT:
        require(memory.reads == memory.absent + 1);
        require(result.gpa == memory.gpa[memory.absent]);
        break;
    default:
        require(error == -EINVAL && is_long(&state) && memory.reads == 0);
        require((uint64_t)((int64_t)(gva << 16) >> 16) != gva);
        break;
    }
    if (error != -EINVAL)
        check_again(&state, &memory, access, error, &result);
    return 0;
}
