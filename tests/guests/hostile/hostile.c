/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tries to stop the machine, or to disturb the guests beside it.
 *
 * attempt=NAME (see the table below). Each is a row of deeds. One that the
 * guest survives prints `ok NAME` or why not. Any other prints `deed NAME
 * KIND` first, takes a snapshot, and has to be restored from it once.
 */
#include "tests/guests/hostile/hostile.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/check.h"
#include "tests/guests/lib/clock.h"
#include "tests/guests/lib/console.h"
#include "tests/guests/lib/machine.h"

extern const struct attempt attempt_ports_in, attempt_ports_out,
    attempt_strings, attempt_devices, attempt_interface, attempt_resets,
    attempt_floods, attempt_beats, attempt_snapshots, attempt_msrs_low,
    attempt_msrs_high, attempt_addresses, attempt_registers, attempt_mmio,
    attempt_paging, attempt_walks, attempt_tables, attempt_tasks, attempt_debug,
    attempt_storms, attempt_control, attempt_instructions, attempt_long,
    attempt_interrupts, attempt_timers, attempt_modes, attempt_delivery,
    attempt_fetch, attempt_real, attempt_spin, attempt_idle, attempt_repeat,
    attempt_pause;

static const struct attempt *const attempts[] = {
    &attempt_ports_in,     &attempt_ports_out, &attempt_strings,
    &attempt_devices,      &attempt_interface, &attempt_resets,
    &attempt_floods,       &attempt_beats,     &attempt_snapshots,
    &attempt_msrs_low,     &attempt_msrs_high, &attempt_addresses,
    &attempt_registers,    &attempt_mmio,      &attempt_paging,
    &attempt_walks,        &attempt_tables,    &attempt_tasks,
    &attempt_debug,        &attempt_storms,    &attempt_control,
    &attempt_instructions, &attempt_long,      &attempt_interrupts,
    &attempt_timers,       &attempt_modes,     &attempt_delivery,
    &attempt_fetch,        &attempt_real,      &attempt_spin,
    &attempt_idle,         &attempt_repeat,    &attempt_pause,

};

static uint32_t wrongs;

void wrong(const char *format, ...)
{
    va_list list;

    if (wrongs++ >= 8)
        return;
    print("wrong: ");
    va_start(list, format);
    print_list(format, list);
    va_end(list);
    print("\n");
}

void must(const char *what, uint64_t got, uint64_t wanted)
{
    if (got != wanted)
        wrong("%s: got %llx, wanted %llx", what, (unsigned long long)got,
              (unsigned long long)wanted);
}

static void survive(const struct deed *deed)
{
    wrongs = 0;
    deed->commit();
    if (wrongs == 0)
        check(true, deed->name);
    else
        check_failed(deed->name, "%u wrong", wrongs);
}

/* A guest that fails right after its restore makes no progress, and is
 * restarted: at least a millisecond of its own time. */
static void make_progress(void)
{
    for (volatile uint32_t i = 0; i < 20000; i++)
        ;
}

static void suffer(const struct deed *deed)
{
    uint32_t n;

    print("deed %s %s\n", deed->name, deed->ends);
    make_progress();
    n = inl(PORT_SNAPSHOT);
    if (n == 0) {
        deed->commit();
        check_failed(deed->name, "nothing came of it");
    } else {
        check(n == 1, deed->name);
    }
}

static void run(const struct attempt *attempt)
{
    for (uint32_t i = 0; i < attempt->count; i++) {
        const struct deed *deed = &attempt->deeds[i];

        if (!option_lists("deed", deed->name))
            continue;
        if (deed->ends == NULL)
            survive(deed);
        else
            suffer(deed);
    }
}

void guest_main(void)
{
    apic_init();
    clock_init();
    gdt_init();
    for (uint32_t i = 0; i < COUNT(attempts); i++) {
        if (option("attempt") && option_lists("attempt", attempts[i]->name))
            run(attempts[i]);
    }
    check_done();
}
