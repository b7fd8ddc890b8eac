/* SPDX-License-Identifier: BSD-2-Clause */
/* Model-specific registers by their SDM names (SDM vol. 4, table 2-2). */
#ifndef ARCH_MSR_H
#define ARCH_MSR_H

#define MSR_TSC             0x010
#define MSR_PLATFORM_ID     0x017
#define MSR_APIC_BASE       0x01b
#define MSR_FEATURE_CONTROL 0x03a
#define MSR_TSC_ADJUST      0x03b
#define MSR_SPEC_CTRL       0x048
#define MSR_PRED_CMD        0x049
#define MSR_UCODE_REV       0x08b
#define MSR_MTRRCAP         0x0fe
#define MSR_ARCH_CAPS       0x10a
#define MSR_FLUSH_CMD       0x10b
#define MSR_SYSENTER_CS     0x174
#define MSR_SYSENTER_ESP    0x175
#define MSR_SYSENTER_EIP    0x176
#define MSR_MCG_CAP         0x179
#define MSR_MCG_STATUS      0x17a
#define MSR_MCG_CTL         0x17b
#define MSR_MISC_ENABLE     0x1a0
#define MSR_DEBUGCTL        0x1d9
#define DEBUGCTL_BTF        (1ul << 1) /* single-step on branches */
#define MSR_MTRR_PHYSBASE0  0x200
#define MSR_PAT             0x277
#define MSR_MC0_CTL2        0x280
#define MSR_MTRR_DEF_TYPE   0x2ff
#define MSR_MC0_CTL         0x400
#define MSR_MC0_STATUS      0x401
#define MSR_MC0_ADDR        0x402
#define MSR_MC0_MISC        0x403
#define MSR_VMX_BASIC       0x480
#define MSR_VMX_PIN         0x481
#define MSR_VMX_PROC        0x482
#define MSR_VMX_EXIT        0x483
#define MSR_VMX_ENTRY       0x484
#define MSR_VMX_MISC        0x485
#define MSR_VMX_CR0_FIXED0  0x486
#define MSR_VMX_CR0_FIXED1  0x487
#define MSR_VMX_CR4_FIXED0  0x488
#define MSR_VMX_CR4_FIXED1  0x489
#define MSR_VMX_PROC2       0x48b
#define MSR_VMX_EPT_VPID    0x48c
#define MSR_VMX_TRUE_PIN    0x48d
#define MSR_VMX_TRUE_PROC   0x48e
#define MSR_VMX_TRUE_EXIT   0x48f
#define MSR_VMX_TRUE_ENTRY  0x490
#define MSR_MCG_EXT_CTL     0x4d0
#define MSR_TSC_DEADLINE    0x6e0
#define MSR_X2APIC_FIRST    0x800
#define MSR_X2APIC_LAST     0x8ff
#define MSR_XSS             0xda0
#define MSR_EFER            0xc0000080
#define MSR_STAR            0xc0000081
#define MSR_LSTAR           0xc0000082
#define MSR_CSTAR           0xc0000083
#define MSR_FMASK           0xc0000084
#define MSR_FS_BASE         0xc0000100
#define MSR_GS_BASE         0xc0000101
#define MSR_KERNEL_GS_BASE  0xc0000102
#define MSR_TSC_AUX         0xc0000103

#endif
