/* SPDX-License-Identifier: BSD-2-Clause */
#include "ft/verify.h"

#include "ft/mirror.h"
#include "kernel/crc32c.h"
#include "kernel/errno.h"
#include "kernel/string.h"
#include "kernel/time.h"
#include "vmm/guest.h"

/* It was cleared before it was filled: padding counts as 0. */
uint32_t verify_state_crc(const struct guest_state *state)
{
    return crc32c(0, state, sizeof(*state));
}

/* As rustc's FxHash: a multiplication by an odd number loses nothing, and the
 * rotation lets high bits count. Another function than that of the copies,
 * which it has to judge; and emulators are slow at CRC32C. */
#define MULTIPLIER 0x517cc1b727220a95ul

static inline uint64_t mix(uint64_t hash, uint64_t word)
{
    return ((hash << 5 | hash >> 59) ^ word) * MULTIPLIER;
}

/* Two chains side by side; straight on, since in an emulator each instruction
 * counts. */
static uint64_t hash_page(const void *page)
{
    const uint64_t *word = page;
    const uint64_t *const end = word + PAGE_BYTES / sizeof(*word);
    uint64_t even = 1, odd = 2;

    for (; word < end; word += 8) {
        even = mix(mix(mix(mix(even, word[0]), word[2]), word[4]), word[6]);
        odd = mix(mix(mix(mix(odd, word[1]), word[3]), word[5]), word[7]);
    }
    return mix(even, odd);
}

uint64_t verify_mix(uint64_t hash, const void *page)
{
    return mix(hash, hash_page(page));
}

int verify_hash(struct guest *guest, const struct snapshot *s,
                struct generation *generation, struct work *work)
{
    if (!generation->hashes) {
        return 0;
    }
    for (uint64_t page = work->next; page < s->pages; page++) {
        if (guest_has_page(guest, page << 12)) {
            generation->hashes[page] = hash_page(mirror_ram(s, page));
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
    const uint64_t *hashes = s->generations[s->newest].hashes;

    s->verify.pages++;
    if (hash_page(mirror_ram(s, page)) == hashes[page]) {
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
