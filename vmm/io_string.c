/* SPDX-License-Identifier: BSD-2-Clause */
/* INS and OUTS, with and without REP. A long one is carried out in parts, so
 * that it is interruptible. */
#include "arch/x86_64/cpu.h"
#include "kernel/errno.h"
#include "vmm/exit_parts.h"
#include "vmm/linear.h"

/* Elements that one exit carries out at most. One costs some 2,000 ticks, and
 * the end of the turn waits for the exit. */
#define PART      16u
#define RFLAGS_DF (1u << 10)

/* What the instruction's prefixes say. */
struct string_insn {
    uint8_t address_size; /* bytes: 2, 4 or 8 */
    uint8_t segment;      /* enum segment_index, of OUTS */
};

struct string_io {
    struct linear linear;
    const struct exit_io *io;
    struct string_insn insn;
    struct x86_segment segment;
    uint64_t mask;  /* of the address size */
    unsigned index; /* GPR_RSI or GPR_RDI */
    uint64_t left;  /* elements */
};

/* Takes a prefix; false when the byte is none. */
static bool take_prefix(uint8_t byte, enum insn_mode mode,
                        struct string_insn *insn)
{
    switch (byte) {
    case 0x26:
        insn->segment = SEG_ES;
        return true;
    case 0x2e:
        insn->segment = SEG_CS;
        return true;
    case 0x36:
        insn->segment = SEG_SS;
        return true;
    case 0x3e:
        insn->segment = SEG_DS;
        return true;
    case 0x64:
        insn->segment = SEG_FS;
        return true;
    case 0x65:
        insn->segment = SEG_GS;
        return true;
    case 0x67:
        insn->address_size = mode == INSN_32 ? 2 : 4;
        return true;
    case 0x66:
    case 0xf2:
    case 0xf3:
        return true;
    default:
        return mode == INSN_64 && byte >> 4 == 4; /* REX */
    }
}

/* 0; -E2BIG when it is longer than count; -EINVAL when it is no such
 * instruction any more, which only a guest that changes its code can see. */
static int decode_string(const uint8_t *bytes, unsigned count,
                         enum insn_mode mode, struct string_insn *insn)
{
    *insn = (struct string_insn){
        .address_size = mode == INSN_64   ? 8
                        : mode == INSN_32 ? 4
                                          : 2,
        .segment = SEG_DS,
    };
    for (unsigned i = 0; i < count; i++) {
        if (bytes[i] >= 0x6c && bytes[i] <= 0x6f) { /* INS, OUTS */
            return 0;
        }
        if (!take_prefix(bytes[i], mode, insn)) {
            return -EINVAL;
        }
    }
    return count < INSN_MAX ? -E2BIG : -EINVAL;
}

/* Is an element at offset inside the segment, and may it be used so? */
static bool is_inside(const struct string_io *s, uint64_t offset)
{
    uint32_t access = s->segment.access;
    uint64_t last = offset + s->io->size - 1;
    uint64_t top = access & ACCESS_BIG ? UINT32_MAX : 0xffff;

    if (access & SEGMENT_UNUSABLE) {
        return false;
    }
    if ((access & ACCESS_CODE) || !(access & ACCESS_WRITABLE)) {
        /* code can be readable, data read-only: not to be written */
        if (s->io->in ||
            ((access & ACCESS_CODE) && !(access & ACCESS_WRITABLE))) {
            return false;
        }
    }
    if (!(access & ACCESS_CODE) && (access & ACCESS_DOWN)) {
        return offset > s->segment.limit && last <= top;
    }
    return last <= s->segment.limit;
}

/* The element's linear address. False: outside of its segment. */
static bool address_of(const struct string_io *s, uint64_t *gva)
{
    uint64_t offset = s->linear.vcpu->arch.gpr[s->index] & s->mask;
    bool has_base = s->insn.segment == SEG_FS || s->insn.segment == SEG_GS;

    if (s->linear.mode == INSN_64) {
        *gva = offset + (has_base ? s->segment.base : 0);
        return true;
    }
    *gva = (uint32_t)(s->segment.base + offset);
    return is_inside(s, offset);
}

/* Writing 32 bits clears the upper half of a register, 16 bits keep it. */
static void step_register(const struct string_io *s, unsigned n, uint64_t by)
{
    uint64_t *reg = &s->linear.vcpu->arch.gpr[n];
    uint64_t value = (*reg + by) & s->mask;

    *reg = s->insn.address_size == 2 ? (*reg & ~s->mask) | value : value;
}

/* The next element lies behind, or before, in memory. */
static void step(struct string_io *s)
{
    uint64_t by = s->io->size;

    if (cpu->rflags(&s->linear.vcpu->arch) & RFLAGS_DF) {
        by = -by;
    }
    step_register(s, s->index, by);
    if (s->io->rep) {
        step_register(s, GPR_RCX, UINT64_MAX);
    }
    s->left--;
}

/* Reading a device has effects: see first that it can be stored. */
static int input(struct string_io *s, uint64_t gva)
{
    struct linear *l = &s->linear;
    unsigned size = s->io->size;
    int error = linear_check(l, gva, size, WALK_WRITE);
    uint32_t value;

    if (error) {
        return error;
    }
    value = platform_in(l->guest, l->vcpu, s->io->port, size);
    return linear_access(l, gva, &value, size, WALK_WRITE);
}

/* One element. EXIT_ADVANCE: it is done. */
static enum exit_result transfer(struct string_io *s)
{
    struct linear *l = &s->linear;
    enum exit_result result = EXIT_ADVANCE;
    uint32_t value = 0;
    uint64_t gva;
    int error;

    if (!address_of(s, &gva)) {
        uint8_t vector = s->insn.segment == SEG_SS ? VECTOR_SS : VECTOR_GP;

        return vcpu_raise(l->guest, l->vcpu, vector, true, 0);
    }
    error = s->io->in ? input(s, gva)
                      : linear_access(l, gva, &value, s->io->size, WALK_READ);
    if (error) {
        return linear_failed(l, error);
    }
    if (!s->io->in) {
        result =
            platform_out(l->guest, l->vcpu, s->io->port, s->io->size, value);
    }
    step(s);
    return result;
}

static enum exit_result run(struct string_io *s)
{
    for (unsigned i = 0; i < PART && s->left; i++) {
        uint64_t before = s->left;
        enum exit_result result = transfer(s);

        if (result == EXIT_ADVANCE) {
            continue;
        }
        /* Stopped by what the device did, in the middle of the string. */
        if (result == EXIT_ADVANCE_STOP && s->left && s->left < before) {
            return EXIT_STOP;
        }
        return result;
    }
    return s->left ? EXIT_RESUME : EXIT_ADVANCE;
}

static int fetch(struct linear *l, struct string_insn *insn)
{
    uint8_t bytes[INSN_MAX];
    unsigned count;
    int error = linear_fetch(l, bytes, &count);

    if (error) {
        return error;
    }
    error = decode_string(bytes, count, l->mode, insn);
    if (error == -E2BIG) {
        error = linear_fetch_more(l, bytes, &count);
        error = error ? error : decode_string(bytes, count, l->mode, insn);
    }
    return error;
}

enum exit_result io_string(struct guest *guest, struct vcpu *vcpu,
                           const struct exit_io *io)
{
    struct string_io s = {.io = io, .index = io->in ? GPR_RDI : GPR_RSI};
    int error;

    linear_init(&s.linear, guest, vcpu);
    error = fetch(&s.linear, &s.insn);
    if (error) {
        return linear_failed(&s.linear, error);
    }
    if (io->in) {
        s.insn.segment = SEG_ES;
    }
    cpu->segment(&vcpu->arch, s.insn.segment, &s.segment);
    s.mask = UINT64_MAX >> (64 - 8 * s.insn.address_size);
    s.left = io->rep ? vcpu->arch.gpr[GPR_RCX] & s.mask : 1;
    return run(&s);
}
