/* SPDX-License-Identifier: BSD-2-Clause */
/* Everything about the machine that a restore must bring back. */
#ifndef GUESTS_CRASH_CRASH_H
#define GUESTS_CRASH_CRASH_H

#include <stdbool.h>
#include <stdint.h>

#define CRASH_VECTOR 0x61u /* sent before the snapshot, taken after it */
#define CRASH_TIMER  0x62u
#define HOLE         0xD0000000u

struct gprs {
    uint32_t eax, ebx, ecx, edx, esi, edi, ebp, esp, eflags;
};

struct gprs64 {
    uint64_t in[16], out[16];
};

uint32_t snap_port(const struct gprs *in, struct gprs *out);
uint32_t snap_vmcall(const struct gprs *in, struct gprs *out);
extern const char snap_long[], deed_write[], deed_jump[];

struct crime {
    const char *name;
    void (*commit)(void); /* null: snapshot and deed are in long mode */
    const char *deed;
    uint64_t address; /* what deed is about */
    bool opt_in;      /* only where cause= names it */
};

extern const struct crime crimes[];
extern const uint32_t crimes_count;

/* Set the machine up in a way that depends on flavour; no two are equal. */
void state_set(uint32_t flavour);

/* Note all of the machine's registers as they are now. */
void state_capture(void);

/* How far the local APIC timer has counted down since it was noted. */
uint32_t state_timer_moved(void);

/* Compare with what was noted; print each difference; true without any. */
bool state_unchanged(const char *name);

/* Fill memory of kib KiB from flavour, and note its sum. */
void memory_fill(uint32_t kib, uint32_t flavour);

/* Spoil part of it. */
void memory_spoil(void);

/* Is its sum as noted? */
bool memory_intact(void);

#endif
