/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Uses everything at once and checks it in every round, while snapshots and
 * restores happen to it at whatever moment.
 *
 * rounds=N (0: for ever) every=K (print each K-th) mem=KIB only=NAME,NAME
 * (the kinds below) stop (at the first failure) flat (without paging)
 * soak=N seed=S run=MS (cause N restores, each at another point after at most
 * so long, then wait for a line "quit") counted (points passed are its time;
 * at the end it rests: such runs can be compared, if only= leaves out what
 * looks at the clock) doomed (first of all two snapshots, of which the second
 * does not help)
 */
#include "tests/guests/busy/busy.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/check.h"
#include "tests/guests/lib/clock.h"
#include "tests/guests/lib/console.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/paging.h"
#include "tests/guests/lib/util.h"

static const struct kind {
    const char *name;
    bool (*work)(uint32_t round);
} kinds[] = {
    {"memory", busy_memory}, {"pages", busy_pages},   {"code", busy_code},
    {"fpu", busy_fpu},       {"debug", busy_debug},   {"step", busy_step},
    {"ipis", busy_ipis},     {"timer", busy_timer},   {"uart", busy_uart},
    {"msrs", busy_msrs},     {"long", busy_long},     {"devices", busy_devices},
    {"clock", busy_clock},   {"nmi", busy_nmi},       {"sti", busy_sti},
    {"mov-ss", busy_mov_ss}, {"stacks", busy_stacks},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* What needs paging, in a guest that is to run without. */
static bool is_paged(bool (*work)(uint32_t round))
{
    return option("flat") && (work == busy_pages || work == busy_long);
}

static bool one_round(uint32_t round)
{
    bool good = true;

    for (uint32_t i = 0; i < KINDS; i++) {
        if (!option_lists("only", kinds[i].name) || is_paged(kinds[i].work))
            continue;
        soak_point();
        if (!kinds[i].work(round)) {
            check_failed(kinds[i].name, "in round %u", round);
            good = false;
        }
    }
    if (machine_hosted())
        outl(PORT_HEARTBEAT, round);
    return good;
}

static _Noreturn void rest(void)
{
    console_flush();
    for (;;)
        __asm__ volatile("cli\n\thlt");
}

static void wait_to_quit(uint32_t failed)
{
    const char *line;

    while ((inb(UART_LSR) & UART_LSR_DR) != 0)
        (void)inb(UART_DATA);
    print("soak over, %u restores, %u failures\n", inl(PORT_RESTORES), failed);
    if (option("counted"))
        rest();
    do
        line = console_line();
    while (line == NULL || !same(line, "quit"));
}

void guest_main(void)
{
    uint32_t rounds = option_number("rounds", 100);
    uint32_t every = option_number("every", 10), failed = 0;

    apic_init();
    clock_init();
    write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
    write_cr0((read_cr0() & ~(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE);
    busy_memory_start(option_number("mem", 256));
    busy_interrupts_start();
    busy_debug_start();
    busy_moments_start();
    if (!option("flat"))
        paging_on();
    print("busy starts\n");
    if (option("doomed"))
        soak_doomed();
    if (option("soak"))
        soak_start(option_number("soak", 0));
    for (uint32_t round = 1; rounds == 0 || round <= rounds; round++) {
        failed += !one_round(round);
        if (every != 0 && round % every == 0)
            print("round %u %s\n", round, failed == 0 ? "ok" : "failed");
        if ((failed != 0 && option("stop")) || soak_over())
            break;
    }
    if (option("soak"))
        wait_to_quit(failed);
    check_equal("busy", failed, 0);
    check_done();
}
