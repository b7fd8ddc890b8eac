/* SPDX-License-Identifier: BSD-2-Clause */
/* Exits by the second stage of translation: device registers, and accesses
 * that go nowhere. */
#include "kernel/errno.h"
#include "kernel/string.h"
#include "vmm/exit_parts.h"
#include "vmm/linear.h"
#include "vmm/operand.h"

#define PAGE 4096u

static enum exit_result wild(struct guest *guest, struct vcpu *vcpu,
                             uint64_t gpa)
{
    return vcpu_fault(guest, vcpu, FAULT_EPT, true, gpa, 0);
}

/* The recipe of vmm/decode.h: read, compute, write. */
static enum exit_result perform(struct guest *guest, struct vcpu *vcpu,
                                const struct insn *insn, uint64_t gpa)
{
    uint64_t reg = vcpu_gpr(vcpu, insn->reg), value = 0;
    enum exit_result result = EXIT_ADVANCE;

    if (insn_reads_memory(insn)) {
        value = platform_mmio_read(guest, vcpu, gpa, insn->mem_size);
    }
    if (insn_is_alu(insn)) {
        uint64_t rflags = cpu->rflags(&vcpu->arch);

        value = insn_alu(insn, reg, value, &rflags);
        cpu->set_rflags(&vcpu->arch, rflags);
    } else if (insn_writes_memory(insn)) {
        value = insn_store_value(insn, reg);
    }
    if (insn_writes_register(insn)) {
        vcpu_set_gpr(vcpu, insn->reg, insn_load_result(insn, reg, value));
    }
    if (insn_writes_memory(insn)) {
        result = platform_mmio_write(guest, vcpu, gpa, insn->mem_size, value);
    }
    cpu->set_exit_length(&vcpu->arch, insn->length);
    return result;
}

/* The busiest by far: MOV between a 32-bit register and memory, with no prefix
 * but a REX that does not widen it. Its length, or 0 when it is another. */
static unsigned plain_mov(const uint8_t bytes[INSN_MAX], unsigned count,
                          enum insn_mode mode, struct insn *insn)
{
    unsigned at = 0, mod, rm;
    uint8_t rex = 0;

    if (mode == INSN_16 || count < INSN_MAX) {
        return 0;
    }
    if (mode == INSN_64 && (bytes[0] & 0xf8) == 0x40) {
        rex = bytes[at++];
    }
    insn->op = bytes[at] == 0x8b ? INSN_LOAD : INSN_STORE;
    mod = bytes[at + 1] >> 6;
    rm = bytes[at + 1] & 7;
    if ((bytes[at] & 0xfd) != 0x89 || mod == 3) {
        return 0;
    }
    insn->reg = (uint8_t)((bytes[at + 1] >> 3 & 7) | (rex & 4) << 1);
    at += 2;
    if (rm == 4) { /* SIB */
        rm = bytes[at++] & 7;
    }
    return at + (mod == 1 ? 1 : mod == 2 || rm == 5 ? 4 : 0);
}

static enum exit_result move(struct guest *guest, struct vcpu *vcpu,
                             const struct insn *insn, uint64_t gpa)
{
    if (insn->op == INSN_STORE) {
        return platform_mmio_write(guest, vcpu, gpa, 4,
                                   (uint32_t)vcpu_gpr(vcpu, insn->reg));
    }
    vcpu_set_gpr(vcpu, insn->reg,
                 (uint32_t)platform_mmio_read(guest, vcpu, gpa, 4));
    return EXIT_ADVANCE;
}

static int decode_all(struct linear *l, uint8_t bytes[INSN_MAX], unsigned count,
                      struct insn *insn)
{
    int error = decode(bytes, count, l->mode, insn);

    if (error == -E2BIG) {
        error = linear_fetch_more(l, bytes, &count);
        error = error ? error : decode(bytes, count, l->mode, insn);
    }
    return error;
}

/* Does the access begin in the page before that of the exit, at whose start
 * the latter is? */
static bool begins_before(struct linear *l, const struct insn *insn,
                          const uint8_t bytes[INSN_MAX])
{
    struct arch_vcpu *arch = &l->vcpu->arch;
    uint64_t gpr[GPR_COUNT];
    struct x86_segment segment = {0};
    struct operand operand;

    memcpy(gpr, arch->gpr, sizeof(gpr));
    gpr[GPR_RSP] = cpu->rsp(arch);
    operand = operand_of(bytes, l->mode, insn->length, cpu->rip(arch), gpr);
    if (l->mode != INSN_64 || operand.segment >= SEG_FS) {
        cpu->segment(arch, operand.segment, &segment);
    }
    return (segment.base + operand.offset) % PAGE + insn->mem_size > PAGE;
}

/* An instruction that is not decoded is as wild as an access to nowhere: it
 * cannot be carried out, and must not be skipped. So is one that crosses into
 * or out of a page of registers: the processor would make two accesses of it,
 * in either order, of which the one to the registers is of no defined size
 * (SDM vol. 3, 8.1.1 and 10.4.1). */
static enum exit_result emulate(struct guest *guest, struct vcpu *vcpu,
                                uint64_t gpa)
{
    struct linear l;
    struct insn insn;
    uint8_t bytes[INSN_MAX];
    unsigned count, length;
    int error;

    linear_init(&l, guest, vcpu);
    error = linear_fetch(&l, bytes, &count);
    if (error) {
        return linear_failed(&l, error);
    }
    length = plain_mov(bytes, count, l.mode, &insn);
    if (length && gpa % PAGE && gpa % PAGE <= PAGE - 4) {
        cpu->set_exit_length(&vcpu->arch, (uint8_t)length);
        return move(guest, vcpu, &insn, gpa);
    }
    error = decode_all(&l, bytes, count, &insn);
    if (error == -EOPNOTSUPP || error == -E2BIG) {
        return wild(guest, vcpu, gpa);
    }
    if (error) {
        return linear_failed(&l, error);
    }
    if (gpa % PAGE + insn.mem_size > PAGE ||
        (gpa % PAGE == 0 && begins_before(&l, &insn, bytes))) {
        return wild(guest, vcpu, gpa);
    }
    return perform(guest, vcpu, &insn, gpa);
}

/* The delivery of an event, a fetch or the guest's page tables have no
 * business among device registers, and are no instruction to emulate. */
enum exit_result mmio_exit(struct guest *guest, struct vcpu *vcpu)
{
    struct exit_stage2 s2 = cpu->exit_stage2(&vcpu->arch);

    if (s2.fetch || s2.table_walk || vcpu->arch.event.valid ||
        !platform_is_mmio(guest, vcpu, s2.gpa)) {
        return wild(guest, vcpu, s2.gpa);
    }
    return emulate(guest, vcpu, s2.gpa);
}

enum exit_result misconfig_exit(struct guest *guest, struct vcpu *vcpu)
{
    return vcpu_fault(guest, vcpu, FAULT_MISCONFIG, true,
                      cpu->exit_stage2(&vcpu->arch).gpa, 0);
}
