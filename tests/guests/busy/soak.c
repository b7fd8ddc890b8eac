/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Restores without end: at points that the work passes, also in handlers,
 * this guest asks for snapshots and commits crimes. What it does next
 * depends on a seed and on the count of restores, which is not rolled back.
 */
#include "tests/guests/busy/busy.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/check.h"
#include "tests/guests/lib/clock.h"
#include "tests/guests/lib/console.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/util.h"

#define HOLE 0xD0000000u

/* Of guest time since the restore. A fault like the last one needs 10 ms
 * between them, any other 1 ms, or it counts as a guest that cannot live. */
#define RUN_LEAST 3u
#define RUN_MORE  12u /* if run= does not say otherwise */
#define RUN_FAR   25u
/* So many restores, and then one after which it fails again at once; not with
 * run=, when there may be no older generation. */
#define TWICE_EVERY 64u
/* ms: the last moment at which a snapshot is asked for. */
#define SNAPSHOT_LAST 8u

enum crime {
    CRIME_WRITE,
    CRIME_FETCH,
    CRIME_STRING,
    CRIME_STACK,
    CRIMES_APART, /* these are told apart by their addresses; */
    CRIME_TRIPLE = CRIMES_APART,
    CRIME_PANIC,
    CRIMES
};

static uint32_t wanted, seed, run_more;
static bool counted; /* time is a number of points: each run is the same */
static uint32_t points;
static bool soaking, inside, asked;
static uint32_t seen = UINT32_MAX;
static uint64_t crime_at, snapshot_at;
static enum crime crime;

static uint32_t hash(uint32_t a, uint32_t b)
{
    uint32_t x = (a * 0x9E3779B1u) ^ (b * 0x85EBCA6Bu) ^ 0x27D4EB2Fu;

    for (uint32_t i = 0; i < 3; i++)
        prng_next(&x);
    return x;
}

static uint64_t now_is(void)
{
    return counted ? points : rdtsc();
}

static uint64_t after(uint32_t time)
{
    return counted ? points + time : clock_after(time);
}

static void plan(uint32_t restores)
{
    uint32_t dice = hash(seed, restores);
    uint32_t ms = RUN_LEAST + (dice >> 8) % run_more;
    uint64_t far = after(RUN_FAR);

    seen = restores;
    asked = !counted && (dice & 15) != 0;
    snapshot_at = after((dice >> 4) % SNAPSHOT_LAST);
    crime = (enum crime)((dice >> 16) % CRIMES_APART);
    crime_at = after(ms);
    if ((dice >> 20) % 16 == 0) {
        crime = (dice >> 25) % 2 == 0 ? CRIME_TRIPLE : CRIME_PANIC;
        crime_at = far + (crime_at - now_is());
    }
    if (!counted && run_more == RUN_MORE &&
        restores % TWICE_EVERY == TWICE_EVERY - 1) {
        crime = CRIME_WRITE;
        crime_at = 0;
    }
}

static void commit(uint32_t restores)
{
    uint32_t address = HOLE + (restores & 0x3FFFFFu) * 16;
    const uint8_t none[6] = {0};

    switch (crime) {
    case CRIME_FETCH:
        ((void (*)(void))address)();
        break;
    case CRIME_STRING:
        memset((void *)address, 0, 64);
        break;
    case CRIME_STACK:
        __asm__ volatile("movl %0, %%esp\n\tint3" : : "r"(address));
        break;
    case CRIME_TRIPLE:
        __asm__ volatile("lidt %0\n\tint3" : : "m"(none) : "memory");
        break;
    case CRIME_PANIC:
        outb(PORT_PVPANIC, 1);
        __asm__ volatile("cli\n1:\thlt\n\tjmp 1b");
        break;
    default:
        *(volatile uint32_t *)address = restores;
        break;
    }
    check_failed("soak", "nothing happened at restore %u", restores);
    check_done();
}

static void look(void)
{
    uint32_t restores = inl(PORT_RESTORES);
    uint64_t now;

    points++;
    now = now_is();
    if (restores >= wanted) {
        soaking = false;
        return;
    }
    if (restores != seen)
        plan(restores);
    if (now >= crime_at)
        commit(restores);
    if (!asked && now >= snapshot_at) {
        asked = true;
        inl(PORT_SNAPSHOT);
        crime_at += now_is() - now;
    }
}

void soak_point(void)
{
    if (!soaking || inside)
        return;
    inside = true;
    look();
    inside = false;
}

void soak_start(uint32_t restores)
{
    wanted = restores;
    seed = option_number("seed", 1);
    run_more = option_number("run", RUN_MORE);
    counted = option("counted");
    inl(PORT_SNAPSHOT);
    soaking = true;
}

void soak_doomed(void)
{
    inl(PORT_SNAPSHOT);
    if (inl(PORT_RESTORES) < 2) {
        inl(PORT_SNAPSHOT);
        commit(inl(PORT_RESTORES));
    }
    print("lives after %u restores\n", inl(PORT_RESTORES));
}

bool soak_over(void)
{
    return wanted != 0 && !soaking;
}
