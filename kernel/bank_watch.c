/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/bank_watch.h"

#include <stdint.h>

#include "arch/x86_64/mca/mca.h"
#include "kernel/run.h"
#include "kernel/time.h"

#define PERIOD_MS 1000

static uint64_t due;

static uint64_t look(uint64_t now)
{
    if (now >= due) {
        mca_poll();
        due = now + PERIOD_MS * time_per_ms();
    }
    return due;
}

void bank_watch_start(void)
{
    run_at_safe_point(look);
}
