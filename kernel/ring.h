/* SPDX-License-Identifier: BSD-2-Clause */
/* A ring of bytes for one writer and one reader. */
#ifndef KERNEL_RING_H
#define KERNEL_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
    char *data;
    uint32_t size;                /* a power of two */
    volatile uint32_t head, tail; /* written at head, read at tail */
    uint64_t lost;                /* bytes that found no room */
};

static inline uint32_t ring_used(const struct ring *ring)
{
    return ring->head - ring->tail;
}

static inline uint32_t ring_room(const struct ring *ring)
{
    return ring->size - ring_used(ring);
}

/* False, and the byte counted as lost, when there is no room. */
static inline bool ring_put(struct ring *ring, char c)
{
    if (!ring_room(ring)) {
        ring->lost++;
        return false;
    }
    ring->data[ring->head & (ring->size - 1)] = c;
    asm volatile("" ::: "memory");
    ring->head++;
    return true;
}

/* All n bytes or none, even if it is cut off by an exception: they are there
 * with one store. Counts n as lost when there is no room. */
static inline bool ring_write(struct ring *ring, const char *text, size_t n)
{
    if (ring_room(ring) < n) {
        ring->lost += n;
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        ring->data[(ring->head + (uint32_t)i) & (ring->size - 1)] = text[i];
    }
    asm volatile("" ::: "memory");
    ring->head += (uint32_t)n;
    return true;
}

static inline bool ring_get(struct ring *ring, char *c)
{
    if (!ring_used(ring)) {
        return false;
    }
    *c = ring->data[ring->tail & (ring->size - 1)];
    asm volatile("" ::: "memory");
    ring->tail++;
    return true;
}

#endif
