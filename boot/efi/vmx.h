/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BOOT_EFI_VMX_H
#define BOOT_EFI_VMX_H

/* Ends VMX operation, if this processor is in it. After boot services. */
void vmx_leave(void);

#endif
