/* SPDX-License-Identifier: BSD-2-Clause */
/* The bits of the machine-check registers: SDM vol. 3, 15.3. */
#ifndef ARCH_X86_64_MCA_BITS_H
#define ARCH_X86_64_MCA_BITS_H

#include <stdint.h>

/* IA32_MCG_CAP (SDM vol. 3, 15.3.1.1) */
#define MCG_CAP_COUNT  0xffu        /* number of banks */
#define MCG_CAP_CTL_P  (1ull << 8)  /* IA32_MCG_CTL is there */
#define MCG_CAP_CMCI_P (1ull << 10) /* corrected errors may interrupt */
#define MCG_CAP_SER_P  (1ull << 24) /* software error recovery: S and AR */
#define MCG_CAP_LMCE_P (1ull << 27) /* local machine checks */

/* IA32_MCG_STATUS (SDM vol. 3, 15.3.1.2) */
#define MCG_STATUS_RIPV   (1ull << 0) /* execution can restart at the RIP */
#define MCG_STATUS_EIPV   (1ull << 1) /* the RIP belongs to the error */
#define MCG_STATUS_MCIP   (1ull << 2) /* a second #MC now is a shutdown */
#define MCG_STATUS_LMCE_S (1ull << 3) /* only this CPU was told */

/* IA32_MCi_STATUS (SDM vol. 3, 15.3.2.2) */
#define MCI_STATUS_VAL         (1ull << 63)
#define MCI_STATUS_OVER        (1ull << 62) /* another error was lost */
#define MCI_STATUS_UC          (1ull << 61) /* uncorrected */
#define MCI_STATUS_EN          (1ull << 60) /* enabled in IA32_MCi_CTL */
#define MCI_STATUS_MISCV       (1ull << 59)
#define MCI_STATUS_ADDRV       (1ull << 58)
#define MCI_STATUS_PCC         (1ull << 57) /* processor context corrupt */
#define MCI_STATUS_S           (1ull << 56) /* signalled by #MC; needs SER_P */
#define MCI_STATUS_AR          (1ull << 55) /* action required; needs SER_P */

#define MCI_STATUS_MSCOD_SHIFT 16
#define MCI_STATUS_MSCOD       (0xffffull << MCI_STATUS_MSCOD_SHIFT)
#define MCI_STATUS_MCACOD      0xffffull

/* Compare codes without bit 12, which only tells that corrected errors are
 * filtered (SDM vol. 3, 15.9.2.1). */
#define MCACOD_MASK       0xefffull
#define MCACOD_SCRUB_MASK 0xeff0ull /* the low digit is the channel */
#define MCACOD_SCRUB      0x00c0ull /* memory scrub: SRAO */
#define MCACOD_L3WB       0x017aull /* L3 explicit write-back: SRAO */
#define MCACOD_DATA       0x0134ull /* data load: SRAR */
#define MCACOD_INSTR      0x0150ull /* instruction fetch: SRAR */

/* IA32_MCi_MISC with SER_P (SDM vol. 3, 15.3.2.4) */
#define MCI_MISC_LSB        0x3full /* lowest valid bit of the address */
#define MCI_MISC_MODE_SHIFT 6
#define MCI_MISC_MODE       (7ull << MCI_MISC_MODE_SHIFT)
#define MCI_MISC_MODE_PHYS  (2ull << MCI_MISC_MODE_SHIFT)

/* No x86 processor has more physical address bits (SDM vol. 3, 4.1.4). */
#define MCI_ADDR_BITS 52

#endif
