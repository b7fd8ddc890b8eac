/* SPDX-License-Identifier: BSD-2-Clause */
/* At most so many events within a sliding window: stops restore loops. */
#ifndef FT_BUDGET_H
#define FT_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#define BUDGET_EVENTS_MAX 64

/* Plain data; times are host TSC ticks. */
struct budget {
    uint64_t window; /* ticks */
    uint32_t limit;  /* at most BUDGET_EVENTS_MAX */
    uint32_t next;   /* where the next event goes, over the oldest one */
    uint32_t count;  /* events held, at most limit */
    uint64_t event[BUDGET_EVENTS_MAX];
};

/* An empty budget of `limit` events in any `window_ms` milliseconds; `khz`
 * is the TSC's frequency. -ERANGE when limit is above BUDGET_EVENTS_MAX,
 * -EINVAL when khz is 0; *budget then allows nothing. */
int budget_init(struct budget *budget, uint32_t limit, uint32_t window_ms,
                uint32_t khz);

/* Events less than one window old. An event later than `now` counts (TSCs of
 * two CPUs may differ a little). */
uint32_t budget_used(const struct budget *budget, uint64_t now);

/* Records an event; false, and records nothing, when the limit is reached. */
bool budget_spend(struct budget *budget, uint64_t now);

#endif
