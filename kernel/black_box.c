/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/black_box.h"

#include <stddef.h>

#include "kernel/crc32c.h"
#include "kernel/fault.h"
#include "kernel/format.h"
#include "kernel/string.h"

#define MAGIC 0x58424842 /* "BHBX" */

_Static_assert(sizeof(struct black_box) <= BLACK_BOX_SIZE, "it must fit");

static struct black_box *boxes[BLACK_BOX_COPIES];
static unsigned box_count;
static const struct black_box *earlier; /* of the boot before, or NULL */
static uint32_t last_number;

/* Each record starts with the CRC of its rest. */
static uint32_t seal_of(const void *record, size_t size)
{
    return crc32c(0, (const char *)record + sizeof(uint32_t),
                  size - sizeof(uint32_t));
}

bool black_box_is_valid(const struct black_box *box)
{
    const struct black_box_header *header = &box->header;

    return header->magic == MAGIC && header->size == sizeof(*box) &&
           header->crc == seal_of(header, sizeof(*header));
}

static bool is_of(const void *record, size_t size, uint32_t boot)
{
    const uint32_t *words = record; /* crc, boot */

    return words[1] == boot && words[0] == seal_of(record, size);
}

void black_box_open(struct black_box *const copies[], unsigned count,
                    const struct black_box *from)
{
    struct black_box_header header = {
        .magic = MAGIC, .size = sizeof(struct black_box), .boots = 1};

    if (from) {
        header.boots = from->header.boots + 1;
        header.next = from->header.next;
        for (unsigned i = 0; i < BLACK_BOX_FAULTS; i++) {
            const struct black_box_fault *fault = &from->faults[i];

            if (is_of(fault, sizeof(*fault), from->header.boots)) {
                header.next++;
            }
        }
    }
    header.crc = seal_of(&header, sizeof(header));
    last_number = 0;
    earlier = from;
    box_count = count < BLACK_BOX_COPIES ? count : BLACK_BOX_COPIES;
    for (unsigned i = 0; i < box_count; i++) {
        boxes[i] = copies[i];
        if (from) {
            memcpy(boxes[i], from, sizeof(*from));
        } else {
            memset(boxes[i], 0, sizeof(*boxes[i]));
        }
        boxes[i]->header = header;
    }
}

uint32_t black_box_boots(void)
{
    return box_count ? boxes[0]->header.boots : 0;
}

void black_box_describe(struct black_box_fault *record,
                        const struct fault *fault)
{
    format_text(record->kind, sizeof(record->kind),
                fault_kind_name(fault->kind));
    format_text(record->severity, sizeof(record->severity),
                fault_severity_name(fault->severity));
    format_text(record->context, sizeof(record->context),
                fault_context_name(fault->context));
    record->address = fault->address;
    record->detail = fault->detail;
    record->info = fault->info;
    record->rip = fault->rip;
    record->tsc = fault->tsc;
}

uint32_t black_box_next_number(void)
{
    return last_number + 1;
}

void black_box_note(const struct black_box_fault *record)
{
    struct black_box_fault sealed = *record;

    if (sealed.number > last_number) {
        last_number = sealed.number;
    }
    sealed.boot = black_box_boots();
    sealed.crc = seal_of(&sealed, sizeof(sealed));
    for (unsigned i = 0; i < box_count; i++) {
        const uint32_t at = boxes[i]->header.next + record->number;

        boxes[i]->faults[at % BLACK_BOX_FAULTS] = sealed;
    }
}

void black_box_panic(const struct black_box_panic *record)
{
    struct black_box_panic sealed = *record;

    sealed.boot = black_box_boots();
    sealed.crc = seal_of(&sealed, sizeof(sealed));
    for (unsigned i = 0; i < box_count; i++) {
        boxes[i]->panic = sealed;
    }
}

/* Of the boot before, and with a number above `above`, the least. */
static const struct black_box_fault *next_after(uint32_t above)
{
    const struct black_box_fault *found = NULL;

    for (unsigned i = 0; i < BLACK_BOX_FAULTS; i++) {
        const struct black_box_fault *fault = &earlier->faults[i];

        if (is_of(fault, sizeof(*fault), earlier->header.boots) &&
            fault->number > above &&
            (!found || fault->number < found->number)) {
            found = fault;
        }
    }
    return found;
}

const struct black_box_fault *black_box_earlier(unsigned n)
{
    const struct black_box_fault *fault = NULL;

    if (!box_count || !earlier) {
        return NULL;
    }
    fault = next_after(0);
    while (fault && n--) {
        fault = next_after(fault->number);
    }
    return fault;
}

const struct black_box_panic *black_box_earlier_panic(void)
{
    if (!box_count || !earlier ||
        !is_of(&earlier->panic, sizeof(earlier->panic),
               earlier->header.boots)) {
        return NULL;
    }
    return &earlier->panic;
}
