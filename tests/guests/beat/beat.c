/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A heartbeat whose sums depend on everything since the start (beat_model.py
 * computes the same), and faults on request over the console.
 *
 * size=KIB (a power of two) change=WORDS period=MS every=N beats=N seed=S
 * tick=MS snapshot=N (take one each N beats) cause=WORD at=N (a fault by
 * itself at beat N, once in the life of the machine) panic (raise pvpanic
 * where memory is found damaged) pages (run with paging on)
 */
#include "tests/guests/beat/beat.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/check.h"
#include "tests/guests/lib/clock.h"
#include "tests/guests/lib/console.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/paging.h"
#include "tests/guests/lib/trap.h"
#include "tests/guests/lib/util.h"

#define TICK_VECTOR 0x40u
#define TEXT_START  0x9E3779B9u

static volatile uint32_t ticks;
static struct beat beat;
static uint32_t text_sum;

static void on_tick(struct trap_frame *frame)
{
    (void)frame;
    ticks++;
    apic_eoi();
}

/* Code and constants are guarded as the buffer is. */
static uint32_t sum_text(void)
{
    const uint32_t *at = (const uint32_t *)image_start;
    uint32_t sum = TEXT_START;

    for (; (const char *)at < image_text_end; at++)
        sum = (sum << 5 | sum >> 27) ^ *at;
    return sum;
}

static void damaged(const char *what)
{
    check_failed("memory", "%s damaged at beat %u", what, beat.number);
    if (option("panic"))
        outb(PORT_PVPANIC, 1);
    check_done();
}

static void snapshot(void)
{
    uint32_t n = inl(PORT_SNAPSHOT);

    print("snapshot returned %u\n", n);
}

static void one_beat(void)
{
    uint32_t every = option_number("every", 1);
    uint32_t taken = option_number("snapshot", 0);

    beat_step(&beat);
    if (!beat_intact(&beat))
        damaged("buffer");
    if (sum_text() != text_sum)
        damaged("text");
    if (machine_hosted())
        outl(PORT_HEARTBEAT, beat.number);
    if (every != 0 && beat.number % every == 0)
        print("beat %u %08x\n", beat.number, beat.history);
    if (machine_hosted() && taken != 0 && beat.number % taken == 0)
        snapshot();
}

/* The fault that the command line ordered; it must not repeat for ever. */
static void ordered_fault(void)
{
    if (option("at") && beat.number == option_number("at", 0) &&
        (!machine_hosted() || inl(PORT_RESTORES) == 0))
        beat_ordered();
}

static void obey(const char *line)
{
    if (same(line, "snapshot"))
        snapshot();
    else if (same(line, "quit"))
        check_done();
    else if (!beat_command(line))
        print("what is %s?\n", line);
}

static void start_ticks(uint32_t ms)
{
    apic_init();
    clock_init();
    trap_set(TICK_VECTOR, on_tick);
    apic_timer(TICK_VECTOR, clock_timer_khz() * ms, true);
    cpu_sti();
}

static void start_beat(void)
{
    uint32_t words = option_number("size", 1024) * 256;
    uint32_t *buffer = (uint32_t *)(((uint32_t)image_end + 4095) & ~4095u);

    if (words == 0 || (words & (words - 1)) != 0 ||
        (uint32_t)(buffer + words) > machine_ram_end()) {
        check_failed("size", "%u words, ram to %x", words, machine_ram_end());
        check_done();
    }
    beat_start(&beat, buffer, words, option_number("change", 64),
               option_number("seed", 1));
    text_sum = sum_text();
    print("beat start size %u change %u seed %u\n", words / 256, beat.change,
          option_number("seed", 1));
}

void guest_main(void)
{
    uint32_t tick = option_number("tick", 10);
    uint32_t period = option_number("period", 100) / (tick == 0 ? 1 : tick);
    uint32_t last = option_number("beats", 0);
    uint32_t next = 0;

    if (option("pages"))
        paging_on();
    start_beat();
    start_ticks(tick == 0 ? 1 : tick);
    for (;;) {
        const char *line = console_line();

        if (line != NULL)
            obey(line);
        cpu_cli();
        if ((int32_t)(ticks - next) < 0) {
            cpu_sti_hlt();
            continue;
        }
        cpu_sti();
        next = ticks + period;
        one_beat();
        ordered_fault();
        if (last != 0 && beat.number >= last) {
            check(true, "beat");
            check_done();
        }
    }
}
