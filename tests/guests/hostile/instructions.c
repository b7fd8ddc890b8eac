/* SPDX-License-Identifier: BSD-2-Clause */
/* Instructions of hidden features, and privileged ones from ring 3. */
#include "tests/guests/hostile/hostile.h"

#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/trap.h"

#define NONE TRAP_NONE
#define UD   TRAP_UD
#define GP   TRAP_GP
#define ANY  999u /* some exception, or none */

static uint8_t area[4096] __attribute__((aligned(4096)));

/* Bytes that mean the same in all modes; EAX points to free memory. */
static const struct row {
    uint8_t bytes[8];
    uint32_t kernel, user;
} rows[] = {
    {{0xF3, 0x0F, 0xC7, 0x30}, UD, UD},         /* VMXON */
    {{0x66, 0x0F, 0xC7, 0x30}, UD, UD},         /* VMCLEAR */
    {{0x0F, 0xC7, 0x30}, UD, UD},               /* VMPTRLD */
    {{0x0F, 0xC7, 0x38}, UD, UD},               /* VMPTRST */
    {{0x0F, 0x78, 0xC1}, UD, UD},               /* VMREAD */
    {{0x0F, 0x79, 0xC1}, UD, UD},               /* VMWRITE */
    {{0x0F, 0x01, 0xC2}, UD, UD},               /* VMLAUNCH */
    {{0x0F, 0x01, 0xC3}, UD, UD},               /* VMRESUME */
    {{0x0F, 0x01, 0xC4}, UD, UD},               /* VMXOFF */
    {{0x66, 0x0F, 0x38, 0x80, 0x08}, UD, UD},   /* INVEPT */
    {{0x66, 0x0F, 0x38, 0x81, 0x08}, UD, UD},   /* INVVPID */
    {{0x0F, 0x01, 0xD4}, UD, UD},               /* VMFUNC */
    {{0x0F, 0x37}, UD, UD},                     /* GETSEC */
    {{0x0F, 0xAA}, UD, UD},                     /* RSM */
    {{0x0F, 0x01, 0xC8}, UD, UD},               /* MONITOR */
    {{0x0F, 0x01, 0xC9}, UD, UD},               /* MWAIT */
    {{0x0F, 0x01, 0xD1}, UD, UD},               /* XSETBV */
    {{0x0F, 0x01, 0xD0}, UD, UD},               /* XGETBV */
    {{0x0F, 0xAE, 0x20}, UD, UD},               /* XSAVE */
    {{0x0F, 0xAE, 0x28}, UD, UD},               /* XRSTOR */
    {{0x0F, 0xC7, 0x28}, UD, UD},               /* XSAVES */
    {{0x0F, 0xC7, 0x18}, UD, UD},               /* XRSTORS */
    {{0x0F, 0x33}, GP, GP},                     /* RDPMC */
    {{0x0F, 0x01, 0xCF}, UD, UD},               /* ENCLS */
    {{0x0F, 0x01, 0xD7}, UD, UD},               /* ENCLU */
    {{0x0F, 0x01, 0xC0}, UD, UD},               /* ENCLV */
    {{0x0F, 0x01, 0xD8}, UD, UD},               /* VMRUN */
    {{0x0F, 0x01, 0xD9}, UD, UD},               /* VMMCALL */
    {{0x0F, 0x01, 0xDA}, UD, UD},               /* VMLOAD */
    {{0x0F, 0x01, 0xDB}, UD, UD},               /* VMSAVE */
    {{0x0F, 0x01, 0xDC}, UD, UD},               /* STGI */
    {{0x0F, 0x01, 0xDD}, UD, UD},               /* CLGI */
    {{0x0F, 0x01, 0xDE}, UD, UD},               /* SKINIT */
    {{0x0F, 0x01, 0xDF}, UD, UD},               /* INVLPGA */
    {{0x0F, 0x01, 0xFA}, UD, UD},               /* MONITORX */
    {{0x0F, 0x01, 0xFB}, UD, UD},               /* MWAITX */
    {{0x0F, 0x01, 0xFC}, UD, UD},               /* CLZERO */
    {{0x0F, 0x01, 0xFD}, UD, UD},               /* RDPRU */
    {{0x0F, 0x01, 0xC5}, UD, UD},               /* PCONFIG */
    {{0x0F, 0x01, 0xE8}, UD, UD},               /* SERIALIZE */
    {{0x0F, 0x01, 0xEE}, UD, UD},               /* RDPKRU */
    {{0xF3, 0x0F, 0xC7, 0xF8}, ANY, ANY},       /* RDPID */
    {{0x0F, 0x01, 0xF9}, ANY, ANY},             /* RDTSCP */
    {{0x66, 0x0F, 0x38, 0x82, 0x00}, ANY, ANY}, /* INVPCID */
    {{0x0F, 0x01, 0xCA}, ANY, UD},              /* CLAC */
    {{0x0F, 0x01, 0xCB}, ANY, UD},              /* STAC */
    {{0xF3, 0x0F, 0xAE, 0xF0}, UD, UD},         /* UMONITOR */
    {{0xF2, 0x0F, 0xAE, 0xF0}, UD, UD},         /* UMWAIT */
    {{0x66, 0x0F, 0x38, 0xF8, 0x00}, UD, UD},   /* MOVDIR64B */
    {{0xF2, 0x0F, 0x38, 0xF8, 0x00}, UD, UD},   /* ENQCMD */
    {{0x0F, 0x09}, NONE, GP},                   /* WBINVD */
    {{0x0F, 0x08}, NONE, GP},                   /* INVD */
    {{0xF3, 0x0F, 0x09}, NONE, GP},             /* WBNOINVD */
    {{0xF4}, ANY, GP},                          /* HLT */
    {{0xFA}, NONE, GP},                         /* CLI */
    {{0x0F, 0x06}, NONE, GP},                   /* CLTS */
    {{0x0F, 0x20, 0xC0}, NONE, GP},             /* MOV from CR0 */
    {{0x0F, 0x22, 0xC0}, ANY, GP},              /* MOV to CR0 */
    {{0x0F, 0x20, 0xE0}, NONE, GP},             /* MOV from CR4 */
    {{0x0F, 0x21, 0xF8}, NONE, GP},             /* MOV from DR7 */
    {{0x0F, 0x23, 0xF8}, ANY, GP},              /* MOV to DR7 */
    {{0x0F, 0x32}, ANY, GP},                    /* RDMSR */
    {{0x0F, 0x30}, ANY, GP},                    /* WRMSR */
    {{0x0F, 0x01, 0x38}, NONE, GP},             /* INVLPG */
    {{0x0F, 0x01, 0xF0}, ANY, GP},              /* LMSW */
    {{0x0F, 0x00, 0xD8}, ANY, GP},              /* LTR */
    {{0x0F, 0x00, 0xD0}, ANY, GP},              /* LLDT */
    {{0x0F, 0x01, 0x10}, ANY, GP},              /* LGDT */
    {{0x0F, 0x01, 0x18}, ANY, GP},              /* LIDT */
    {{0xE4, 0x80}, NONE, GP},                   /* IN */
    {{0xE6, 0x80}, NONE, GP},                   /* OUT */
    {{0x6C}, ANY, GP},                          /* INS */
    {{0x0F, 0x05}, UD, UD},                     /* SYSCALL */
    {{0x0F, 0x07}, UD, GP + UD},                /* SYSRET */
    {{0x0F, 0x34}, GP, GP},                     /* SYSENTER */
    {{0x0F, 0x35}, GP, GP},                     /* SYSEXIT */
    {{0x0F, 0x0B}, UD, UD},                     /* UD2 */
    {{0x0F, 0xB9, 0xC0}, UD, UD},               /* UD1 */
    {{0x0F, 0xFF, 0xC0}, UD, UD},               /* UD0 */
    {{0xF0, 0x90}, UD, UD},                     /* LOCK NOP */
    {{0xF0, 0x0F, 0x01, 0xC1}, UD, UD},         /* LOCK VMCALL */
    {{0x0F, 0xA2}, NONE, NONE},                 /* CPUID */
    {{0x0F, 0x01, 0xC1}, NONE, NONE},           /* VMCALL */
    {{0xF3, 0x90}, NONE, NONE},                 /* PAUSE */
    {{0x0F, 0x31}, NONE, NONE},                 /* RDTSC */
    {{0xF1}, TRAP_DB, TRAP_DB},                 /* ICEBP */
};

static const void *code_of(const struct row *row)
{
    static uint8_t code[32];
    uint32_t n = 0;

    for (uint32_t i = 0; i < sizeof(row->bytes); i++) {
        code[i] = row->bytes[i];
        if (row->bytes[i] != 0)
            n = i + 1;
    }
    /* Trailing zeros of ModRM belong to it. */
    while (n < 3 && row->bytes[0] == 0x0F && row->bytes[1] == 0 && n != 0)
        n++;
    if (row->bytes[0] == 0x66 && row->bytes[3] == 0x82)
        n = 5;
    if (row->bytes[2] == 0x38 && row->bytes[3] == 0xF8)
        n = 5;
    code[n] = 0xC3;
    return code;
}

static void judge(const char *where, const struct row *row, uint32_t got,
                  uint32_t wanted)
{
    bool either = wanted == GP + UD && (got == GP || got == UD);

    if (got != wanted && wanted != ANY && !either)
        wrong("%s, %x %x %x: %u, not %u", where, row->bytes[0], row->bytes[1],
              row->bytes[2], got, wanted);
}

static void kernel(void)
{
    for (uint32_t i = 0; i < COUNT(rows); i++) {
        struct try t = {.eax = (uint32_t)area, .ebx = (uint32_t)area};

        if (rows[i].kernel != ANY)
            judge("ring 0", &rows[i], try_kernel(&t, code_of(&rows[i])),
                  rows[i].kernel);
    }
}

static void user(void)
{
    for (uint32_t i = 0; i < COUNT(rows); i++) {
        struct try t = {.eax = (uint32_t)area,
                        .ebx = (uint32_t)area,
                        .edi = (uint32_t)area};

        judge("ring 3", &rows[i], try_user(&t, code_of(&rows[i])),
              rows[i].user);
    }
}

static void long_mode(void)
{
    for (uint32_t i = 0; i < COUNT(rows); i++) {
        struct try64 t = {.rax = (uint32_t)area, .rbx = (uint32_t)area};
        uint32_t wanted = rows[i].kernel;

        if (wanted == ANY)
            continue;
        judge("64-bit", &rows[i], try_long(&t, code_of(&rows[i])), wanted);
    }
}

/* Prefixes: fifteen bytes are an instruction, sixteen are #GP. */
static void prefixes(void)
{
    static const uint8_t ops[][2] = {
        {0x0F, 0xA2}, {0x0F, 0x08}, {0xE4, 0x80}, {0x0F, 0x31}, {0x0F, 0x33}};
    static const uint8_t all[] = {0x26, 0x2E, 0x36, 0x3E, 0x64,
                                  0x65, 0x66, 0x67, 0xF2, 0xF3};
    static uint8_t code[32];

    for (uint32_t op = 0; op < COUNT(ops); op++) {
        for (uint32_t p = 0; p < COUNT(all); p++) {
            for (uint32_t n = 1; n <= 14; n++) {
                struct try t = {0};
                uint32_t caught;

                for (uint32_t i = 0; i < n; i++)
                    code[i] = all[p];
                code[n] = ops[op][0];
                code[n + 1] = ops[op][1];
                code[n + 2] = 0xC3;
                caught = try_kernel(&t, code);
                if (n + 2 > 15)
                    must("sixteen bytes", caught, GP);
                else if (op == 0)
                    must("fifteen bytes", caught, NONE);
            }
        }
    }
}

static const struct deed deeds[] = {
    {"ring-0", kernel, NULL},
    {"ring-3", user, NULL},
    {"prefixes", prefixes, NULL},
};

static const struct deed longs[] = {{"64-bit", long_mode, NULL}};

ATTEMPT(instructions, deeds);
ATTEMPT(long, longs);
