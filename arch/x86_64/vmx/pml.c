/* SPDX-License-Identifier: BSD-2-Clause */
/* The page-modification log (SDM vol. 3, 28.2.6): 512 guest-physical
 * addresses, filled from the last entry down. */
#include "arch/x86_64/paging.h"
#include "arch/x86_64/vmx/ept.h"
#include "arch/x86_64/vmx/vmcs.h"
#include "arch/x86_64/vmx/vmx.h"

#define LOG_LAST 511u

/* The index names the next free entry and wraps below 0 when the log is
 * full. Low bits of an entry are not part of the address on every machine. */
void vmx_log_drain(struct vmx_vcpu *vmx)
{
    const uint64_t *log;
    uint16_t next;

    if (!vmx->log) {
        return;
    }
    next = (uint16_t)vmcs_read(VMCS_PML_INDEX);
    if (next == LOG_LAST) {
        return;
    }
    log = temp_map(TEMP_STAGE2, vmx->log);
    for (unsigned i = next > LOG_LAST ? 0 : next + 1u; i <= LOG_LAST; i++) {
        ept_mark_dirty(vmx->stage2, log[i] & EPT_ADDRESS);
    }
    temp_unmap(TEMP_STAGE2);
    vmcs_write(VMCS_PML_INDEX, LOG_LAST);
}
