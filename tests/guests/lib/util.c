/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guests/lib/util.h"

uint64_t divide(uint64_t value, uint32_t by, uint32_t *rest)
{
    uint32_t high = (uint32_t)(value >> 32);
    uint32_t low = (uint32_t)value;
    uint32_t quotient_high = high / by;
    uint32_t quotient_low, remainder;

    __asm__("divl %4"
            : "=a"(quotient_low), "=d"(remainder)
            : "a"(low), "d"(high % by), "rm"(by)
            : "cc");
    if (rest != NULL)
        *rest = remainder;
    return (uint64_t)quotient_high << 32 | quotient_low;
}

bool same(const char *a, const char *b)
{
    while (*a != 0 && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

void *memset(void *to, int value, size_t n)
{
    void *at = to;

    __asm__ volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(value) : "memory");
    return to;
}

void *memcpy(void *to, const void *from, size_t n)
{
    void *at = to;

    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(n) : : "memory");
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    char *d = to;
    const char *s = from;

    if (d <= s)
        return memcpy(to, from, n);
    while (n-- > 0)
        d[n] = s[n];
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const unsigned char *x = a, *y = b;

    for (size_t i = 0; i < n; i++) {
        if (x[i] != y[i])
            return x[i] - y[i];
    }
    return 0;
}
