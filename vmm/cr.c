/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes to control registers: all checks first, then what cannot fail. */
#include "arch/x86_64/cpu.h"
#include "kernel/errno.h"
#include "vmm/exit_parts.h"
#include "vmm/walk.h"

#define CR0_KNOWN                                                            \
    (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_WP | CR0_AM | CR0_NW | \
     CR0_CD | CR0_PG)

/* What LMSW can write; PE can only be set (SDM vol. 2, LMSW). */
#define LMSW_BITS    (CR0_PE | CR0_MP | CR0_EM | CR0_TS)

#define CR3_PCID     0xfffull
#define CR3_NO_FLUSH (1ull << 63)

/* With PAE paging, a change of these reads the four entries at CR3 again
 * (SDM vol. 3, 4.4.1). */
#define CR0_RELOADS    (CR0_CD | CR0_NW | CR0_PG)
#define CR4_RELOADS    (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP)

#define PDPTE_PRESENT  1ull
#define PDPTE_RESERVED (0x6ull | 0x1e0ull | ~((1ull << WALK_PHYS_BITS) - 1))

#define TSS_TYPES_32                                      \
    8u /* the bit in which 32-bit and 64-bit types differ \
          from 16-bit ones */

/* Registers that decide how the guest pages, as they are or are to be. */
struct paging_state {
    uint64_t cr0, cr3, cr4, efer;
};

static struct paging_state current(struct vcpu *vcpu)
{
    return (struct paging_state){
        .cr0 = cpu->cr(&vcpu->arch, 0),
        .cr3 = cpu->cr(&vcpu->arch, 3),
        .cr4 = cpu->cr(&vcpu->arch, 4),
        .efer = cpu->efer(&vcpu->arch),
    };
}

static bool is_pae(const struct paging_state *s)
{
    return (s->cr0 & CR0_PG) && (s->cr4 & CR4_PAE) && !(s->efer & EFER_LMA);
}

/* Reads the four entries; absent memory reads as ones. -EINVAL: reserved bits
 * are set, which raises #GP. */
static int read_pdptes(struct guest *guest, uint64_t cr3, uint64_t pdpte[4])
{
    for (unsigned i = 0; i < 4; i++) {
        uint64_t gpa = (cr3 & 0xffffffe0u) + i * 8;

        if (guest_read(guest, gpa, &pdpte[i], 8)) {
            pdpte[i] = UINT64_MAX;
        }
        if ((pdpte[i] & PDPTE_PRESENT) && (pdpte[i] & PDPTE_RESERVED)) {
            return -EINVAL;
        }
    }
    return 0;
}

/* Going to or from long mode (SDM vol. 3, 9.8.5, and vol. 2, MOV CR). */
static int check_paging_switch(struct vcpu *vcpu, const struct paging_state *to)
{
    struct x86_segment cs, tr;

    cpu->segment(&vcpu->arch, SEG_CS, &cs);
    if (!(to->cr0 & CR0_PG)) {
        bool in_64bit = (to->efer & EFER_LMA) && (cs.access & ACCESS_LONG);

        return in_64bit || (to->cr4 & CR4_PCIDE) ? -EINVAL : 0;
    }
    if (!(to->efer & EFER_LME)) {
        return 0;
    }
    cpu->segment(&vcpu->arch, SEG_TR, &tr);
    return !(to->cr4 & CR4_PAE) || (cs.access & ACCESS_LONG) ||
                   !(tr.access & TSS_TYPES_32)
               ? -EINVAL
               : 0;
}

static int put_cr0(struct guest *guest, struct vcpu *vcpu, uint64_t value)
{
    struct paging_state to = current(vcpu);
    uint64_t changed, pdpte[4];
    bool reload;

    if (value >> 32 || ((value & CR0_PG) && !(value & CR0_PE)) ||
        ((value & CR0_NW) && !(value & CR0_CD))) {
        return -EINVAL;
    }
    value = (value & CR0_KNOWN) | CR0_ET;
    changed = value ^ to.cr0;
    to.cr0 = value;
    if ((changed & CR0_PG) && check_paging_switch(vcpu, &to)) {
        return -EINVAL;
    }
    to.efer &= ~EFER_LMA;
    if ((value & CR0_PG) && (to.efer & EFER_LME)) {
        to.efer |= EFER_LMA;
    }
    reload = is_pae(&to) && (changed & CR0_RELOADS);
    if (reload && read_pdptes(guest, to.cr3, pdpte)) {
        return -EINVAL;
    }
    cpu->set_cr(&vcpu->arch, 0, value);
    if ((changed & CR0_PG) && (to.efer & EFER_LME)) {
        cpu->set_efer(&vcpu->arch, to.efer);
    }
    if (reload) {
        cpu->set_pdptes(&vcpu->arch, pdpte);
    }
    return 0;
}

static int check_cr4(const struct guest *guest, const struct paging_state *to,
                     uint64_t changed)
{
    if (to->cr4 & ~guest->cpuid.cr4) {
        return -EINVAL;
    }
    if (!(to->cr4 & CR4_PAE) && (to->efer & EFER_LMA)) {
        return -EINVAL;
    }
    if ((changed & to->cr4 & CR4_PCIDE) &&
        (!(to->efer & EFER_LMA) || (to->cr3 & CR3_PCID))) {
        return -EINVAL;
    }
    return 0;
}

static int put_cr4(struct guest *guest, struct vcpu *vcpu, uint64_t value)
{
    struct paging_state to = current(vcpu);
    uint64_t changed = value ^ to.cr4, pdpte[4];
    bool reload;

    to.cr4 = value;
    if (check_cr4(guest, &to, changed)) {
        return -EINVAL;
    }
    reload = is_pae(&to) && (changed & CR4_RELOADS);
    if (reload && read_pdptes(guest, to.cr3, pdpte)) {
        return -EINVAL;
    }
    cpu->set_cr(&vcpu->arch, 4, value);
    if (reload) {
        cpu->set_pdptes(&vcpu->arch, pdpte);
    }
    return 0;
}

static int put_cr3(struct guest *guest, struct vcpu *vcpu, uint64_t value)
{
    struct paging_state to = current(vcpu);
    uint64_t pdpte[4];

    if (to.cr4 & CR4_PCIDE) {
        value &= ~CR3_NO_FLUSH;
    }
    if ((to.efer & EFER_LMA) && value >> WALK_PHYS_BITS) {
        return -EINVAL;
    }
    if (is_pae(&to) && read_pdptes(guest, value, pdpte)) {
        return -EINVAL;
    }
    cpu->set_cr(&vcpu->arch, 3, value);
    if (is_pae(&to)) {
        cpu->set_pdptes(&vcpu->arch, pdpte);
    }
    return 0;
}

static int put_cr8(struct vcpu *vcpu, uint64_t value)
{
    if (value >> 4) {
        return -EINVAL;
    }
    lapic_set_cr8(&vcpu->lapic, value);
    vcpu->look |= LOOK_EVENTS;
    return 0;
}

static int write_register(struct guest *guest, struct vcpu *vcpu,
                          const struct exit_cr *cr)
{
    uint64_t value = vcpu_gpr(vcpu, cr->gpr);

    if (!vcpu_is_64bit(vcpu)) {
        value = (uint32_t)value;
    }
    switch (cr->cr) {
    case 0:
        return put_cr0(guest, vcpu, value);
    case 3:
        return put_cr3(guest, vcpu, value);
    case 4:
        return put_cr4(guest, vcpu, value);
    default:
        return put_cr8(vcpu, value);
    }
}

/* In compatibility and protected mode the upper half of a register does not
 * matter. */
static void read_register(struct vcpu *vcpu, const struct exit_cr *cr)
{
    uint64_t value =
        cr->cr == 8 ? lapic_cr8(&vcpu->lapic) : cpu->cr(&vcpu->arch, cr->cr);

    vcpu_set_gpr(vcpu, cr->gpr, value);
}

enum exit_result cr_exit(struct guest *guest, struct vcpu *vcpu)
{
    struct exit_cr cr = cpu->exit_cr(&vcpu->arch);
    uint64_t cr0;
    int error = 0;

    if (cr.cr != 0 && cr.cr != 3 && cr.cr != 4 && cr.cr != 8) {
        return vcpu_raise(guest, vcpu, VECTOR_UD, false, 0);
    }
    switch (cr.access) {
    case CR_WRITE:
        error = write_register(guest, vcpu, &cr);
        break;
    case CR_READ:
        read_register(vcpu, &cr);
        break;
    case CR_CLTS:
        cr0 = cpu->cr(&vcpu->arch, 0);
        cpu->set_cr(&vcpu->arch, 0, cr0 & ~CR0_TS);
        break;
    case CR_LMSW:
        cr0 = cpu->cr(&vcpu->arch, 0);
        cr0 = (cr0 & (~LMSW_BITS | CR0_PE)) | (cr.lmsw & LMSW_BITS);
        error = put_cr0(guest, vcpu, cr0);
        break;
    }
    return error ? vcpu_raise_gp(guest, vcpu) : EXIT_ADVANCE;
}
