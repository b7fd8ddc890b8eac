/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bulkhead.cfg: the GRUB lines of Bulkhead, without GRUB.
 *
 *   # a comment
 *   multiboot2 /boot/bulkhead.elf loglevel=info
 *   module2 --nounzip /boot/vmlinuz vm=alpha mem=256M -- console=ttyS0
 */
#ifndef BOOT_EFI_CONFIG_H
#define BOOT_EFI_CONFIG_H

#include <stddef.h>

#include "kernel/boot_info.h"
#include "kernel/config.h"

#define EFI_CONFIG_MAX  65536 /* bytes of the file */
#define EFI_PATH_SIZE   256   /* with the NUL */
#define EFI_ERRORS_MAX  8
#define EFI_MODULES_MAX BOOT_MODULES_MAX

/* A line: the file, and what is told to the one who gets it. */
struct efi_line {
    unsigned number;            /* in the configuration file, from 1 */
    char path[EFI_PATH_SIZE];   /* begins with '/' */
    char words[BOOT_LINE_SIZE]; /* quoted as GRUB passes them on */
};

struct efi_config {
    struct efi_line kernel;
    struct efi_line modules[EFI_MODULES_MAX];
    unsigned module_count;
};

/*
 * Parses size bytes of text into *config. Words, quotes, escapes, comments
 * and a backslash at a line's end are GRUB's, so that GRUB reads the same
 * file; words are passed on as GRUB does it (grub-core/lib/cmdline.c): in
 * double quotes if they have a blank, with a backslash before \ ' and ".
 * Commands: multiboot2 once, then module2; --nounzip is ignored, since
 * nothing is unpacked. Everything that is wrong is reported, with the line of
 * the file (0: the file as a whole). Returns 0, or -EINVAL after an error.
 */
int efi_config_parse(const char *text, size_t size, struct efi_config *config,
                     struct config_errors *errors);

#endif
