/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Takes a snapshot, spoils everything, commits a crime, and looks whether
 * the hypervisor put all of it back; one crime after the other.
 *
 * cause=NAME,NAME (all but hang and reset by default) repeat=N (crimes from
 * one snapshot, 1) mem=KIB (256) burn=MS (50: time between snapshot and
 * crime, which the restored TSC must not show) vmcall (ask by VMCALL) pages
 * (run with paging on) dry (to test this guest itself, where the port is
 * absent: its ones look like a restore) spoil (see the comparison fail)
 */
#include "tests/guests/crash/crash.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/check.h"
#include "tests/guests/lib/clock.h"
#include "tests/guests/lib/console.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/paging.h"
#include "tests/guests/lib/trap.h"

static const struct gprs gprs_in = {
    0xA0A0A0A0, 0xB1B1B1B1, 0xC2C2C2C2, 0xD3D3D3D3, 0x54545454,
    0x65656565, 0x76767676, 0,          0xCD7, /* DF OF SF ZF AF PF CF */
};

static volatile uint32_t taken;

static void on_interrupt(struct trap_frame *frame)
{
    (void)frame;
    taken++;
    apic_eoi();
}

static void burn(uint32_t ms)
{
    uint64_t end = clock_after(ms);

    while (rdtsc() < end)
        cpu_pause();
}

static bool registers_kept(const char *name, const struct gprs *out)
{
    const uint32_t *got = (const uint32_t *)out;
    const uint32_t *wanted = (const uint32_t *)&gprs_in;
    uint32_t bad = 0;

    for (uint32_t i = 0; i < 9; i++) {
        bool result = i == 0, port = i == 3 && !option("vmcall");

        if (result || port || i == 7 || got[i] == wanted[i])
            continue;
        check_failed(name, "register %u is %x, was %x", i, got[i], wanted[i]);
        bad++;
    }
    return bad == 0;
}

static bool registers64_kept(const char *name, const struct gprs64 *g)
{
    uint32_t bad = 0;

    for (uint32_t i = 1; i < 16; i++) {
        if (i == 2 || i == 4 || g->out[i] == g->in[i])
            continue;
        check_failed(name, "register %u is %llx, was %llx", i,
                     (unsigned long long)g->out[i],
                     (unsigned long long)g->in[i]);
        bad++;
    }
    return bad == 0;
}

/* The interrupt that waited at the snapshot must still come, once. */
static bool interrupt_kept(const char *name)
{
    uint32_t before = taken;

    apic_write(APIC_TPR, 0);
    cpu_sti();
    for (uint32_t i = 0; i < 100 && taken == before; i++)
        cpu_pause();
    cpu_cli();
    if (taken == before + 1)
        return true;
    check_failed(name, "%u interrupts, not 1", taken - before);
    return false;
}

/* Clocks go on from the snapshot: what was burnt after it must not show. */
static bool time_kept(const char *name, uint64_t before)
{
    uint32_t ms = option_number("burn", 50), rolled = inl(PORT_ROLLBACK);
    uint64_t passed = rdtsc() - before;
    uint32_t counted = state_timer_moved();

    if (passed <= (uint64_t)ms * clock_tsc_khz() / 2 && rolled >= ms &&
        counted <= ms * clock_timer_khz() / 2)
        return true;
    check_failed(name, "burnt %u ms, rolled back %u, tsc +%llu, timer -%u", ms,
                 rolled, (unsigned long long)passed, counted);
    return false;
}

/* After the snapshot returned 0: leave nothing as it was. */
static void spoil(uint32_t flavour)
{
    burn(option_number("burn", 50));
    memory_spoil();
    apic_write(APIC_TPR, 0);
    cpu_sti();
    cpu_pause();
    cpu_cli();
    state_set(flavour + 1);
}

static void judge(const char *name, uint32_t n, uint32_t restores,
                  uint64_t before, bool registers)
{
    bool good = time_kept(name, before) && registers;

    good = memory_intact() && good;
    good = state_unchanged(name) && good;
    good = interrupt_kept(name) && good;
    if (inl(PORT_RESTORES) < restores + n) {
        check_failed(name, "%u restores counted", inl(PORT_RESTORES));
        good = false;
    }
    print("%s restored %u\n", name, n);
    if (good)
        check(true, name);
    else
        check_failed(name, "not as it was");
}

static uint32_t snap(const struct crime *c, struct gprs *out,
                     struct gprs64 *out64)
{
    if (c->commit == NULL)
        return long_mode_call(snap_long, out64);
    return option("vmcall") ? snap_vmcall(&gprs_in, out)
                            : snap_port(&gprs_in, out);
}

static void commit(const struct crime *c, uint32_t flavour)
{
    uint64_t address = c->address;

    spoil(flavour);
    if (c->commit != NULL)
        c->commit();
    else
        long_mode_call(c->deed, &address);
}

static void prepare(struct gprs64 *g, uint32_t flavour)
{
    memory_fill(option_number("mem", 256), flavour);
    state_set(flavour);
    for (uint32_t i = 0; i < 16; i++)
        g->in[i] = 0x0123456789ABCDEFull * (i + 1) + flavour;
    apic_self_ipi(CRASH_VECTOR);
    state_capture();
}

static void run(const struct crime *c, uint32_t flavour)
{
    static struct gprs out;
    static struct gprs64 out64;
    uint32_t n, restores = inl(PORT_RESTORES);
    uint64_t before;

    if (c->commit == NULL && !long_mode_available()) {
        check_skip(c->name, "no long mode");
        return;
    }
    prepare(&out64, flavour);
    before = rdtsc();
    n = snap(c, &out, &out64);
    if (n < option_number("repeat", 1)) {
        commit(c, flavour);
        check_failed(c->name, "nothing happened");
        trap_load();
        return;
    }
    if (option("spoil"))
        state_set(flavour + 1);
    judge(c->name, n, restores, before,
          c->commit == NULL ? registers64_kept(c->name, &out64)
                            : registers_kept(c->name, &out));
}

void guest_main(void)
{
    apic_init();
    clock_init();
    if (!machine_hosted() && !option("dry")) {
        check_skip("crash", "no guest interface");
        check_done();
    }
    if (option("pages"))
        paging_on();
    trap_set(CRASH_VECTOR, on_interrupt);
    print("crash starts, first snapshot %u\n", inl(PORT_SNAPSHOT));
    for (uint32_t i = 0; i < crimes_count; i++) {
        bool wanted = option("cause") ? option_lists("cause", crimes[i].name)
                                      : !crimes[i].opt_in;

        if (wanted)
            run(&crimes[i], i * 2 + 1);
    }
    check_done();
}
