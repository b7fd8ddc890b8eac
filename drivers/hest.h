/* SPDX-License-Identifier: BSD-2-Clause */
/* ACPI's Hardware Error Source Table: who sees an error first. */
#ifndef DRIVERS_HEST_H
#define DRIVERS_HEST_H

#include <stdbool.h>
#include <stdint.h>

struct hest_info {
    unsigned sources;          /* 0: there is no such table */
    bool machine_checks_first; /* firmware sees machine checks before us */
    bool corrected_first;      /* the same of corrected ones */
    unsigned generic;          /* sources that firmware writes to memory */
};

/* Reads what follows the table's header: size bytes from the source count on
 * (ACPI 6.4, 18.3.2). A source of an unknown type ends the reading: its size
 * is not known. */
void hest_read(const uint8_t *body, uint32_t size, struct hest_info *info);

#endif
