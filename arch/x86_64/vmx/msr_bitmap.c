/* SPDX-License-Identifier: BSD-2-Clause */
/* The MSR bitmap: a set bit is an exit (SDM vol. 3, 24.6.9). */
#include "arch/x86_64/msr.h"
#include "arch/x86_64/paging.h"
#include "arch/x86_64/vmx/vmx.h"

#define BITMAP_WRITE 0x800 /* byte offset of the half for writes */
#define BITMAP_HIGH  0x400 /* of MSRs from 0xC0000000, in each half */

/* What of the local APIC can be read without side effect from its page; not
 * the current count, which runs, and not ICR, whose upper half the page
 * keeps elsewhere in xAPIC mode (SDM vol. 3, 10.12.1.2 and 29.5). */
static const uint8_t readable[] = {
    0x02, 0x03, 0x08, 0x0a, 0x0d, 0x0f, 0x10, 0x11, 0x12, 0x13,
    0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d,
    0x1e, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27,
    0x28, 0x2f, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x3e,
};

#define X2APIC_TPR      0x808
#define X2APIC_EOI      0x80b
#define X2APIC_SELF_IPI 0x83f

static void set_exit(uint64_t bitmap, uint32_t msr, unsigned half, bool on)
{
    uint8_t *byte = temp_map(TEMP_STAGE2, bitmap);
    uint32_t bit = msr & 0x1fff;

    byte += half + (msr >> 31 ? BITMAP_HIGH : 0) + bit / 8;
    if (on) {
        *byte |= (uint8_t)(1 << bit % 8);
    } else {
        *byte &= (uint8_t) ~(1 << bit % 8);
    }
    temp_unmap(TEMP_STAGE2);
}

void vmx_msr_open(uint64_t bitmap, uint32_t msr)
{
    if ((msr & ~0xc0001fffu) != 0 || msr >> 30 == 1 || msr >> 30 == 2) {
        return; /* not in the bitmap: always an exit */
    }
    set_exit(bitmap, msr, 0, false);
    set_exit(bitmap, msr, BITMAP_WRITE, false);
}

void vmx_msr_x2apic(uint64_t bitmap, bool on)
{
    uint32_t may2 = (uint32_t)vmx_caps.may[VMX_PROC2];

    set_exit(bitmap, X2APIC_TPR, 0, !on);
    set_exit(bitmap, X2APIC_TPR, BITMAP_WRITE, !on);
    if (may2 & PROC2_APIC_REGISTERS) {
        for (unsigned i = 0; i < sizeof(readable); i++) {
            set_exit(bitmap, MSR_X2APIC_FIRST + readable[i], 0, !on);
        }
    }
    if (may2 & PROC2_INTERRUPT_DELIVERY) {
        set_exit(bitmap, X2APIC_EOI, BITMAP_WRITE, !on);
        set_exit(bitmap, X2APIC_SELF_IPI, BITMAP_WRITE, !on);
    }
}
