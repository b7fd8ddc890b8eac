/* SPDX-License-Identifier: BSD-2-Clause */
/* What the banks of this CPU say, through the overlay. */
#ifndef ARCH_MCA_BANK_H
#define ARCH_MCA_BANK_H

#include <stdbool.h>

#include "arch/x86_64/mca/severity.h"

/* How many there are to be looked at, at most MCA_BANKS_MAX. */
unsigned mca_bank_count(void);

/* A bank's record; context, fix-up and exception are the caller's to say. */
struct mca_record mca_bank_read(unsigned bank);

/* Is there anything in it? A read of one MSR. */
bool mca_bank_holds_error(unsigned bank);

#endif
