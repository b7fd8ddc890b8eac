/* SPDX-License-Identifier: BSD-2-Clause */
/* Interruptibility state (SDM vol. 3, table 24-3). */
#ifndef VMX_SHADOW_H
#define VMX_SHADOW_H

#define SHADOW_STI    1u
#define SHADOW_MOV_SS 2u
#define SHADOW_NMI    8u /* with virtual NMIs: virtual-NMI blocking */

#endif
