/* SPDX-License-Identifier: BSD-2-Clause */
/* The frame table, from the boot loader's map. */
#include "kernel/start.h"

#include "arch/x86_64/image.h"
#include "arch/x86_64/paging.h"
#include "kernel/black_box_place.h"
#include "kernel/fact.h"
#include "kernel/frame.h"
#include "kernel/frame_init.h"
#include "kernel/panic.h"

static void tell_memory(void)
{
    uint64_t top = 0;

    for (unsigned i = 0; i < start.boot.range_count; i++) {
        uint64_t end = start.boot.ranges[i].end;

        top = end > top ? end : top;
    }
    fact_info("memory", "%lu MiB free, in %u ranges below %lu MiB",
              frame_count(OWNER_FREE) >> 8, start.boot.range_count, top >> 20);
    if (start.boot.ranges_ignored) {
        fact_warn("memory", "%u ranges above %u are not used",
                  start.boot.ranges_ignored, BOOT_RANGES_MAX);
    }
}

void start_memory(void)
{
    for (unsigned i = 0; i < start.boot.range_count; i++) {
        uint64_t from = start.boot.ranges[i].start;

        /* The first MiB is firmware's, and where other CPUs start. */
        from = from < 0x100000 ? 0x100000 : from;
        if (from < start.boot.ranges[i].end) {
            frame_add_memory(from, start.boot.ranges[i].end);
        }
    }
    frame_reserve((uint64_t)image_start - IMAGE_BASE,
                  (uint64_t)image_end - IMAGE_BASE, OWNER_CORE);
    frame_reserve(start.boot.info_start, start.boot.info_end, OWNER_FIRMWARE);
    for (unsigned i = 0; i < start.boot.module_count; i++) {
        frame_reserve(start.boot.modules[i].start, start.boot.modules[i].end,
                      OWNER_MODULE);
    }
    black_box_reserve(&start.boot);
    if (!start.boot.range_count || frame_table_init()) {
        start_serial(); /* ports need no memory: somebody may read this, */
        start_screen(); /* or that */
        panic("the boot loader gave no usable memory map (%u ranges)",
              start.boot.range_count);
    }
    tell_memory();
    black_box_start();
}
