/* SPDX-License-Identifier: BSD-2-Clause */
/* What never ends. */
#include "tests/guests/hostile/hostile.h"

#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/machine.h"

static void spin(void)
{
    __asm__ volatile("cli\n1:\tjmp 1b");
}

/* Nothing will wake it. */
static void idle(void)
{
    __asm__ volatile("cli\n1:\thlt\n\tjmp 1b");
}

static void repeat(void)
{
    for (;;) {
        uint32_t to = (uint32_t)spare_page(0);
        uint32_t count = machine_ram_end() - to;

        __asm__ volatile("rep stosb"
                         : "+D"(to), "+c"(count)
                         : "a"(0)
                         : "memory");
    }
}

/* The dearest exits there are, one after the other. */
static void pause(void)
{
    for (;;) {
        uint32_t flip = read_cr0() ^ CR0_CD;

        __asm__ volatile("pause\n\twbinvd\n\tinvd" : : : "memory");
        write_cr0(flip);
        write_cr4(read_cr4() ^ CR4_MCE);
        cpuid(0xFFFFFFFFu);
        inb(0x71);
        inb(0x3FD);
    }
}

static const struct deed spins[] = {{"spin", spin, ENDLESS}};
static const struct deed idles[] = {{"idle", idle, ENDLESS}};
static const struct deed repeats[] = {{"repeat", repeat, ENDLESS}};
static const struct deed pauses[] = {{"pause", pause, ENDLESS}};

ATTEMPT(spin, spins);
ATTEMPT(idle, idles);
ATTEMPT(repeat, repeats);
ATTEMPT(pause, pauses);
