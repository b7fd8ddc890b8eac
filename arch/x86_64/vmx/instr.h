/* SPDX-License-Identifier: BSD-2-Clause */
/* The VMX instructions that take an address; each returns false when it
 * failed (SDM vol. 3, 30.2). */
#ifndef VMX_INSTR_H
#define VMX_INSTR_H

#include <stdbool.h>
#include <stdint.h>

#define VMX_ADDRESS_INSTRUCTION(name)          \
    static inline bool name(uint64_t physical) \
    {                                          \
        bool failed;                           \
        asm volatile(#name " %1"               \
                     : "=@ccbe"(failed)        \
                     : "m"(physical)           \
                     : "memory");              \
        return !failed;                        \
    }

VMX_ADDRESS_INSTRUCTION(vmxon)
VMX_ADDRESS_INSTRUCTION(vmclear)
VMX_ADDRESS_INSTRUCTION(vmptrld)

static inline void vmxoff(void)
{
    asm volatile("vmxoff" ::: "cc", "memory");
}

struct vmx_invalidation {
    uint64_t first, second;
};

static inline bool invept(uint64_t type, uint64_t ept_pointer)
{
    struct vmx_invalidation what = {ept_pointer, 0};
    bool failed;

    asm volatile("invept %1, %2"
                 : "=@ccbe"(failed)
                 : "m"(what), "r"(type)
                 : "memory");
    return !failed;
}

static inline bool invvpid(uint64_t type, uint16_t vpid)
{
    struct vmx_invalidation what = {vpid, 0};
    bool failed;

    asm volatile("invvpid %1, %2"
                 : "=@ccbe"(failed)
                 : "m"(what), "r"(type)
                 : "memory");
    return !failed;
}

#endif
