/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/linear.h"

#include "arch/x86_64/cpu.h"
#include "kernel/errno.h"
#include "kernel/string.h"
#include "vmm/exit_parts.h"

#define PAGE 4096u

/* A part of an access that lies in one page. */
struct piece {
    uint64_t gpa;
    unsigned size;
};

void linear_init(struct linear *l, struct guest *guest, struct vcpu *vcpu)
{
    struct arch_vcpu *arch = &vcpu->arch;

    l->guest = guest;
    l->vcpu = vcpu;
    l->walk = (struct walk_state){
        .cr0 = cpu->cr(arch, 0),
        .efer = cpu->efer(arch),
    };
    if (l->walk.cr0 & CR0_PG) {
        l->walk.cr3 = cpu->cr(arch, 3);
        l->walk.cr4 = cpu->cr(arch, 4);
        l->walk.cpl = vcpu_cpl(vcpu);
        l->walk.ac = cpu->rflags(arch) & RFLAGS_AC;
    }
    cpu->segment(arch, SEG_CS, &l->cs);
    if ((l->walk.efer & EFER_LMA) && (l->cs.access & ACCESS_LONG)) {
        l->mode = INSN_64;
    } else {
        l->mode = l->cs.access & ACCESS_BIG ? INSN_32 : INSN_16;
    }
}

static uint64_t rip_of(const struct linear *l)
{
    uint64_t rip = cpu->rip(&l->vcpu->arch);

    return l->mode == INSN_64 ? rip : (uint32_t)(l->cs.base + rip);
}

/* Page tables where there is no memory read as ones, as they would to the
 * processor, which then finds reserved bits. */
static int read_entry(void *context, uint64_t gpa, uint64_t *value,
                      unsigned size)
{
    *value = 0;
    if (guest_read(context, gpa, value, size)) {
        *value = size == 8 ? UINT64_MAX : UINT32_MAX;
    }
    return 0;
}

static int translate(struct linear *l, uint64_t gva, unsigned size,
                     unsigned access, struct piece *piece)
{
    struct walk_result result;
    int error = walk(&l->walk, gva, access, read_entry, l->guest, &result);

    piece->size = 0;
    if (error) {
        l->address = result.gva;
        l->error_code = result.error_code;
        return error;
    }
    piece->gpa = result.gpa;
    piece->size = PAGE - (unsigned)(gva % PAGE);
    if (piece->size > size) {
        piece->size = size;
    }
    return 0;
}

/* The one or two pages of an access; those of a write must be memory. */
static int locate(struct linear *l, uint64_t gva, unsigned size,
                  unsigned access, struct piece piece[2])
{
    int error = translate(l, gva, size, access, &piece[0]);

    piece[1].size = 0;
    if (!error && piece[0].size < size) {
        error = translate(l, gva + piece[0].size, size - piece[0].size, access,
                          &piece[1]);
    }
    for (unsigned i = 0; i < 2 && !error && (access & WALK_WRITE); i++) {
        if (piece[i].size && !guest_has_page(l->guest, piece[i].gpa)) {
            l->address = piece[i].gpa;
            error = -EFAULT;
        }
    }
    return error;
}

int linear_check(struct linear *l, uint64_t gva, unsigned size, unsigned access)
{
    struct piece piece[2];

    return locate(l, gva, size, access, piece);
}

static int copy(struct linear *l, const struct piece *piece, void *data,
                unsigned access)
{
    int error = access & WALK_WRITE
                    ? guest_write(l->guest, piece->gpa, data, piece->size)
                    : guest_read(l->guest, piece->gpa, data, piece->size);

    if (!error) {
        return 0;
    }
    if (!(access & (WALK_WRITE | WALK_FETCH)) &&
        !platform_is_mmio(l->guest, l->vcpu, piece->gpa)) {
        memset(data, 0xff, piece->size);
        return 0;
    }
    l->address = piece->gpa;
    return -EFAULT;
}

int linear_access(struct linear *l, uint64_t gva, void *data, unsigned size,
                  unsigned access)
{
    struct piece piece[2];
    uint8_t *bytes = data;
    int error = locate(l, gva, size, access, piece);

    if (!error) {
        error = copy(l, &piece[0], bytes, access);
    }
    if (!error && piece[1].size) {
        error = copy(l, &piece[1], bytes + piece[0].size, access);
    }
    return error;
}

enum exit_result linear_failed(const struct linear *l, int error)
{
    switch (error) {
    case -EPERM:
        cpu->set_cr(&l->vcpu->arch, 2, l->address);
        return vcpu_raise(l->guest, l->vcpu, VECTOR_PF, true, l->error_code);
    case -EINVAL:
        return vcpu_raise_gp(l->guest, l->vcpu);
    default:
        return vcpu_fault(l->guest, l->vcpu, FAULT_EPT, true, l->address, 0);
    }
}

int linear_fetch(struct linear *l, uint8_t bytes[INSN_MAX], unsigned *count)
{
    struct piece piece;
    int error = translate(l, rip_of(l), INSN_MAX, WALK_FETCH, &piece);

    *count = piece.size;
    return error ? error : copy(l, &piece, bytes, WALK_FETCH);
}

int linear_fetch_more(struct linear *l, uint8_t bytes[INSN_MAX],
                      unsigned *count)
{
    unsigned have = *count;

    if (have == INSN_MAX) {
        return -E2BIG;
    }
    *count = INSN_MAX;
    return linear_access(l, rip_of(l) + have, bytes + have, INSN_MAX - have,
                         WALK_FETCH);
}
