/* sources: vmm/apic_*.c vmm/c[apr]*.c vmm/[dempr]*.c vmm/ins*.c vmm/io*.c */
/* sources: vmm/line*.c vmm/op*.c vmm/walk.c vmm/devices/[a-z]*.c */
/* fuzz: -runs=60000 -max_len=160 */
/* SPDX-License-Identifier: BSD-2-Clause */
/* Control registers and EFER, in any order and from any code segment: never
 * a combination that the processor would not enter, and what is refused
 * changes nothing (SDM vol. 3, 2.5, 4.1.1 and 27.3.1). */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/exit_rig.h"
#include "vmm/walk.h"

#define CR0_KNOWN 0xe005003full
#define TABLES    0x2000u /* PDPTEs that come from the input */

static struct rig before;

/* ---- what the processor enters ---- */

static bool is_pae(void)
{
    return (rig.cr[0] & CR0_PG) && (rig.cr[4] & CR4_PAE) &&
           !(rig.efer & EFER_LMA);
}

static void check_state(void)
{
    uint64_t cr0 = rig.cr[0], cr4 = rig.cr[4];
    bool paging = cr0 & CR0_PG, lma = rig.efer & EFER_LMA;

    require((cr0 & ~CR0_KNOWN) == 0 && (cr0 & CR0_ET));
    require(!paging || (cr0 & CR0_PE));
    require(!(cr0 & CR0_NW) || (cr0 & CR0_CD));
    require(lma == (paging && (rig.efer & EFER_LME)));
    require(!lma || (cr4 & CR4_PAE));
    require(!(cr4 & CR4_PCIDE) || lma);
    require((cr4 & ~rig.guest.cpuid.cr4) == 0);
    require(rig.cr[3] >> WALK_PHYS_BITS == 0);
    require(lapic_cr8(&vcpu->lapic) <= 15);
    for (unsigned i = 0; is_pae() && i < 4; i++)
        require(!(rig.pdpte[i] & 1) ||
                !(rig.pdpte[i] & (0x1e6 | ~((1ull << WALK_PHYS_BITS) - 1))));
    require(rig.faults == 0 && rig.writes == 0);
}

/* With PAE paging the four entries are what memory held when they had to be
 * read: at the move, or before. */
static void check_entries(bool read)
{
    uint64_t want[4];

    if (!is_pae())
        return;
    memcpy(want, before.pdpte, sizeof(want));
    for (unsigned i = 0; read && i < 4; i++) {
        if (guest_read(&rig.guest, (rig.cr[3] & 0xffffffe0) + 8 * i, &want[i],
                       8))
            want[i] = UINT64_MAX;
    }
    require(memcmp(want, rig.pdpte, sizeof(want)) == 0);
}

static void check_refused(void)
{
    require(memcmp(before.cr, rig.cr, sizeof(rig.cr)) == 0);
    require(memcmp(before.pdpte, rig.pdpte, sizeof(rig.pdpte)) == 0);
    require(before.efer == rig.efer && before.rsp == rig.rsp);
    require(memcmp(&before.guest.vcpu[0].lapic, &vcpu->lapic,
                   sizeof(vcpu->lapic)) == 0);
    require(memcmp(before.guest.vcpu[0].arch.gpr, gpr,
                   sizeof(vcpu->arch.gpr)) == 0);
}

/* ---- operations ---- */

/* Serves the exit; false: it raised what it may raise. */
static bool serve(enum exit_kind kind, uint8_t vector)
{
    enum exit_result result = exit_handle(&rig.guest, vcpu, kind);

    require(result == EXIT_ADVANCE || result == EXIT_RESUME);
    if (result == EXIT_ADVANCE) {
        require(!vcpu->arch.event.valid);
        return true;
    }
    expect_event(vector, vector == VECTOR_GP && (before.cr[0] & CR0_PE), 0);
    vcpu->arch.event.valid = false;
    check_refused();
    return false;
}

static bool is_64bit(void)
{
    return (rig.efer & EFER_LMA) && (rig.segment[SEG_CS].access & 1u << 13);
}

/* What writing value over was changes the PDPTEs by (SDM vol. 3, 4.4.1). */
static bool reloads(unsigned cr, uint64_t changed)
{
    return cr == 3 || (cr == 0 && (changed & (CR0_CD | CR0_NW | CR0_PG))) ||
           (cr == 4 && (changed & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP)));
}

static void write_cr(unsigned cr, unsigned reg, uint64_t value)
{
    uint64_t want;

    rig.access = (struct exit_cr){
        .cr = (uint8_t)cr, .access = CR_WRITE, .gpr = (uint8_t)reg};
    if (reg == GPR_RSP)
        rig.rsp = value;
    else
        gpr[reg] = value;
    before = rig;
    want = is_64bit() ? value : (uint32_t)value;
    if (!serve(EXIT_CR, VECTOR_GP)) {
        /* the same again is always taken, but for PDPTEs in memory */
        require(cr == 8 ? want > 15 : want != before.cr[cr] || cr == 3);
        return;
    }
    if (cr == 8) {
        require(lapic_cr8(&vcpu->lapic) == want);
        return;
    }
    if (cr == 0)
        want = (want & CR0_KNOWN) | CR0_ET;
    if (cr == 3 && (rig.cr[4] & CR4_PCIDE))
        want &= ~(1ull << 63);
    require(rig.cr[cr] == want);
    check_entries(reloads(cr, want ^ before.cr[cr]));
}

static void read_cr(unsigned cr, unsigned reg)
{
    uint64_t value;

    rig.access = (struct exit_cr){
        .cr = (uint8_t)cr, .access = CR_READ, .gpr = (uint8_t)reg};
    before = rig;
    require(serve(EXIT_CR, VECTOR_GP));
    value = reg == GPR_RSP ? rig.rsp : gpr[reg];
    require(value == (cr == 8 ? lapic_cr8(&vcpu->lapic) : rig.cr[cr]));
    require(memcmp(before.cr, rig.cr, sizeof(rig.cr)) == 0);
}

static void load_status(uint16_t word)
{
    uint64_t want = (rig.cr[0] & ~0xeull) | (word & 0xfu);

    rig.access = (struct exit_cr){.cr = 0, .access = CR_LMSW, .lmsw = word};
    before = rig;
    require(serve(EXIT_CR, VECTOR_GP)); /* PE can only be set */
    require(rig.cr[0] == want && rig.efer == before.efer);
}

static void clear_ts(void)
{
    rig.access = (struct exit_cr){.cr = 0, .access = CR_CLTS};
    before = rig;
    require(serve(EXIT_CR, VECTOR_GP));
    require(rig.cr[0] == (before.cr[0] & ~CR0_TS));
}

static void write_efer(uint64_t value)
{
    gpr[GPR_RCX] = MSR_EFER;
    gpr[GPR_RAX] = (uint32_t)value;
    gpr[GPR_RDX] = value >> 32;
    before = rig;
    if (!serve(EXIT_WRMSR, VECTOR_GP))
        require(value != rig.efer);
    else
        require(((rig.efer ^ value) & ~EFER_LMA) == 0);
}

/* A far jump, or LTR: without exits. */
static void load_segment(unsigned n)
{
    static const uint32_t codes[] = {CODE_16, CODE_32, CODE_64};

    if (n & 0x80)
        rig.segment[SEG_TR].access = n & 1 ? 0x83 : 0x8b;
    else
        rig.segment[SEG_CS].access = codes[n % 3];
}

/* Bits that have a meaning in that register, most of the time. */
static uint64_t take_value(struct input *in, unsigned cr)
{
    static const uint64_t bits[9] = {[0] = CR0_KNOWN,
                                     [3] = 0x8000000000003fffull,
                                     [4] = 0x3f27fff,
                                     [8] = 0x1f};
    uint64_t value = take_number(in);
    unsigned how = (unsigned)take(in, 1);

    if (cr != 8 && (how & 3))
        value ^= rig.cr[cr];
    if (how & 0x0c)
        value &= bits[cr];
    if (cr == 3 && (how & 0x30))
        value = (value & ~0x3fe0ull) | TABLES;
    return value;
}

static void step(struct input *in)
{
    static const uint8_t crs[] = {0, 3, 4, 8, 0, 4, 0, 4};
    static const uint64_t switches[2][8] = {
        {CR0_PG, CR0_PE, CR0_CD, CR0_CD | CR0_NW, CR0_WP, CR0_PG, CR0_TS,
         CR0_PG | CR0_PE},
        {CR4_PAE, CR4_PCIDE, CR4_PSE, CR4_PGE, CR4_SMEP, CR4_PAE, CR4_SMAP,
         CR4_PAE | CR4_PGE}};
    unsigned what = (unsigned)take(in, 1), cr = crs[what >> 4 & 7];
    uint64_t value;

    switch (what % 16) {
    case 0:
        read_cr(cr, (unsigned)take(in, 1) % GPR_COUNT);
        break;
    case 1:
        load_status((uint16_t)take(in, 2));
        break;
    case 2:
        clear_ts();
        break;
    case 3:
    case 4:
        value = take_number(in);
        write_efer(what & 0x80 ? value : value ^ rig.efer);
        break;
    case 5:
        load_segment((unsigned)take(in, 1));
        break;
    case 6: /* the guest writes its tables */
        value = take_number(in);
        memcpy(rig.ram + TABLES + (what >> 4 & 3) * 8, &value, 8);
        break;
    case 7: /* XSETBV, while XSAVE is hidden */
        before = rig;
        require(!serve(EXIT_XSETBV, VECTOR_UD));
        break;
    case 8: /* the ways into protected, paged and long mode */
        write_cr(0, GPR_RAX, rig.cr[0] ^ switches[0][what >> 4 & 7]);
        break;
    case 9:
        write_cr(4, GPR_RAX, rig.cr[4] ^ switches[1][what >> 4 & 7]);
        break;
    case 10:
        write_efer(rig.efer ^ EFER_LME);
        break;
    default:
        value = take_value(in, cr);
        write_cr(cr, (unsigned)take(in, 1) % GPR_COUNT, value);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    unsigned mode = (unsigned)take(&in, 1);

    rig_reset();
    rig.guest.cpuid.cr4 = mode & 2 ? 0x330fff : take(&in, 3) & 0x330fff;
    if (mode & 1) {
        rig.guest.cpuid.cr4 |= CR4_PAE;
        rig_long_mode();
    }
    if ((mode & 0x11) == 0x10) { /* PAE paging, of nothing */
        rig.guest.cpuid.cr4 |= CR4_PAE;
        rig.cr[0] |= CR0_PG;
        rig.cr[3] = TABLES;
        rig.cr[4] = CR4_PAE;
    }
    rig.guest.cpuid.long_mode = !(mode & 4) || mode & 1;
    rig.guest.cpuid.nx = !(mode & 8) || mode & 1;
    while (in.left) {
        step(&in);
        check_state();
    }
    return 0;
}
