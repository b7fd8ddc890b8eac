/* SPDX-License-Identifier: BSD-2-Clause */
/* 64-bit code: data[1] = 8 * data[0], by eight registers; gives data[0]. */

#define TURNS 200

    .text
    .code64
    .globl busy_long_code
busy_long_code:
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rdi, %rsi
    movl $TURNS, %edi
    movq (%rsi), %r8
    movq %r8, %r9
    movq %r8, %r10
    movq %r8, %r11
    movq %r8, %r12
    movq %r8, %r13
    movq %r8, %r14
    movq %r8, %r15
1:  rolq $1, %r8
    rorq $1, %r8
    testl $15, %edi
    jnz 2f
    xorl %eax, %eax
    cpuid
2:  decl %edi
    jnz 1b
    addq %r9, %r8
    addq %r10, %r8
    addq %r11, %r8
    addq %r12, %r8
    addq %r13, %r8
    addq %r14, %r8
    addq %r15, %r8
    movq %r8, 8(%rsi)
    movl (%rsi), %eax
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    ret

    .section .note.GNU-stack, "", @progbits
