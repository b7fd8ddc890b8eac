/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The black box: records in memory that a warm reset does not clear, for the
 * boot after a panic. Two copies far apart, since firmware and boot loaders
 * use some memory for themselves; each record has a CRC32C of its own, so
 * that one that was cut off by the reset does not spoil the others. Plain
 * data and texts, no pointers: another build must be able to read it.
 */
#ifndef KERNEL_BLACK_BOX_H
#define KERNEL_BLACK_BOX_H

#include <stdbool.h>
#include <stdint.h>

struct fault;

#define BLACK_BOX_SIZE   16384u /* bytes of a copy, from a page boundary on */
#define BLACK_BOX_COPIES 2
#define BLACK_BOX_FAULTS 48 /* the newest are kept */
#define BLACK_BOX_TRACE  16

/* A fault, and what was done about it once that is known. */
struct black_box_fault {
    uint32_t crc;    /* of what follows */
    uint32_t boot;   /* in which boot; from 1 */
    uint32_t number; /* of the journal's entry in that boot */
    char vm[16], kind[12], severity[12], context[8];
    char action[12]; /* "" while it is not known */
    char outcome[12];
    uint64_t address, detail, info, rip;
    uint64_t tsc;   /* at detection */
    uint64_t ticks; /* until the decision to go on */
    uint64_t pages;
};

/* The core's end. */
struct black_box_panic {
    uint32_t crc;
    uint32_t boot;
    char what[160];
    uint8_t build[20]; /* the image's id: the trace's addresses are its */
    uint32_t cpu, served_vm, core_depth, trace_count;
    uint64_t rip, rsp, rflags, cr2, cr3;
    uint64_t trace[BLACK_BOX_TRACE];
};

struct black_box_header {
    uint32_t crc;
    uint32_t magic;
    uint32_t size;  /* of struct black_box: its layout */
    uint32_t boots; /* since power-on, this one included */
    uint32_t next;  /* records of faults that earlier boots have opened */
};

struct black_box {
    struct black_box_header header;
    struct black_box_fault faults[BLACK_BOX_FAULTS];
    struct black_box_panic panic;
};

/* Is there a box of this layout? Its header is sound, no more is said. */
bool black_box_is_valid(const struct black_box *box);

/* Starts a boot: copies[0..count-1] are ours from now on; from is the box
 * that was found (not one of copies, which are slow to read; it is kept), or
 * NULL when there is none. Without this, and with count 0, all other functions
 * do nothing. */
void black_box_open(struct black_box *const copies[], unsigned count,
                    const struct black_box *from);

/* Boots since power-on, this one included; 0: not open. */
uint32_t black_box_boots(void);

/* Fills in what a fault itself tells; number, vm and what was done are left. */
void black_box_describe(struct black_box_fault *record,
                        const struct fault *fault);

/* Writes record number `number` of this boot (boot and crc are filled in), or
 * writes it again. Takes no lock: for safe points, and for a panic. */
void black_box_note(const struct black_box_fault *record);

/* A number that no record of this boot has yet. */
uint32_t black_box_next_number(void);

/* Writes the core's last words. */
void black_box_panic(const struct black_box_panic *record);

/* What the boot before this one left: its nth fault, the oldest first; NULL
 * when there are no more. */
const struct black_box_fault *black_box_earlier(unsigned n);

/* ... and its panic; NULL when it had none. */
const struct black_box_panic *black_box_earlier_panic(void);

#endif
