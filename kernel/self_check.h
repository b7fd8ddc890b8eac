/* SPDX-License-Identifier: BSD-2-Clause */
/* The monitor's `check`: what this machine can and cannot contain. */
#ifndef KERNEL_SELF_CHECK_H
#define KERNEL_SELF_CHECK_H

struct acpi_info;

/* Registers the command; acpi must last. */
void self_check_register(const struct acpi_info *acpi);

#endif
