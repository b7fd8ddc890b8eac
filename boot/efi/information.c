/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/efi/information.h"

#include "boot/efi/multiboot2.h"
#include "kernel/errno.h"
#include "kernel/string.h"

struct tag {
    uint32_t type, size;
};

struct map_head {
    uint32_t entry_size, entry_version;
};

static size_t align(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

/* What every tag has: its place is cleared, for the gap behind it. */
static char *new_tag(struct efi_information *info, uint32_t type, size_t size)
{
    const size_t whole = sizeof(struct tag) + size;
    char *at = info->buffer + info->used;

    if (info->full || size > info->size ||
        align(whole) > info->size - info->used) {
        info->full = true;
        return NULL;
    }
    memset(at, 0, align(whole));
    memcpy(at, &(struct tag){type, (uint32_t)whole}, sizeof(struct tag));
    info->used += align(whole);
    return at + sizeof(struct tag);
}

void information_begin(struct efi_information *info, void *buffer, size_t size)
{
    *info = (struct efi_information){buffer, size & ~(size_t)7, 8, size < 8};
}

void information_add(struct efi_information *info, uint32_t type,
                     const void *head, size_t head_size, const void *data,
                     size_t size)
{
    char *at = new_tag(info, type, head_size + size);

    if (at) {
        memcpy(at, head, head_size);
        memcpy(at + head_size, data, size);
    }
}

void information_add_text(struct efi_information *info, uint32_t type,
                          const char *text)
{
    information_add(info, type, "", 0, text, strlen(text) + 1);
}

void information_add_module(struct efi_information *info, uint64_t start,
                            uint64_t end, const char *words)
{
    const uint32_t place[2] = {(uint32_t)start, (uint32_t)end};

    information_add(info, MB2_MODULE, place, sizeof(place), words,
                    strlen(words) + 1);
}

void *information_begin_map(struct efi_information *info, size_t count)
{
    const struct map_head head = {sizeof(struct mb2_memory), 0};
    char *at;

    if (count > info->size / sizeof(struct mb2_memory)) {
        info->full = true;
        return NULL;
    }
    at = new_tag(info, MB2_MEMORY_MAP,
                 sizeof(head) + count * sizeof(struct mb2_memory));
    if (!at) {
        return NULL;
    }
    memcpy(at, &head, sizeof(head));
    return at + sizeof(head);
}

void information_shrink_map(struct efi_information *info, void *map,
                            size_t count)
{
    char *start = (char *)map - sizeof(struct map_head) - sizeof(struct tag);
    const size_t size = sizeof(struct tag) + sizeof(struct map_head) +
                        count * sizeof(struct mb2_memory);
    const struct tag tag = {MB2_MEMORY_MAP, (uint32_t)size};

    memcpy(start, &tag, sizeof(tag));
    info->used = (size_t)(start - info->buffer) + size;
}

int information_end(struct efi_information *info)
{
    new_tag(info, MB2_END, 0);
    if (info->full) {
        return -ENOSPC;
    }
    memcpy(info->buffer, &(uint32_t[2]){(uint32_t)info->used, 0}, 8);
    return 0;
}
