/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupt entries that note the time before anything else. */

    .text
    .globl timing_entry
timing_entry:
    pushl %eax
    pushl %edx
    pushl %ecx
    rdtsc
    movl %eax, timing_stamp
    movl %edx, timing_stamp + 4
    call apic_eoi
    popl %ecx
    popl %edx
    popl %eax
    iretl

    .section .note.GNU-stack, "", @progbits
