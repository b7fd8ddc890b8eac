/* SPDX-License-Identifier: BSD-2-Clause */
/* Exit reasons that the code names (SDM vol. 3, appendix C). */
#ifndef VMX_REASON_H
#define VMX_REASON_H

#define REASON_FAILED (1u << 31) /* the entry failed */
/* Ours, in a bit that the processor leaves 0: the low bits are the error
 * number of VMLAUNCH or VMRESUME (SDM vol. 3, 30.4). */
#define REASON_INSTRUCTION (1u << 30)

#define REASON_GUEST_STATE 33u
#define REASON_ENTRY_MCE   41u

#endif
