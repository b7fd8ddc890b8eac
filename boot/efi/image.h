/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor's file: ELF64 with a Multiboot2 header. */
#ifndef BOOT_EFI_IMAGE_H
#define BOOT_EFI_IMAGE_H

#include <stddef.h>
#include <stdint.h>

struct efi_image {
    uint64_t start, end; /* where it goes: physical, whole pages */
    uint32_t entry;      /* of 32-bit code, physical */
};

/*
 * Checks a file of size bytes: a program of x86_64 that is loaded between
 * 1 MiB and 4 GiB and takes at most 64 MiB there, with a Multiboot2 header
 * (specification 2.0, 3.1) in its first 32 KiB that names the entry and asks
 * for nothing that this loader does not do. 0; -EINVAL, and *why is what is
 * wrong with it.
 */
int efi_image_check(const void *file, size_t size, struct efi_image *image,
                    const char **why);

/* Lays the image out, as it has to be in memory, in a buffer of end - start
 * bytes. The file must have passed the check. */
void efi_image_place(const void *file, const struct efi_image *image,
                     void *buffer);

#endif
