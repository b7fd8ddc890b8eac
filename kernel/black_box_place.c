/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/black_box_place.h"

#include <stddef.h>

#include "arch/x86_64/image.h"
#include "arch/x86_64/paging.h"
#include "kernel/black_box.h"
#include "kernel/boot_info.h"
#include "kernel/frame_init.h"
#include "kernel/frame.h"
#include "kernel/string.h"

#define LOWEST 0x2000000ul /* 32 MiB */

static uint64_t places[BLACK_BOX_PLACES]; /* that fit, the lowest first */
static unsigned place_count, copy_count;

uint64_t black_box_place(unsigned n)
{
    return (LOWEST << n) - BLACK_BOX_SIZE;
}

static bool overlaps(uint64_t place, uint64_t start, uint64_t end)
{
    return place < end && place + BLACK_BOX_SIZE > start;
}

bool black_box_fits(uint64_t place, const struct boot_info *boot,
                    uint64_t image)
{
    bool inside = false;

    for (unsigned i = 0; i < boot->range_count; i++) {
        inside = inside || (place >= boot->ranges[i].start &&
                            place + BLACK_BOX_SIZE <= boot->ranges[i].end);
    }
    for (unsigned i = 0; i < boot->module_count; i++) {
        inside = inside &&
                 !overlaps(place, boot->modules[i].start, boot->modules[i].end);
    }
    return inside && place >= image &&
           !overlaps(place, boot->info_start, boot->info_end);
}

void black_box_reserve(const struct boot_info *boot)
{
    for (unsigned i = 0; i < BLACK_BOX_PLACES; i++) {
        uint64_t place = black_box_place(i);

        if (black_box_fits(place, boot, (uint64_t)image_end - IMAGE_BASE)) {
            places[place_count++] = place;
        }
    }
    while (copy_count < BLACK_BOX_COPIES && copy_count < place_count) {
        uint64_t place = places[place_count - ++copy_count];

        frame_reserve(place, place + BLACK_BOX_SIZE, OWNER_CORE);
    }
}

static void copy_place(struct black_box *to, uint64_t place)
{
    for (uint64_t done = 0; done < sizeof(*to); done += PAGE_SIZE) {
        uint64_t left = sizeof(*to) - done;

        memcpy((char *)to + done, temp_map(TEMP_OTHER, place + done),
               left < PAGE_SIZE ? left : PAGE_SIZE);
        temp_unmap(TEMP_OTHER);
    }
}

/* The valid box with the highest count of boots. */
static const struct black_box *find_earlier(struct black_box *work)
{
    uint64_t best = 0;
    uint32_t boots = 0;

    for (unsigned i = 0; i < place_count; i++) {
        const struct black_box *box = temp_map(TEMP_OTHER, places[i]);

        if (black_box_is_valid(box) && box->header.boots > boots) {
            boots = box->header.boots;
            best = places[i];
        }
        temp_unmap(TEMP_OTHER);
    }
    if (!best) {
        return NULL;
    }
    copy_place(work, best);
    return work;
}

/* Uncached: a reset may drop what is in a cache and not yet in memory. */
void black_box_start(void)
{
    struct black_box *copies[BLACK_BOX_COPIES];
    struct black_box *work = core_alloc(sizeof(*work));
    const struct black_box *earlier = work ? find_earlier(work) : NULL;
    unsigned count = 0;

    for (unsigned i = 0; i < copy_count; i++) {
        void *copy = device_map(places[place_count - 1 - i], BLACK_BOX_SIZE);

        if (copy) {
            copies[count++] = copy;
        }
    }
    black_box_open(copies, count, earlier);
}
