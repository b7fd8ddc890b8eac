/* SPDX-License-Identifier: BSD-2-Clause */
/* Exits in real mode and in virtual-8086 mode. */
#include "tests/guests/hostile/hostile.h"

#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/trap.h"
#include "tests/guests/lib/util.h"

#define PLACE   0x7000u
#define COUNTER 0x6F80u

extern const uint8_t real_begin[], real_end[], real_handler_iret[],
    real_handler_skip[];
extern const uint8_t v86_gp[], v86_ud[];
void real_run(void);
uint32_t v86_try(uint32_t address);

static uint32_t placed(const uint8_t *code)
{
    return PLACE + (uint32_t)(code - real_begin);
}

static void prepare(void)
{
    memcpy((void *)PLACE, real_begin, (uint32_t)(real_end - real_begin));
    for (uint32_t vector = 0; vector < 256; vector++) {
        bool skips = vector == TRAP_GP || vector == TRAP_UD;

        *(volatile uint32_t *)(4 * vector + 0x0) =
            placed(skips ? real_handler_skip : real_handler_iret);
    }
    *(volatile uint16_t *)COUNTER = 0;
    gdt_set(0x48, 0, 0xFFFF, 0x9B, 0);
    gdt_set(0x50, 0, 0xFFFF, 0x93, 0);
}

static void real(void)
{
    uint8_t kept[1024];

    memcpy(kept, (const void *)0, sizeof(kept));
    prepare();
    real_run();
    must("exceptions", *(volatile uint16_t *)COUNTER, 2);
    must("protected again", read_cr0() & 1, 1);
    memcpy((void *)0, kept, sizeof(kept));
}

/* Each instruction in virtual-8086 mode, IOPL 0: exceptions like in ring 3,
 * but VMCALL's. */
static void v86(void)
{
    static const struct {
        uint8_t bytes[4];
        uint32_t wanted;
    } rows[] = {
        {{0x0F, 0xA2}, TRAP_GP},       /* of the INT behind it */
        {{0x0F, 0x01, 0xC1}, TRAP_GP}, /* the same */
        {{0x0F, 0x01, 0xC2}, TRAP_UD},
        {{0x0F, 0x32}, TRAP_GP},
        {{0x0F, 0x08}, TRAP_GP},
        {{0xE4, 0x80}, TRAP_GP},
        {{0xF4}, TRAP_GP},
        {{0x6E}, TRAP_GP},
        {{0x0F, 0x00, 0xD8}, TRAP_UD},
        {{0x0F, 0x01, 0xC8}, TRAP_UD},
        {{0x0F, 0x22, 0xC0}, TRAP_GP},
    };
    trap_set_entry(TRAP_GP, v86_gp);
    trap_set_entry(TRAP_UD, v86_ud);
    for (uint32_t i = 0; i < COUNT(rows); i++) {
        uint8_t *code = (uint8_t *)PLACE;
        uint32_t got;

        memset(code, 0x90, 16);
        memcpy(code, rows[i].bytes, 4);
        for (uint32_t n = 3; n > 0 && rows[i].bytes[n] == 0; n--)
            code[n] = 0x90;
        code[8] = 0xCD;
        code[9] = 0x80;
        got = v86_try(PLACE);
        if (got != rows[i].wanted)
            wrong("v86, %x %x: %u", code[0], code[1], got);
    }
    trap_init();
    gdt_init();
}

static const struct deed deeds[] = {
    {"real-mode", real, NULL},
    {"v86-mode", v86, NULL},
};

ATTEMPT(real, deeds);
