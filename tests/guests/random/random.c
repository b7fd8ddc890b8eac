/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs random instructions: in rings 0 and 3, in 64-, 32- and 16-bit code of
 * long mode, with registers that point at memory, at device registers, at
 * page tables of random entries and at nothing. Each attempt is one
 * instruction at one place, sometimes with more behind it, and ends with an
 * exception or, when it runs for long, with the second tick of a timer. What
 * breaks the guest beyond that is a fault, and Bulkhead restores it: it then
 * goes on with other instructions, since the count of its restores does not
 * roll back. Instructions are a function of seed, restores and chunk; the
 * digests say what was tried and how it ended:
 *
 *   random RESTORES CHUNK ATTEMPTS TRIED ENDED
 *
 * seed=N chunk=ATTEMPTS chunks=N (then it powers off; 0: at "quit")
 * replay=RESTORES from=CHUNK (run these and no other)
 */
#include "tests/guests/random/random.h"

#include "tests/guests/lib/console.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/util.h"

#define FNV_PRIME 0x01000193u
#define FNV_START 0x811C9DC5u
#define VARIANTS  4u /* of one recipe */

struct attempt attempt __attribute__((aligned(16)));
volatile struct outcome outcome;
volatile uint32_t attempt_number;

static uint32_t mix(uint32_t digest, uint32_t value)
{
    return (digest ^ value) * FNV_PRIME;
}

static uint32_t seed_of(uint32_t restores, uint32_t chunk)
{
    uint32_t seed = FNV_START;

    seed = mix(seed, option_number("seed", 1));
    seed = mix(seed, restores);
    seed = mix(seed, chunk);
    seed ^= seed >> 15;
    return seed == 0 ? 1 : seed;
}

/* When a tick came is not the attempt's doing. */
static uint32_t end_of(uint32_t digest)
{
    if (outcome.vector == TICK_VECTOR)
        return digest;
    return mix(mix(digest, outcome.vector), outcome.error);
}

static void run_chunk(uint32_t restores, uint32_t chunk)
{
    uint32_t state = seed_of(restores, chunk);
    uint32_t count = option_number("chunk", 1000);
    uint32_t tried = FNV_START, ended = FNV_START;

    world_fill(&state);
    world_rearm(true);
    for (uint32_t i = 0; i < count; i++) {
        bool spoils;

        if (i % VARIANTS == 0)
            recipe_make(&state, &tried);
        spoils = recipe_aim(i % VARIANTS);

        attempt_number++;
        random_launch();
        ended = end_of(ended);
        if (spoils)
            world_rearm(true);
    }
    console_init();
    print("\nrandom %u %u %u %08x %08x\n", restores, chunk, count, tried,
          ended);
}

static bool is_over(void)
{
    const char *line = console_line();

    return line != NULL && same(line, "quit");
}

void guest_main(void)
{
    uint32_t chunks = option_number("chunks", 0);
    uint32_t chunk = option_number("from", 0);
    uint32_t restores;

    world_make();
    random_enter();
    if (machine_hosted())
        inl(PORT_SNAPSHOT);
    restores = machine_hosted() ? inl(PORT_RESTORES) : 0;
    restores = option_number("replay", restores);
    for (uint32_t i = 0; chunks == 0 || i < chunks; i++) {
        run_chunk(restores, chunk + i);
        if (is_over())
            return;
    }
}
