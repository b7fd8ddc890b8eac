/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BOOT_EFI_DESCRIBE_H
#define BOOT_EFI_DESCRIBE_H

#include <efi.h>

#include "boot/efi/information.h"

/* What firmware's answer means, and what can be done about it. */
const char *describe_status(EFI_STATUS status);

/* Adds the tags for firmware's own table, the ACPI tables' root and, where
 * there is one, the frame buffer. */
void describe_machine(EFI_SYSTEM_TABLE *system,
                      struct efi_information *information);

#endif
