/* SPDX-License-Identifier: BSD-2-Clause */
#include "ft/budget.h"
#include "kernel/errno.h"

int budget_init(struct budget *budget, uint32_t limit, uint32_t window_ms,
                uint32_t khz)
{
    *budget = (struct budget){.limit = 0};
    if (limit > BUDGET_EVENTS_MAX)
        return -ERANGE;
    if (khz == 0)
        return -EINVAL;
    budget->limit = limit;
    budget->window = (uint64_t)window_ms * khz;
    return 0;
}

static bool is_in_window(const struct budget *budget, uint64_t event,
                         uint64_t now)
{
    return event > now || now - event < budget->window;
}

uint32_t budget_used(const struct budget *budget, uint64_t now)
{
    uint32_t used = 0;

    for (uint32_t i = 0; i < budget->count; i++)
        used += is_in_window(budget, budget->event[i], now);
    return used;
}

bool budget_spend(struct budget *budget, uint64_t now)
{
    if (budget_used(budget, now) >= budget->limit)
        return false;
    budget->event[budget->next] = now;
    budget->next = (budget->next + 1) % budget->limit;
    if (budget->count < budget->limit)
        budget->count++;
    return true;
}
