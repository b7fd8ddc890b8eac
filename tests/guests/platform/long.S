/* SPDX-License-Identifier: BSD-2-Clause */
/* 64-bit code; RDI -> eight results; gives 64. */

    .text
    .code64
    .globl platform_long_code
platform_long_code:
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15

    /* Wide registers through an exit: 1 + 2 + ... + 8 times a number. */
    movabsq $0x0123456789ABCDEF, %r8
    leaq (%r8, %r8), %r9
    leaq (%r9, %r8), %r10
    leaq (%r10, %r8), %r11
    leaq (%r11, %r8), %r12
    leaq (%r12, %r8), %r13
    leaq (%r13, %r8), %r14
    leaq (%r14, %r8), %r15
    xorl %eax, %eax
    cpuid
    addq %r9, %r8
    addq %r10, %r8
    addq %r11, %r8
    addq %r12, %r8
    addq %r13, %r8
    addq %r14, %r8
    addq %r15, %r8
    movq %r8, (%rdi)

    movl $0xC0000080, %ecx
    rdmsr
    movl %eax, 8(%rdi)

    movl $0xFEE00030, %eax
    movl (%rax), %edx
    movl %edx, 16(%rdi)

    /* GS base by SWAPGS. */
    movl $0xC0000101, %ecx
    rdmsr
    movl %eax, %r14d
    movl %edx, %r15d
    movl $0xC0000102, %ecx
    movl $0x789AB000, %eax
    movl $0x00001234, %edx
    wrmsr
    swapgs
    movl $0xC0000101, %ecx
    rdmsr
    movl %eax, 24(%rdi)
    movl %edx, 28(%rdi)
    movl $0xC0000101, %ecx
    movl %r14d, %eax
    movl %r15d, %edx
    wrmsr

    movl $5, %eax
    movq %rax, %cr8
    movq %cr8, %rax
    movq %rax, 32(%rdi)
    movl $0xFEE00080, %eax
    movl (%rax), %edx
    movl %edx, 40(%rdi)

    /* A device read with REX, SIB and a displacement. */
    movl $0xFEE00000, %ebx
    movl $6, %ecx
    movq $-1, %r12
    movl (%rbx, %rcx, 8), %r12d
    movq %r12, 48(%rdi)

    movl $64, %eax
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    ret

    .section .note.GNU-stack, "", @progbits
