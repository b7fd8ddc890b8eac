/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a further CPU starts: real mode, in a page below 1 MiB into which
 * this code is copied. Position-independent up to long mode; smp.c fills
 * the last words of the page.
 */
    .section .rodata
    .globl ap_start, ap_start_end
    .code16
ap_start:
    cli
    cld
    mov %cs, %ax
    mov %ax, %ds
    xor %ebx, %ebx
    mov %cs, %bx
    shl $4, %ebx /* linear address of the page */
    lgdtl 0xfd0
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmpl *0xff0 /* to 1f, selector 8 */
    .code32
1:  mov $0x10, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov %cr4, %eax
    or $0x20, %eax /* PAE */
    mov %eax, %cr4
    mov 0xfe0(%ebx), %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    rdmsr
    or $0x900, %eax /* LME, NXE */
    wrmsr
    mov %cr0, %eax
    and $0x9fffffff, %eax
    or $0x80010021, %eax
    mov %eax, %cr0
    ljmpl *0xff8(%ebx) /* to 2f, selector 0x18 */
    .code64
2:  mov %ebx, %ebx
    mov 0xfe8(%rbx), %rsp
    mov 0xfd8(%rbx), %rax
    xor %ebp, %ebp
    jmp *%rax
ap_start_end:
    .globl ap_start_32, ap_start_64
    .set ap_start_32, 1b - ap_start
    .set ap_start_64, 2b - ap_start
    .section .note.GNU-stack, "", @progbits
