/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/platform/platform.h"

#include "tests/guests/lib/apic.h"
#include "tests/guests/lib/check.h"
#include "tests/guests/lib/console.h"
#include "tests/guests/lib/machine.h"
#include "tests/guests/lib/paging.h"
#include "tests/guests/lib/trap.h"
#include "tests/guests/lib/util.h"

#define MEGABYTE 0x100000u
#define PLAIN    0x9000u /* low memory that nobody uses */
#define ROM      0xF0000u

extern const char platform_long_code[];

static void holes(void)
{
    volatile uint8_t *hole = (volatile uint8_t *)0xD0000000u;

    check_equal("memory.hole_byte", hole[0], 0xFF);
    check_equal("memory.hole_long", mmio_read(0xD0000FFE), 0xFFFFFFFFu);
    check_equal("memory.hole_end", mmio_read(machine_ram_end()), 0xFFFFFFFFu);
    check_equal("memory.hole_hpet", mmio_read(0xFED00000), 0xFFFFFFFFu);
    check_equal("memory.hole_top", mmio_read(0xFFFFFFFC), 0xFFFFFFFFu);
    check_equal("memory.hole_edge", mmio_read(machine_ram_end() - 2) >> 16,
                0xFFFF);
    memcpy((void *)PLAIN, (const void *)0xD0000000u, 64);
    check_equal("memory.hole_string", mmio_read(PLAIN + 60), 0xFFFFFFFFu);
}

/* With the A20 line shut, one megabyte up would be the same memory. */
static void a20(void)
{
    uint32_t low = (uint32_t)image_end - MEGABYTE, kept, high;

    if (low + 4 > 0x9F000u) {
        check_skip("memory.a20", "image too large");
        return;
    }
    kept = mmio_read(low);
    mmio_write(low, 0x11111111);
    mmio_write(low + MEGABYTE, 0x22222222);
    high = mmio_read(low);
    mmio_write(low, kept);
    check_equal("memory.a20", high, 0x11111111);
}

static void map(void)
{
    uint32_t length, lowest = 1, found = 0;
    const uint8_t *at = machine_memory_map(&length);

    for (uint32_t i = 0; at != NULL && i + 24 <= length;) {
        const uint32_t *entry = (const uint32_t *)(const void *)(at + i);

        if (entry[5] == 1 && entry[1] == 0)
            lowest = 0;
        if (entry[5] == 1 && entry[1] <= MEGABYTE)
            found = entry[1] + entry[3];
        i += entry[0] + 4;
    }
    check_equal("memory.map_from_0", lowest, 0);
    check(found >= machine_ram_end(), "memory.map_agrees");
}

static void ram(void)
{
    uint32_t last = machine_ram_end() - 4;

    mmio_write(last, 0xCAFE0001u);
    check_equal("memory.last_word", mmio_read(last), 0xCAFE0001u);
    __asm__ volatile("lock xaddl %0, (%1)"
                     :
                     : "r"(1), "r"(last)
                     : "memory", "cc");
    check_equal("memory.locked", mmio_read(last), 0xCAFE0002u);
    mmio_read(ROM);
    check(true, "memory.rom_read");
}

void platform_memory(void)
{
    map();
    ram();
    a20();
    if (machine_hosted())
        holes();
}

static uint32_t try_write(uint32_t address, uint32_t value)
{
    return TRAP_TRY("movl %0, (%1)", : : "r"(value), "r"(address) : "memory");
}

static void window(void)
{
    uint32_t a = ((uint32_t)image_end + 4095) & ~4095u, b = a + 4096;
    volatile uint32_t *entry = paging_window(7);
    uint32_t at = WINDOW + 7 * 4096;

    *entry = a | PTE_PRESENT | PTE_WRITE;
    mmio_write(at, 0xAAAA);
    check_equal("paging.dirty", *entry & 0x60, PTE_ACCESSED | PTE_DIRTY);
    *entry = b | PTE_PRESENT | PTE_WRITE;
    invlpg(at);
    mmio_write(at, 0xBBBB);
    check_equal("paging.first", mmio_read(a), 0xAAAA);
    check_equal("paging.second", mmio_read(b), 0xBBBB);
    *entry = a | PTE_PRESENT;
    invlpg(at);
    check_equal("paging.write_protect", try_write(at, 1), TRAP_PF);
    check_equal("paging.write_error", trap_error & 0x1F, 3);
    check_equal("paging.cr2", read_cr2(), at);
    *entry = 0;
    invlpg(at);
    check_equal("paging.absent", try_write(at + 8, 1), TRAP_PF);
    check_equal("paging.absent_error", trap_error & 0x1F, 2);
    check_equal("paging.absent_cr2", read_cr2(), at + 8);
    *entry = LAPIC_BASE | PTE_PRESENT | PTE_WRITE;
    check_equal("paging.lapic_mapped", mmio_read(at + APIC_VERSION),
                mmio_read(LAPIC_BASE + APIC_VERSION));
}

void platform_paging(void)
{
    paging_on();
    check((read_cr0() & CR0_PG) != 0, "paging.on");
    window();
    paging_off();
    check((read_cr0() & CR0_PG) == 0, "paging.off");
}

void platform_long(void)
{
    static uint64_t out[8];

    if (!long_mode_available()) {
        check_skip("long", "not offered");
        return;
    }
    check_equal("long.call", long_mode_call(platform_long_code, out), 64);
    check_equal("long.r8_r15", out[0], 0x0123456789ABCDEFull * 36);
    check_equal("long.efer", out[1] & 0x500, 0x500);
    check_equal("long.apic_version", out[2],
                mmio_read(LAPIC_BASE + APIC_VERSION));
    check_equal("long.swapgs", out[3], 0x1234789AB000ull);
    check_equal("long.cr8", out[4], 5);
    check_equal("long.tpr", out[5], 0x50);
    check_equal("long.apic_r12", out[6], mmio_read(LAPIC_BASE + APIC_VERSION));
    check_equal("long.back_efer", rdmsr(MSR_EFER) & 0x500, 0);
    apic_write(APIC_TPR, 0);
}
