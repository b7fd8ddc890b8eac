/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Uses everything at once and checks it in every round, while snapshots and
 * restores happen to it at whatever moment.
 *
 * rounds=N (0: for ever) every=K (print each K-th) mem=KIB only=NAME,NAME
 * (memory pages code fpu debug step ipis timer uart msrs devices long clock)
 * stop (at the first failure)
 */
#include "tests/guests/busy/busy.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/check.h"
#include "tests/guests/lib/clock.h"
#include "tests/guests/lib/console.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/paging.h"

static const struct kind {
    const char *name;
    bool (*work)(uint32_t round);
} kinds[] = {
    {"memory", busy_memory}, {"pages", busy_pages}, {"code", busy_code},
    {"fpu", busy_fpu},       {"debug", busy_debug}, {"step", busy_step},
    {"ipis", busy_ipis},     {"timer", busy_timer}, {"uart", busy_uart},
    {"msrs", busy_msrs},     {"long", busy_long},   {"devices", busy_devices},
    {"clock", busy_clock},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static bool one_round(uint32_t round)
{
    bool good = true;

    for (uint32_t i = 0; i < KINDS; i++) {
        if (!option_lists("only", kinds[i].name))
            continue;
        if (!kinds[i].work(round)) {
            check_failed(kinds[i].name, "in round %u", round);
            good = false;
        }
    }
    if (machine_hosted())
        outl(PORT_HEARTBEAT, round);
    return good;
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
    paging_on();
    print("busy starts\n");
    for (uint32_t round = 1; rounds == 0 || round <= rounds; round++) {
        failed += !one_round(round);
        if (every != 0 && round % every == 0)
            print("round %u %s\n", round, failed == 0 ? "ok" : "failed");
        if (failed != 0 && option("stop"))
            break;
    }
    check_equal("busy", failed, 0);
    check_done();
}
