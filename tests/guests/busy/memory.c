/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/busy/busy.h"

#include "tests/guests/lib/check.h"
#include "tests/guests/lib/cpu.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/paging.h"
#include "tests/guests/lib/util.h"

#define CHANGES     200u
#define COPY        4096u
#define CHECK_EVERY 8u /* rounds between two looks at all of it */

static uint32_t *const buffer = (uint32_t *)image_end;
static uint32_t words, total, prng = 77;

static uint32_t sum(void)
{
    uint32_t value = 0;

    for (uint32_t i = 0; i < words; i++)
        value += buffer[i] * (2 * i + 1);
    return value;
}

void busy_memory_start(uint32_t kib)
{
    uint32_t room = (machine_ram_end() - (uint32_t)buffer) / 4;

    words = kib * 256 < room ? kib * 256 : room;
    for (uint32_t i = 0; i < words; i++)
        buffer[i] = prng_next(&prng);
    total = sum();
}

/* Changes words all over, and moves a page by string instructions. */
bool busy_memory(uint32_t round)
{
    static uint8_t copy[2][COPY];

    for (uint32_t n = 0; n < CHANGES; n++) {
        uint32_t i = prng_next(&prng) % words, old = buffer[i];

        buffer[i] = old * 5 + round;
        total += (buffer[i] - old) * (2 * i + 1);
    }
    memset(copy[0], (int)(round & 0xFF), COPY);
    memcpy(copy[1], copy[0], COPY);
    for (uint32_t i = 0; i < COPY; i++) {
        if (copy[1][i] != (uint8_t)round)
            return false;
    }
    return round % CHECK_EVERY != 0 || sum() == total;
}

/* One address leads to two pages by turns; the entries say what was used. */
bool busy_pages(uint32_t round)
{
    static uint32_t pages[2][1024] __attribute__((aligned(4096)));
    uint32_t number = round % 1024, at = WINDOW + number * 4096;
    volatile uint32_t *entry = paging_window(number);
    bool good = true;

    for (uint32_t i = 0; i < 2; i++) {
        *entry = (uint32_t)pages[i] | PTE_PRESENT | PTE_WRITE;
        invlpg(at);
        good = (*entry & PTE_DIRTY) == 0 && good;
        mmio_write(at + 64, round * 2 + i);
        good = (*entry & PTE_DIRTY) != 0 && good;
    }
    write_cr3(read_cr3());
    good = mmio_read(at + 64) == round * 2 + 1 && good;
    *entry = 0;
    invlpg(at);
    return good && pages[0][16] == round * 2 && pages[1][16] == round * 2 + 1;
}

/* A function written anew each time: mov $value, %eax; ret. */
bool busy_code(uint32_t round)
{
    static uint8_t code[4096] __attribute__((aligned(4096)));
    uint8_t *at = &code[(round * 7) % 4000];
    uint32_t value = round * 0x10001u, got;

    at[0] = 0xB8;
    memcpy(at + 1, &value, 4);
    at[5] = 0xC3;
    __asm__ volatile("call *%1" : "=a"(got) : "r"(at) : "memory");
    if (got != value)
        return false;
    at[1] ^= 0xFF;
    __asm__ volatile("call *%1" : "=a"(got) : "r"(at) : "memory");
    return got == (value ^ 0xFF);
}
