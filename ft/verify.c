/* SPDX-License-Identifier: BSD-2-Clause */
#include "ft/verify.h"

#include "ft/mirror.h"
#include "kernel/crc32c.h"
#include "kernel/errno.h"
#include "kernel/string.h"
#include "kernel/time.h"
#include "vmm/guest.h"

_Static_assert(sizeof(struct guest_state) % PAGE_BYTES == 0,
               "the local APIC's page makes it whole pages");

/* The CRC of the CRCs of its pages: a page is hashed fast. */
uint32_t verify_state_crc(const struct guest_state *state)
{
    uint32_t crcs[sizeof(*state) / PAGE_BYTES];

    for (unsigned i = 0; i < sizeof(*state) / PAGE_BYTES; i++) {
        crcs[i] = crc32c_page((const uint8_t *)state + i * PAGE_BYTES);
    }
    return crc32c(0, crcs, sizeof(crcs));
}

int verify_hash(struct guest *guest, const struct snapshot *s,
                struct generation *generation, struct work *work)
{
    if (!generation->hashes) {
        return 0;
    }
    for (uint64_t page = work->next; page < s->pages; page++) {
        if (guest_has_page(guest, page << 12)) {
            generation->hashes[page] = crc32c_page(mirror_ram(s, page));
        }
        if (page % WORK_CHUNK == 0 && time_now() >= work->until) {
            work->next = page + 1;
            return -EAGAIN;
        }
    }
    return 0;
}

static void compare_page(struct snapshot *s, uint64_t page)
{
    const uint32_t *hashes = s->generations[s->newest].hashes;

    s->verify.pages++;
    if (crc32c_page(mirror_ram(s, page)) == hashes[page]) {
        return;
    }
    if (!s->verify.mismatches++) {
        s->verify.first = page;
    }
}

int verify_ram(struct guest *guest, struct snapshot *s, struct work *work)
{
    for (uint64_t page = work->next; page < s->pages; page++) {
        if (guest_has_page(guest, page << 12)) {
            compare_page(s, page);
        }
        if (page % WORK_CHUNK == 0 && time_now() >= work->until) {
            work->next = page + 1;
            return -EAGAIN;
        }
    }
    return 0;
}

/* The clock has gone on in between, and only the clock. */
void verify_state(struct guest *guest, struct snapshot *s,
                  const struct generation *generation)
{
    guest_save(guest, s->scratch);
    s->scratch->tsc = generation->state->tsc;
    if (memcmp(s->scratch, generation->state, sizeof(*s->scratch)) != 0) {
        s->verify.state_differs = true;
        s->verify.mismatches++;
    }
}
