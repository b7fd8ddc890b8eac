/* SPDX-License-Identifier: BSD-2-Clause */
/* What one machine-check bank says, as a severity. Pure. */
#ifndef ARCH_X86_64_MCA_SEVERITY_H
#define ARCH_X86_64_MCA_SEVERITY_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/fault.h"

/* One bank as it was read, and the circumstances. */
struct mca_record {
    uint64_t mcg_status;
    uint64_t mcg_cap;
    uint64_t status;  /* IA32_MCi_STATUS */
    uint64_t address; /* IA32_MCi_ADDR, any value without ADDRV */
    uint64_t misc;    /* IA32_MCi_MISC, any value without MISCV */
    uint8_t bank;
    bool in_exception; /* false: polled, or a CMCI */
    enum fault_context context;
    bool fixup; /* the root RIP has a fix-up entry */
};

/*
 * Classifies a record by the first row of a fixed table that matches; its
 * index goes to *row when row is not NULL. Never fails: the last row
 * matches everything. MCG_STATUS counts only in an exception. Without
 * MCG_CAP.SER_P the S and AR bits mean nothing and every uncorrected error
 * is fatal. An error consumed in root mode without a fix-up is
 * SEVERITY_ACTION while a VM is served (root leaves by the abandon point)
 * and SEVERITY_FATAL in core code. Rows: SDM vol. 3, 15.6.3 and 15.9.3.
 */
enum fault_severity mca_severity(const struct mca_record *record,
                                 unsigned *row);

/* The number of rows. */
unsigned mca_severity_rows(void);

/* What a row says, for people; "?" for an index that is out of range. */
const char *mca_severity_row_name(unsigned row);

/*
 * The host-physical address of the error with the bits below *lsb cleared;
 * *lsb is 0 to 51 (6: a cache line, 12: a page). False, and nothing is
 * written, unless the record has SER_P, VAL, ADDRV and MISCV, the mode is
 * physical and at least one address bit is valid (SDM vol. 3, 15.3.2.4).
 */
bool mca_address(const struct mca_record *record, uint64_t *address,
                 uint8_t *lsb);

/*
 * Fills in what a record tells: kind, severity, context, has_address,
 * address, lsb, restartable, detail (MCi_STATUS) and info (MCG_STATUS).
 * The caller fills in vm, vcpu, cpu, injected, rip and tsc.
 * `restartable` is RIPV, but true when polled (nothing was interrupted). With
 * SEVERITY_ACTION in root it tells where to return: true, to the fix-up;
 * false, to the abandon point.
 */
void mca_to_fault(const struct mca_record *record, struct fault *fault);

#endif
