/* sources: vmm/apic_*.c vmm/c[apr]*.c vmm/[dempr]*.c vmm/ins*.c vmm/io*.c */
/* sources: vmm/line*.c vmm/op*.c vmm/walk.c vmm/devices/[a-z]*.c */
/* fuzz: -runs=60000 -max_len=256 */
/* SPDX-License-Identifier: BSD-2-Clause */
/* Exits by ports (string forms among them), by device registers with whatever
 * instruction lies at RIP, by calls and exceptions: in any order, with any
 * registers, in each mode of the processor. */
#include "tests/unit/exit_rig.h"
#include "vmm/decode.h"

#define CODE 0x2000u

/* The code is at its place in RAM, or across the end of a page. */
static void take_code(struct input *in)
{
    unsigned at = take(in, 1) % 4 ? CODE : CODE + 0xff8;
    unsigned count = take_below(in, 18);

    for (unsigned i = 0; i < count; i++)
        rig.ram[at + i] = (uint8_t)take(in, 1);
    rig.rip = at;
}

static void take_registers(struct input *in)
{
    unsigned count = take_below(in, 6);

    for (unsigned i = 0; i < count; i++) {
        unsigned n = take_below(in, GPR_COUNT);

        vcpu_set_gpr(vcpu, n, take_number(in));
    }
    rig.rflags = RFLAGS_FIXED | (take(in, 1) % 2 ? 0x400 : 0);
}

static uint16_t take_port(struct input *in)
{
    static const uint16_t ports[] = {0x3f8, 0x3f9, 0x3fc, 0x3ff, 0x70,
                                     0x71,  0x61,  0x60,  0x64,  0x505,
                                     0x600, 0x601, 0xcf9, 0x5b00};
    unsigned which = take_below(in, 2 * COUNT(ports));

    return which < COUNT(ports) ? ports[which] + (uint16_t)take(in, 1) % 5
                                : (uint16_t)take(in, 2);
}

static enum exit_result do_io(struct input *in)
{
    unsigned bits = (unsigned)take(in, 1);
    uint64_t before = gpr[GPR_RCX];
    enum exit_result result;

    rig.io = (struct exit_io){
        .port = take_port(in),
        .size = (uint8_t)(1u << bits % 3),
        .in = bits & 8,
        .string = (bits & 0x30) == 0x30,
    };
    rig.io.rep = rig.io.string && (bits & 0x40);
    result = exit_handle(&rig.guest, vcpu, EXIT_IO);
    require(rig.io.rep || gpr[GPR_RCX] == before);
    if (!rig.io.string && rig.io.in && rig.io.size < 4)
        require(result == EXIT_ADVANCE);
    return result;
}

/* What was carried out is what the decoder says, with its length: the short
 * cut for plain MOV decides nothing on its own. */
static void check_insn(uint64_t gpa, enum exit_result result)
{
    enum insn_mode mode = rig.segment[SEG_CS].access == CODE_64   ? INSN_64
                          : rig.segment[SEG_CS].access == CODE_32 ? INSN_32
                                                                  : INSN_16;
    struct insn insn;
    int error = decode(rig.ram + rig.rip, INSN_MAX, mode, &insn);

    if (rig.rip > RAM_SIZE - INSN_MAX)
        return;
    if (result == EXIT_ADVANCE)
        require(error == 0 && rig.exit_length == insn.length);
    else if (error == 0 && gpa % 4096 && /* or it may begin before */
             gpa % 4096 <= 4096u - insn.mem_size)
        require(rig.fault == FAULT_EPT && lapic_is_x2apic(&vcpu->lapic));
}

static enum exit_result do_mmio(struct input *in)
{
    unsigned bits = (unsigned)take(in, 1);
    uint64_t base = bits & 1 ? IOAPIC_BASE : LAPIC_DEFAULT_BASE;
    enum exit_result result;

    if (bits & 2)
        take_code(in);
    if ((bits & 0xfc) == 0xfc)
        base = take_number(in);
    rig.stage2 = (struct exit_stage2){
        .gpa = base + take(in, 2) % 4096,
        .fetch = (bits & 0xf0) == 0xf0,
        .table_walk = (bits & 0xf0) == 0xe0,
    };
    rig.exit_length = 0;
    result = exit_handle(&rig.guest, vcpu, EXIT_STAGE2);
    if (rig.stage2.fetch || rig.stage2.table_walk)
        require(result == EXIT_STOP && rig.fault == FAULT_EPT);
    else if (platform_is_mmio(&rig.guest, vcpu, rig.stage2.gpa))
        check_insn(rig.stage2.gpa, result);
    else
        require(result == EXIT_STOP);
    return result;
}

static enum exit_result do_exception(struct input *in)
{
    unsigned bits = (unsigned)take(in, 1);

    rig.exception = (struct exit_exception){
        .vector = bits & 0x80 ? 1 : 17,
        .has_error = !(bits & 0x80),
        .type = EVENT_EXCEPTION,
        .qualification = bits & 0xf,
    };
    /* on the way to another one's handler */
    if (bits & 0x40)
        vcpu->arch.event = (struct x86_event){
            .valid = true, .type = EVENT_EXCEPTION, .vector = take(in, 1) & 31};
    return exit_handle(&rig.guest, vcpu, EXIT_EXCEPTION);
}

static void take_mode(struct input *in)
{
    unsigned mode = take_below(in, 4), cpl = (unsigned)take(in, 1) % 4;

    rig.efer = 0;
    rig.cr[0] = CR0_PE | CR0_ET | CR0_NE;
    rig.cr[4] = 0;
    if (mode == 0)
        rig_segments(CODE_16);
    else if (mode == 1)
        rig_segments(CODE_32);
    else
        rig_long_mode();
    if (mode == 3)
        rig_segments(CODE_32); /* compatibility mode */
    rig.segment[SEG_SS].access |= cpl << 5;
    for (unsigned i = 0; i < SEG_COUNT && mode != 2; i++)
        if (take(in, 1) > 240 && i != SEG_CS && i != SEG_SS)
            rig.segment[i].access ^= (uint32_t)take(in, 2) & 0x1009e;
}

/* EXIT_STOP and EXIT_ADVANCE_STOP have a reason, and nothing else stops. */
static void check(enum exit_result result, unsigned writes)
{
    bool stops = result == EXIT_STOP || result == EXIT_ADVANCE_STOP;
    const struct x86_event *event = &vcpu->arch.event;

    require(result <= EXIT_ADVANCE_STOP);
    require(stops == (rig.faults || rig.off || rig.reset || rig.snapshot));
    require(rig.faults <= 1 && rig.writes - writes <= 2 * 64);
    require(!event->valid || event->type != EVENT_EXCEPTION ||
            (event->vector < 32 && result == EXIT_RESUME));
    require(rig.faults == 0 || rig.fault == FAULT_EPT ||
            rig.fault == FAULT_PANIC || rig.fault == FAULT_TRIPLE);
    require(vcpu->lapic.base >> 12 == LAPIC_DEFAULT_BASE >> 12);
    rig.faults = 0;
    rig.off = rig.reset = rig.snapshot = false;
    rig.guest.call_pending = false;
    vcpu->arch.event.valid = false;
}

static enum exit_result step(struct input *in)
{
    switch (take_below(in, 10)) {
    case 0:
        take_mode(in);
        return EXIT_RESUME;
    case 1:
        take_registers(in);
        return EXIT_RESUME;
    case 2:
        take_code(in);
        return EXIT_RESUME;
    case 3:
    case 4:
        return do_io(in);
    case 5:
    case 6:
        return do_mmio(in);
    case 7:
        gpr[GPR_RAX] = take(in, 1) % 8;
        return exit_handle(&rig.guest, vcpu, EXIT_CALL);
    case 8:
        return do_exception(in);
    default:
        rig.typed = take(in, 1) % 2 ? "typed" : NULL;
        rig.break_waits = take(in, 1) % 2;
        platform_sync(&rig.guest);
        return EXIT_RESUME;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};

    rig_reset();
    if (take(&in, 1) % 4 == 0)
        lapic_reset(&vcpu->lapic, 0, true, 1);
    for (unsigned i = 0; i < 200 && in.left; i++) {
        unsigned writes = rig.writes;

        check(step(&in), writes);
    }
    return 0;
}
