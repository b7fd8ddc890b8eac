/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fields of the VMCS (SDM vol. 3, appendix B) and checked access to them. A
 * field that the processor refuses is named in the log: it is a mistake of
 * this folder, and no guest can cause it.
 */
#ifndef VMX_VMCS_H
#define VMX_VMCS_H

#include <stdbool.h>
#include <stdint.h>

/* clang-format off */
/* Segment fields: for segment i of enum segment_index, add 2 * i. */
#define VMCS_FIELDS(field)                                                     \
    field(VPID, 0x0000)                                                        \
    field(GUEST_SELECTOR, 0x0800)                                              \
    field(GUEST_INTERRUPT_STATUS, 0x0810)                                      \
    field(PML_INDEX, 0x0812)                                                   \
    field(HOST_ES, 0x0c00)                                                     \
    field(HOST_CS, 0x0c02)                                                     \
    field(HOST_SS, 0x0c04)                                                     \
    field(HOST_DS, 0x0c06)                                                     \
    field(HOST_FS, 0x0c08)                                                     \
    field(HOST_GS, 0x0c0a)                                                     \
    field(HOST_TR, 0x0c0c)                                                     \
    field(MSR_BITMAP, 0x2004)                                                  \
    field(PML_ADDRESS, 0x200e)                                                 \
    field(TSC_OFFSET, 0x2010)                                                  \
    field(VIRTUAL_APIC, 0x2012)                                                \
    field(EPT_POINTER, 0x201a)                                                 \
    field(EOI_EXIT_BITMAP, 0x201c)                                             \
    field(ENCLS_BITMAP, 0x202e)                                                \
    field(GUEST_PHYSICAL, 0x2400)                                              \
    field(VMCS_LINK, 0x2800)                                                   \
    field(GUEST_DEBUGCTL, 0x2802)                                              \
    field(GUEST_PAT, 0x2804)                                                   \
    field(GUEST_EFER, 0x2806)                                                  \
    field(GUEST_PDPTE, 0x280a)                                                 \
    field(HOST_PAT, 0x2c00)                                                    \
    field(HOST_EFER, 0x2c02)                                                   \
    field(PIN_CONTROLS, 0x4000)                                                \
    field(PROC_CONTROLS, 0x4002)                                               \
    field(EXCEPTION_BITMAP, 0x4004)                                            \
    field(PAGE_FAULT_MASK, 0x4006)                                             \
    field(PAGE_FAULT_MATCH, 0x4008)                                            \
    field(CR3_TARGETS, 0x400a)                                                 \
    field(EXIT_CONTROLS, 0x400c)                                               \
    field(EXIT_MSR_STORES, 0x400e)                                             \
    field(EXIT_MSR_LOADS, 0x4010)                                              \
    field(ENTRY_CONTROLS, 0x4012)                                              \
    field(ENTRY_MSR_LOADS, 0x4014)                                             \
    field(ENTRY_EVENT, 0x4016)                                                 \
    field(ENTRY_EVENT_ERROR, 0x4018)                                           \
    field(ENTRY_EVENT_LENGTH, 0x401a)                                          \
    field(TPR_THRESHOLD, 0x401c)                                               \
    field(PROC2_CONTROLS, 0x401e)                                              \
    field(INSTRUCTION_ERROR, 0x4400)                                           \
    field(EXIT_REASON, 0x4402)                                                 \
    field(EXIT_EVENT, 0x4404)                                                  \
    field(EXIT_EVENT_ERROR, 0x4406)                                            \
    field(VECTORING_EVENT, 0x4408)                                             \
    field(VECTORING_ERROR, 0x440a)                                             \
    field(EXIT_LENGTH, 0x440c)                                                 \
    field(GUEST_LIMIT, 0x4800)                                                 \
    field(GUEST_GDT_LIMIT, 0x4810)                                             \
    field(GUEST_IDT_LIMIT, 0x4812)                                             \
    field(GUEST_ACCESS, 0x4814)                                                \
    field(GUEST_INTERRUPTIBILITY, 0x4824)                                      \
    field(GUEST_ACTIVITY, 0x4826)                                              \
    field(GUEST_SYSENTER_CS, 0x482a)                                           \
    field(PREEMPTION_TIMER, 0x482e)                                            \
    field(HOST_SYSENTER_CS, 0x4c00)                                            \
    field(CR0_MASK, 0x6000)                                                    \
    field(CR4_MASK, 0x6002)                                                    \
    field(CR0_SHADOW, 0x6004)                                                  \
    field(CR4_SHADOW, 0x6006)                                                  \
    field(EXIT_QUALIFICATION, 0x6400)                                          \
    field(GUEST_LINEAR, 0x640a)                                                \
    field(GUEST_CR0, 0x6800)                                                   \
    field(GUEST_CR3, 0x6802)                                                   \
    field(GUEST_CR4, 0x6804)                                                   \
    field(GUEST_BASE, 0x6806)                                                  \
    field(GUEST_GDT_BASE, 0x6816)                                              \
    field(GUEST_IDT_BASE, 0x6818)                                              \
    field(GUEST_DR7, 0x681a)                                                   \
    field(GUEST_RSP, 0x681c)                                                   \
    field(GUEST_RIP, 0x681e)                                                   \
    field(GUEST_RFLAGS, 0x6820)                                                \
    field(GUEST_PENDING_DEBUG, 0x6822)                                         \
    field(GUEST_SYSENTER_ESP, 0x6824)                                          \
    field(GUEST_SYSENTER_EIP, 0x6826)                                          \
    field(HOST_CR0, 0x6c00)                                                    \
    field(HOST_CR3, 0x6c02)                                                    \
    field(HOST_CR4, 0x6c04)                                                    \
    field(HOST_FS_BASE, 0x6c06)                                                \
    field(HOST_GS_BASE, 0x6c08)                                                \
    field(HOST_TR_BASE, 0x6c0a)                                                \
    field(HOST_GDT_BASE, 0x6c0c)                                               \
    field(HOST_IDT_BASE, 0x6c0e)                                               \
    field(HOST_SYSENTER_ESP, 0x6c10)                                           \
    field(HOST_SYSENTER_EIP, 0x6c12)                                           \
    field(HOST_RSP, 0x6c14)                                                    \
    field(HOST_RIP, 0x6c16)
/* clang-format on */

#define VMCS_ENUM(name, encoding) VMCS_##name = encoding,
enum vmcs_field { VMCS_FIELDS(VMCS_ENUM) };
#undef VMCS_ENUM

/* Called from the assembly below with the field on the stack and all
 * registers kept: counts refusals, and logs the first few. */
__attribute__((cold, no_caller_saved_registers)) void vmread_refused(void);
__attribute__((cold, no_caller_saved_registers)) void vmwrite_refused(void);

/* Out of line, so that the check costs one instruction and no register. */
#define VMCS_CHECK(function, field, result) \
    "jbe 2f\n"                              \
    "1:\n\t"                                \
    ".pushsection .text.unlikely, \"ax\"\n" \
    "2:\tpush " field "\n\t"                \
    "call " function "\n\t"                 \
    "pop " field "\n\t" result "jmp 1b\n\t" \
    ".popsection"

/* No clobbered memory: a VMCS is reached in no other way, and these stay in
 * order among themselves and with VMPTRLD. A refused VMREAD gives 0. */
static inline uint64_t vmcs_read(uint64_t field)
{
    uint64_t value;

    asm volatile("vmread %1, %0\n\t" VMCS_CHECK("vmread_refused", "%1",
                                                "xor %k0, %k0\n\t")
                 : "=&r"(value)
                 : "r"(field)
                 : "cc");
    return value;
}

static inline void vmcs_write(uint64_t field, uint64_t value)
{
    asm volatile("vmwrite %1, %0\n\t" VMCS_CHECK("vmwrite_refused", "%0", "")
                 :
                 : "r"(field), "r"(value)
                 : "cc");
}

#endif
