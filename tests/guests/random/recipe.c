/* SPDX-License-Identifier: BSD-2-Clause */
/* What is tried: bytes of an instruction, and the registers it meets. */
#include "tests/guests/random/random.h"

#include "tests/guests/lib/util.h"

#define WORDS      5u /* of code: an instruction of 15 bytes, and INT3 */
#define INSN_MAX   15u
#define CHANGED    4u /* registers that an attempt does not take over */
#define FNV_PRIME  0x01000193u
#define COUNT(a)   (sizeof(a) / sizeof((a)[0]))

#define FLAGS_KEPT 0x08D5u
#define FLAG_FIXED 0x2u
#define FLAG_TF    0x100u
#define FLAG_IF    0x200u
#define FLAG_DF    0x400u
#define FLAG_IOPL  0x3000u
#define FLAG_NT    0x4000u
#define FLAG_RF    0x10000u
#define FLAG_AC    0x40000u
#define FLAG_VIP   0x100000u

/* With strings, RCX is a count and mostly small: a transfer takes long. */
enum { NUMBERED = 1, STRING = 2 };

enum {
    RISK_CLOSES = 1,
    RISK_SPOILS = 2,
    RISK_CALL = 4,
    RISK_APIC = 8,
    RISK_OUT = 16
};

/* What the whole attempt depends on. */
struct recipe {
    uint32_t *state;
    union {
        uint8_t bytes[WORDS * 4];
        uint32_t words[WORDS];
    };
    uint32_t count;
    uint32_t risks;
    uint32_t mode; /* 16, 32, 64 */
    bool user;
    bool keeps;      /* RBX is as it has to be */
    uint32_t device; /* RCX and RDX are numbers of these */
};

static uint32_t next(const struct recipe *r)
{
    return prng_next(r->state);
}

static bool one_in(const struct recipe *r, uint32_t n)
{
    return (next(r) >> 8) % n == 0;
}

static void put(struct recipe *r, uint32_t byte)
{
    if (r->count < INSN_MAX)
        r->bytes[r->count++] = (uint8_t)byte;
}

/* All bytes are random until others are put. */
static void put_random(struct recipe *r, uint32_t n)
{
    r->count = r->count + n < INSN_MAX ? r->count + n : INSN_MAX;
}

static void put_prefixes(struct recipe *r)
{
    static const uint8_t prefixes[] = {0x66, 0x67, 0xF0, 0xF2, 0xF3, 0x2E,
                                       0x36, 0x3E, 0x26, 0x64, 0x65};

    while (one_in(r, 3))
        put(r, prefixes[(next(r) >> 9) % COUNT(prefixes)]);
    if (one_in(r, 2)) /* REX, or INC and DEC */
        put(r, 0x40 | (next(r) >> 9 & 15));
}

/* A ModRM byte with a memory operand whose address is a register's, or nearly.
 */
static void put_memory(struct recipe *r, uint32_t field)
{
    static const uint8_t bases[] = {0, 1, 2, 3, 6, 7};
    uint32_t base = bases[(next(r) >> 9) % COUNT(bases)];

    if (one_in(r, 3)) {
        put(r, 0x40 | field << 3 | base);
        put(r, next(r) >> 12 & 0xF8);
    } else {
        put(r, field << 3 | base);
    }
}

/* Privileged and otherwise interesting ones: bytes and their count; what comes
 * then, 1: a memory operand, 2: any ModRM, 3: a register and RBX for it, 4: any
 * ModRM with care; whether RCX and RDX are numbers. */
static const struct {
    uint8_t bytes[4];
    uint8_t count, then, device;
} special[] = {
    {{0x0F, 0xA2}, 2, 0, 0},             /* CPUID */
    {{0x0F, 0x30}, 2, 0, 1},             /* WRMSR */
    {{0x0F, 0x32}, 2, 0, 1},             /* RDMSR */
    {{0x0F, 0x32}, 2, 0, 1},             /* RDMSR */
    {{0x0F, 0x31}, 2, 0, 0},             /* RDTSC */
    {{0x0F, 0x33}, 2, 0, 1},             /* RDPMC */
    {{0x0F, 0x01, 0xF9}, 3, 0, 0},       /* RDTSCP */
    {{0x0F, 0x20}, 2, 2, 0},             /* MOV from CR */
    {{0x0F, 0x22}, 2, 3, 0},             /* MOV to CR */
    {{0x0F, 0x21}, 2, 2, 0},             /* MOV from DR */
    {{0x0F, 0x23}, 2, 2, 0},             /* MOV to DR */
    {{0x0F, 0x06}, 2, 0, 0},             /* CLTS */
    {{0x0F, 0x08}, 2, 0, 0},             /* INVD */
    {{0x0F, 0x09}, 2, 0, 0},             /* WBINVD */
    {{0x0F, 0x00}, 2, 2, 0},             /* SLDT, LTR, VERR */
    {{0x0F, 0x01}, 2, 4, 0},             /* SGDT, LIDT, LMSW, INVLPG, VMX */
    {{0x0F, 0x01, 0xC1}, 3, 0, 0},       /* VMCALL */
    {{0x0F, 0x01, 0xD9}, 3, 0, 0},       /* VMMCALL */
    {{0x0F, 0x01, 0xD1}, 3, 0, 0},       /* XSETBV */
    {{0x0F, 0x01, 0xC8}, 3, 0, 0},       /* MONITOR */
    {{0x0F, 0x01, 0xC9}, 3, 0, 0},       /* MWAIT */
    {{0x0F, 0x01, 0xF8}, 3, 0, 0},       /* SWAPGS */
    {{0x0F, 0x05}, 2, 0, 0},             /* SYSCALL */
    {{0x0F, 0x07}, 2, 0, 0},             /* SYSRET */
    {{0x0F, 0x34}, 2, 0, 0},             /* SYSENTER */
    {{0x0F, 0x35}, 2, 0, 0},             /* SYSEXIT */
    {{0x0F, 0x37}, 2, 0, 0},             /* GETSEC */
    {{0x0F, 0x0B}, 2, 0, 0},             /* UD2 */
    {{0x0F, 0x78}, 2, 2, 0},             /* VMREAD */
    {{0x0F, 0x79}, 2, 2, 0},             /* VMWRITE */
    {{0x0F, 0xC7}, 2, 2, 0},             /* CMPXCHG8B, VMPTRLD, RDRAND */
    {{0xF3, 0x0F, 0xC7}, 3, 2, 0},       /* VMXON */
    {{0x66, 0x0F, 0x38, 0x80}, 4, 1, 0}, /* INVEPT */
    {{0x66, 0x0F, 0x38, 0x82}, 4, 1, 0}, /* INVPCID */
    {{0x0F, 0xAE}, 2, 2, 0},             /* FXSAVE, LDMXCSR, CLFLUSH */
    {{0xF3, 0x0F, 0xAE}, 3, 2, 0},       /* RDFSBASE, WRGSBASE */
    {{0x0F, 0xAA}, 2, 0, 0},             /* RSM */
    {{0xE4}, 1, 0, 0},                   /* IN, OUT */
    {{0xE6}, 1, 0, 0},
    {{0xEC}, 1, 0, 1},
    {{0xED}, 1, 0, 1},
    {{0xEE}, 1, 0, 1},
    {{0xEF}, 1, 0, 1},
    {{0x6C}, 1, 0, 2}, /* INS, OUTS */
    {{0xF3, 0x6D}, 2, 0, 2},
    {{0x6F}, 1, 0, 2},
    {{0xF3, 0x6E}, 2, 0, 2},
    {{0xF4}, 1, 0, 0}, /* HLT */
    {{0xFA}, 1, 0, 0}, /* CLI */
    {{0xFB}, 1, 0, 0}, /* STI */
    {{0x9C}, 1, 0, 0}, /* PUSHF */
    {{0x9D}, 1, 0, 0}, /* POPF */
    {{0xCF}, 1, 0, 0}, /* IRET */
    {{0xCD}, 1, 0, 0}, /* INT n */
    {{0xF1}, 1, 0, 0}, /* INT1 */
    {{0x8E}, 1, 2, 0}, /* MOV to a segment register */
    {{0xFF}, 1, 2, 0}, /* far CALL and JMP */
    {{0xCB}, 1, 0, 0}, /* far RET */
    {{0xC8}, 1, 0, 0}, /* ENTER */
    {{0xDB}, 1, 2, 0}, /* x87 */
    {{0x9B}, 1, 0, 0}, /* FWAIT */
    {{0x8B}, 1, 1, 0}, /* MOV with memory */
    {{0x89}, 1, 1, 0},
    {{0x88}, 1, 1, 0},
    {{0xC7}, 1, 1, 0},
    {{0x0F, 0xB6}, 2, 1, 0},
    {{0x81}, 1, 1, 0},
    {{0x87}, 1, 1, 0},       /* XCHG */
    {{0xA5}, 1, 0, 0},       /* MOVS */
    {{0xF3, 0xAB}, 2, 0, 0}, /* REP STOS */
};

/* MOV to a control register, of which one bit is another than now. */
static void put_cr(struct recipe *r)
{
    static const uint8_t numbers[] = {0, 0, 4, 4, 4, 3, 8, 2};
    uint32_t cr = numbers[next(r) >> 9 & 7];
    uint64_t value = cr == 0 ? WANTED_CR0 : cr == 4 ? WANTED_CR4 : 0;
    uint32_t bits;

    if (cr == 3)
        value = (uint32_t)wild_pml4;
    bits = cr == 3 && !one_in(r, 16) ? 11 : one_in(r, 8) ? 63 : 31;
    attempt.gpr[RBX] = value ^ 1ull << (next(r) >> 8 & bits);
    /* Without paging there is no way back. */
    if (cr == 0 && !one_in(r, 16))
        attempt.gpr[RBX] |= 0x80000001;
    put(r, 0xC0 | cr << 3 | RBX);
    r->keeps = true;
}

/* SGDT, SIDT, LGDT, LIDT, SMSW, LMSW, INVLPG, and those with registers only;
 * tables that are replaced lead nowhere. */
static void put_system(struct recipe *r)
{
    uint32_t modrm = next(r) >> 8 & 0xFF;

    if ((modrm & 0x30) == 0x10 && modrm < 0xC0 && !one_in(r, 16))
        modrm ^= 0x30;
    put(r, modrm);
}

static void put_special(struct recipe *r)
{
    uint32_t i = (next(r) >> 8) % COUNT(special);

    if (one_in(r, 4))
        put_prefixes(r);
    for (uint32_t n = 0; n < special[i].count; n++)
        put(r, special[i].bytes[n]);
    r->device = special[i].device;
    if (special[i].then == 1)
        put_memory(r, next(r) >> 8 & 7);
    else if (special[i].then == 2)
        put(r, next(r) >> 8);
    else if (special[i].then == 3)
        put_cr(r);
    else if (special[i].then == 4)
        put_system(r);
}

/* What is not the instruction is INT3, or what comes behind it. */
static void put_instruction(struct recipe *r)
{
    uint32_t kind = next(r) >> 10 & 15;

    for (uint32_t i = 0; i < WORDS; i++)
        r->words[i] = next(r);
    if (kind < 4) {
        put_random(r, INSN_MAX);
    } else if (kind < 8) {
        put_prefixes(r);
        put_random(r, 1);
        put_memory(r, next(r) >> 8 & 7);
    } else if (kind < 11) {
        put_prefixes(r);
        put(r, 0x0F);
        put_random(r, 2);
    } else {
        put_special(r);
    }
    if (one_in(r, 2))
        put_random(r, INSN_MAX);
    for (uint32_t i = r->count; i < sizeof(r->bytes); i++)
        r->bytes[i] = 0xCC;
}

/* Power off and reset: the guest would begin again, with what it had. */
static bool is_end_port(uint64_t port)
{
    return port == 0x64 || port == 0x600 || port == 0xCF9;
}

static uint32_t pick_port(const struct recipe *r)
{
    static const uint16_t ports[] = {
        0x3F8,  0x3F9,  0x3FA, 0x3FC, 0x3FD,  0x3FF, 0x70,
        0x71,   0x64,   0x60,  0x61,  0x20,   0xCF8, 0x5B00,
        0x5B08, 0x5B10, 0x601, 0x80,  0xFFFF, 0x2F8, 0x506};
    uint32_t port = next(r) >> 12;

    if (port % 4 != 0)
        return ports[(port >> 4) % COUNT(ports)];
    port = port >> 4 & 0xFFFF;
    return port >> 2 == 0x5B04 >> 2 ? 0 : port; /* no snapshot on the way */
}

static uint32_t pick_msr(struct recipe *r)
{
    static const uint32_t msrs[] = {
        0x10,       0x1B,       0x3A,       0x3B,       0x8B,       0xFE,
        0x174,      0x175,      0x176,      0x179,      0x17A,      0x1A0,
        0x1D9,      0x277,      0x2FF,      0x480,      0x48B,      0x6E0,
        0x802,      0x808,      0x80B,      0x80F,      0x828,      0x830,
        0x832,      0x838,      0x83F,      0xC0000080, 0xC0000081, 0xC0000082,
        0xC0000083, 0xC0000084, 0xC0000100, 0xC0000101, 0xC0000102, 0xC0000103,
        0x40000000, 0x4B564D00};
    uint32_t n = next(r) >> 10;

    if (n % 8 == 0)
        return next(r) >> (n >> 3 & 31);
    return msrs[(n >> 3) % COUNT(msrs)];
}

/* An address, or a number that makes a difference. */
static uint64_t pick(const struct recipe *r)
{
    uint32_t n = next(r) >> 7;

    switch (n & 15) {
    case 0:
        return n >> 4 & 0xFF;
    case 1:
        return 1ull << (n >> 4 & 63);
    case 2:
        return (uint64_t)next(r) << 32 | next(r);
    case 3:
        return WINDOW_BASE + (n >> 4 & 0x3FFFF);
    case 4:
        return CODE_BASE + (n >> 4) % CODE_SIZE;
    case 5: /* the last bytes of a page, and of all pages */
        return DATA_BASE + ((n >> 4 & 15) + 1) * 0x1000 - (n >> 8 & 15);
    case 6:
        return 0xFFFF800000000000ull + DATA_BASE + (n >> 4 & 0xFFFF);
    case 7:
        if ((n >> 4 & 15) == 0 && (n >> 9 & 63) == 0)
            return 0xFEC00000u + (n >> 8 & 1) * 16;
        if ((n >> 4 & 15) == 1 && (n >> 8 & 15) == 0)
            return 0xFEE00000u + (n >> 12 & 63) * 16;
        if ((n >> 4 & 15) == 2 && (n >> 8 & 255) == 0)
            return HOLE_BASE + (n >> 16 & 0xFF);
        return (n >> 4 & 0xFFFFF);
    default:
        return DATA_BASE + (n >> 4 & 0xFFF8);
    }
}

static bool is_apic(uint64_t value)
{
    return (uint32_t)value >> 12 == 0xFEE00;
}

static void pick_registers(struct recipe *r)
{
    static uint32_t apic = GPRS; /* the register that has such an address */

    if (apic < GPRS && is_apic(attempt.gpr[apic]))
        attempt.gpr[apic] = 0;
    apic = GPRS;
    for (uint32_t i = 0; i < CHANGED; i++) {
        uint32_t to = (next(r) >> 8) % GPRS;

        if (to == RBX && r->keeps)
            continue;

        attempt.gpr[to] = pick(r);
        if (is_apic(attempt.gpr[to])) {
            if (apic < GPRS)
                attempt.gpr[apic] = 0;
            apic = to;
            r->risks |= RISK_APIC;
        }
    }
    if (r->device != 0) {
        attempt.gpr[RCX] = pick_msr(r);
        if (r->device == STRING && !one_in(r, 64))
            attempt.gpr[RCX] &= 7;
        attempt.gpr[RDX] = one_in(r, 2) ? pick_port(r) : next(r) >> 31;
    }
    if (r->risks & RISK_CALL) /* 1 would take a snapshot */
        attempt.gpr[RAX] &= ~1ull;
    if (r->risks & RISK_OUT) {
        if (is_end_port(attempt.gpr[RDX] & 0xFFFF))
            attempt.gpr[RDX] ^= 0x1000;
        attempt.gpr[RAX] &= ~0x10ull; /* 0xFE to port 0x64 */
    }
    attempt.rsp = one_in(r, 8) ? pick(r) : DATA_BASE + 0x8000;
}

/* Looks for what could harm the next attempt, or keep this one from its end:
 * CLI, POPF, IRET, HLT; MOV to CR and DR, WRMSR; VMCALL. */
static uint32_t find_risks(const struct recipe *r)
{
    uint32_t risks = 0, before = 0;

    for (uint32_t i = 0; i < r->count; i++) {
        uint32_t byte = r->bytes[i];

        if (byte == 0xFA || byte == 0x9D || byte == 0xCF || byte == 0xF4)
            risks |= RISK_CLOSES;
        if (before == 0x0F && (byte == 0x22 || byte == 0x23 || byte == 0x30))
            risks |= RISK_SPOILS;
        if ((byte & 0xFE) == 0xEE || (byte & 0xFE) == 0x6E ||
            (before == 0xE6 && byte == 0x64))
            risks |= RISK_OUT;
        if (before == 0x01 && byte == 0xC1)
            risks |= RISK_CALL;
        before = byte;
    }
    return risks;
}

static bool spoils(const struct recipe *r)
{
    return (r->risks & RISK_APIC) || (!r->user && (r->risks & RISK_SPOILS));
}

static void pick_flags(struct recipe *r)
{
    uint32_t n = next(r) >> 4, open = one_in(r, 8) ? FLAG_IOPL : 0;

    attempt.rflags = (n & FLAGS_KEPT) | FLAG_FIXED | FLAG_IF | open;
    n >>= 12;
    if ((n & 7) == 0)
        attempt.rflags |= FLAG_DF;
    if ((n >> 3 & 15) == 0)
        attempt.rflags |= FLAG_AC;
    if ((n >> 7 & 31) == 0)
        attempt.rflags |= FLAG_NT;
    if ((n >> 12 & 15) == 0)
        attempt.rflags |= FLAG_RF;
    if (one_in(r, 64))
        attempt.rflags |= FLAG_VIP;
    if (one_in(r, 16) || spoils(r) ||
        ((!r->user || open) && (r->risks & RISK_CLOSES)))
        attempt.rflags |= FLAG_TF;
}

static uint32_t pick_segment(const struct recipe *r, uint32_t otherwise)
{
    return one_in(r, 32) ? next(r) >> 9 & 0xFF : otherwise;
}

static void pick_segments(struct recipe *r, uint32_t at)
{
    static const uint8_t codes[2][3] = {
        {CODE_16, CODE_32, CODE_64},
        {CODE_16_USER, CODE_32_USER, CODE_64_USER}};
    uint32_t data = r->user ? DATA_3 : DATA_0;

    attempt.rip = r->mode == 16 ? at - CODE_BASE : at;
    attempt.cs = codes[r->user][r->mode / 32];
    attempt.ss = data;
    /* A selector that is refused would end the launch, not the attempt. */
    attempt.ds = attempt.es = attempt.fs = attempt.gs = data;
    if (one_in(r, 8))
        attempt.fs = pick_segment(r, 0);
}

static struct recipe recipe;
static uint32_t place;

void recipe_make(uint32_t *state, uint32_t *digest)
{
    struct recipe *r = &recipe;

    r->state = state;
    r->count = 0;
    r->keeps = false;
    r->device = 0;
    place = CODE_BASE + (next(r) >> 8) % CODE_SIZE;
    put_instruction(r);
    r->risks = find_risks(r);
    pick_registers(r);
    /* At the end of the window it is cut off. */
    for (uint32_t i = 0; i < WORDS; i++) {
        if (place + 4 * i + 4 <= CODE_BASE + CODE_SIZE)
            *(uint32_t *)(place + 4 * i) = r->words[i];
        *digest = (*digest ^ r->words[i]) * FNV_PRIME;
    }
}

bool recipe_aim(uint32_t variant)
{
    struct recipe *r = &recipe;

    r->user = variant & 1;
    r->mode = !(variant & 2) ? 64 : one_in(r, 4) ? 16 : 32;
    pick_segments(r, place);
    pick_flags(r);
    return spoils(r);
}
